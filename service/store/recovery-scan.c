/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recovery scan
 */

#include "store/recovery-scan.h"

#include "store/record-reader.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef struct Scan {
        const StoreDirectory *directory;
        GArray *checkpoints, *journals; /* ManifestFile */
        uint64_t newest;                /* revision of a journal */
        sd_id128_t boot_id;             /* its boot */
} Scan;

/* The header of a file, which is what its name says; or nothing is added. */
static int add_file(Scan *scan, const char *name, const char *magic, GArray *files)
{
        const Io *io = scan->directory->io;
        g_autoptr(RecordReader) reader = NULL;
        ManifestFile file;
        int fd, r;

        fd = io_openat(io, scan->directory->fd, name, O_RDONLY, 0);
        if (fd < 0)
                return fd;
        r = record_reader_new(&reader, io, fd, magic);
        close(fd);
        if (r == RECORD_E_NEWER)
                return MANIFEST_E_NEWER;
        if (r != 0)
                return 0;

        file.revision = record_reader_header(reader)->base_revision;
        memcpy(&file.uuid, record_reader_header(reader)->uuid, sizeof file.uuid);
        g_array_append_val(files, file);
        if (files == scan->journals && file.revision >= scan->newest) {
                scan->newest = file.revision;
                memcpy(&scan->boot_id, record_reader_header(reader)->boot_id, sizeof scan->boot_id);
        }
        return 0;
}

static int add_files(Scan *scan)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        int r;

        r = io_list(scan->directory->io, scan->directory->fd, names);
        for (guint i = 0; i < names->len && r == 0; i++) {
                const char *name = names->pdata[i];

                if (g_str_has_prefix(name, "checkpoint-"))
                        r = add_file(scan, name, FORMAT_MAGIC_CHECKPOINT, scan->checkpoints);
                else if (g_str_has_prefix(name, "journal-"))
                        r = add_file(scan, name, FORMAT_MAGIC_JOURNAL, scan->journals);
        }

        return r;
}

static gint compare_files(gconstpointer a, gconstpointer b)
{
        const ManifestFile *first = a, *second = b;

        return first->revision < second->revision ? -1 : first->revision > second->revision;
}

/* The journals from @from on and before @to become a generation, older than those so far. */
static void add_generation(Manifest *manifest,
                           const Scan *scan,
                           ManifestFile checkpoint,
                           uint64_t to)
{
        ManifestGeneration *generation = manifest_append_generation(manifest, checkpoint);

        for (guint i = 0; i < scan->journals->len; i++) {
                ManifestFile journal = g_array_index(scan->journals, ManifestFile, i);

                if (journal.revision >= checkpoint.revision && journal.revision < to)
                        manifest_generation_add_journal(generation, journal);
        }
}

static void add_generations(Manifest *manifest, const Scan *scan)
{
        uint64_t to = UINT64_MAX;

        for (guint i = scan->checkpoints->len; i > 0; i--) {
                ManifestFile checkpoint = g_array_index(scan->checkpoints, ManifestFile, i - 1);

                add_generation(manifest, scan, checkpoint, to);
                to = checkpoint.revision;
        }

        /* The first generation of all has no checkpoint. */
        if (scan->journals->len > 0 &&
            g_array_index(scan->journals, ManifestFile, 0).revision == 0 && to > 0)
                add_generation(manifest, scan, (ManifestFile){ 0 }, to);
}

int recovery_scan(const StoreDirectory *directory, Manifest **ret_manifest)
{
        g_autoptr(GArray) checkpoints = g_array_new(FALSE, FALSE, sizeof(ManifestFile));
        g_autoptr(GArray) journals = g_array_new(FALSE, FALSE, sizeof(ManifestFile));
        Scan scan = { .directory = directory, .checkpoints = checkpoints, .journals = journals };
        int r;

        r = add_files(&scan);
        if (r != 0)
                return r;

        g_array_sort(checkpoints, compare_files);
        g_array_sort(journals, compare_files);
        *ret_manifest = manifest_new(SD_ID128_NULL, scan.boot_id);
        add_generations(*ret_manifest, &scan);
        return 0;
}

static int holds_commits(const StoreDirectory *directory, uint64_t revision, bool *ret_holds)
{
        g_autofree char *name = manifest_journal_name(revision);
        g_autoptr(RecordReader) reader = NULL;
        Record record;
        int fd, r;

        fd = io_openat(directory->io, directory->fd, name, O_RDONLY, 0);
        if (fd < 0)
                return fd;
        r = record_reader_new(&reader, directory->io, fd, FORMAT_MAGIC_JOURNAL);
        if (r == 0)
                r = record_reader_find(reader, record_reader_position(reader).offset, &record);
        close(fd);
        if (r < 0)
                return r;

        *ret_holds = r == 0;
        return 0;
}

int recovery_scan_is_outdated(const StoreDirectory *directory,
                              const Manifest *manifest,
                              bool *ret_is_outdated)
{
        g_autoptr(Manifest) found = NULL;
        const ManifestGeneration *newest;
        uint64_t known = manifest_newest_journal(manifest)->revision;
        bool is_outdated = false;
        int r;

        r = recovery_scan(directory, &found);
        if (r != 0)
                return r;

        newest = found->generations->len > 0 ? manifest_generation(found, 0) : NULL;
        for (guint i = 0; newest && i < newest->journals->len && !is_outdated; i++) {
                uint64_t revision = g_array_index(newest->journals, ManifestFile, i).revision;

                if (revision <= known)
                        continue;
                r = holds_commits(directory, revision, &is_outdated);
                if (r < 0)
                        return r;
        }

        *ret_is_outdated = is_outdated;
        return 0;
}
