/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Restorations
 */

#include "store/restorations.h"

#include "store/commit-codec.h"
#include "store/record-reader.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int take_record(const Record *record, GArray *sources)
{
        g_autoptr(Commit) commit = NULL;
        ManifestFile source;

        if (record->header.kind != RECORD_RESTORE)
                return 0;
        if (commit_codec_get_restoration(&commit, record->payload, record->header.payload_bytes,
                                         record->header.revision, record->header.time_usec) != 0)
                return -EBADMSG;

        source.revision = commit->source.revision;
        memcpy(&source.uuid, commit->source.id, sizeof source.uuid);
        g_array_append_val(sources, source);
        return 0;
}

static int look_through(RecordReader *reader, GArray *sources)
{
        uint64_t offset = record_reader_position(reader).offset;

        for (;;) {
                Record record;
                int r;

                r = record_reader_find(reader, offset, &record);
                if (r == RECORD_E_NONE)
                        return 0;
                if (r == 0)
                        r = take_record(&record, sources);
                if (r != 0)
                        return r;
                offset = record.offset + record.header.length;
        }
}

static int read_journal(const StoreDirectory *directory, const ManifestFile *file, GArray *sources)
{
        g_autofree char *name = manifest_journal_name(file->revision);
        g_autoptr(RecordReader) reader = NULL;
        int fd, r;

        fd = directory_open_file(directory, name);
        if (fd < 0)
                return fd;
        r = record_reader_new(&reader, directory->io, fd, FORMAT_MAGIC_JOURNAL);
        if (r == 0)
                r = look_through(reader, sources);
        close(fd);
        return r > 0 ? -EBADMSG : r;
}

int restorations_find(const StoreDirectory *directory, const Manifest *manifest, GArray *sources)
{
        for (guint age = 0; age < manifest->generations->len; age++) {
                const GArray *journals = manifest_generation(manifest, age)->journals;

                for (guint i = 0; i < journals->len; i++) {
                        int r = read_journal(directory, &g_array_index(journals, ManifestFile, i),
                                             sources);

                        if (r < 0)
                                return r;
                }
        }

        return 0;
}
