/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Examine
 *
 * The verdict comes of the functions that a start uses, so that the two cannot disagree; what is
 * only told, as the number of records, is counted beside that.
 */

#include "offline/examine.h"

#include "client/regent-store-stream.h"
#include "store/checkpoint-file.h"
#include "store/commit-record.h"
#include "store/record-reader.h"

#include <errno.h>
#include <string.h>

#define MANIFEST_BEGINNING "[Manifest]"

FileKind examine_name(const char *name)
{
        if (strcmp(name, MANIFEST_NAME) == 0)
                return FILE_MANIFEST;
        if (g_str_has_prefix(name, "checkpoint-"))
                return FILE_CHECKPOINT;
        return g_str_has_prefix(name, "journal-") ? FILE_JOURNAL : FILE_UNKNOWN;
}

const char *examine_kind_name(FileKind kind)
{
        static const char *const names[] = {
                [FILE_UNKNOWN] = "unknown",
                [FILE_MANIFEST] = "manifest",
                [FILE_CHECKPOINT] = "checkpoint",
                [FILE_JOURNAL] = "journal",
        };

        return names[kind];
}

static void judge(Examination *examination, const char *verdict, const char *reason)
{
        examination->verdict = verdict;
        examination->reason = reason;
}

Examination examine_missing(FileKind kind)
{
        Examination examination = { .kind = kind };

        judge(&examination, REGENT_STORE_DAMAGED, "it is missing");
        return examination;
}

/* A whole record of this file anywhere in it, also where the sequence has ended, counts here. */
static int find_highest(RecordReader *reader, Examination *examination)
{
        uint64_t offset = record_reader_position(reader).offset;

        for (;;) {
                Record record;
                int r;

                r = record_reader_find(reader, offset, &record);
                if (r != 0)
                        return r == RECORD_E_NONE ? 0 : r;
                examination->highest = MAX(examination->highest, record.header.revision);
                offset = record.offset + 8;
        }
}

static void take_header(Examination *examination, const FileHeader *header)
{
        examination->identity.revision = header->base_revision;
        memcpy(&examination->identity.uuid, header->uuid, sizeof header->uuid);
        examination->highest = header->base_revision;
        examination->created_usec = header->created_usec;
}

/* 0, or a verdict has been given: RECORD_E_NONE or RECORD_E_NEWER; or an errno. */
static int read_header(const Io *io, int fd, const char *magic, Examination *examination)
{
        g_autoptr(RecordReader) reader = NULL;
        int r;

        r = record_reader_new(&reader, io, fd, magic);
        if (r == RECORD_E_NEWER)
                judge(examination, REGENT_STORE_NEWER, "it was written by a later version");
        else if (r == RECORD_E_NONE)
                judge(examination, REGENT_STORE_DAMAGED, "its header is bad");
        if (r != 0)
                return r;

        take_header(examination, record_reader_header(reader));
        return find_highest(reader, examination);
}

static int count_namespace(void *userdata,
                           const char *name G_GNUC_UNUSED,
                           const NamespaceAccess *access G_GNUC_UNUSED,
                           uint64_t created_revision G_GNUC_UNUSED,
                           uint64_t revision G_GNUC_UNUSED)
{
        ((Examination *) userdata)->n_namespaces++;
        return 0;
}

static int count_group(void *userdata G_GNUC_UNUSED, const char *name G_GNUC_UNUSED)
{
        return 0;
}

static int count_entry(void *userdata,
                       const EntryView *view,
                       uint64_t revision,
                       uint64_t time_usec G_GNUC_UNUSED,
                       uint32_t writer_uid G_GNUC_UNUSED)
{
        Examination *examination = userdata;
        g_autoptr(Entry) entry = NULL;
        int r;

        r = entry_codec_make(&entry, NULL, view);
        if (r < 0)
                return r;
        examination->highest = MAX(examination->highest, revision);
        examination->n_entries++;
        return 0;
}

/* How far the records of a checkpoint go. */
static int count_records(const Io *io, int fd, Examination *examination)
{
        g_autoptr(RecordReader) reader = NULL;
        int r;

        r = record_reader_new(&reader, io, fd, FORMAT_MAGIC_CHECKPOINT);
        while (r == 0) {
                Record record;

                r = record_reader_next(reader, &record);
                if (r == 0)
                        examination->n_records++;
        }
        if (reader)
                examination->offset = record_reader_position(reader).offset;
        return MIN(r, 0);
}

static int examine_checkpoint(const Io *io, int fd, Examination *examination)
{
        const CheckpointSink sink = { count_namespace, count_group, count_entry, examination };
        int r;

        r = read_header(io, fd, FORMAT_MAGIC_CHECKPOINT, examination);
        if (r != 0)
                return MIN(r, 0);
        examination->first = examination->last = examination->identity.revision;
        r = count_records(io, fd, examination);
        if (r < 0)
                return r;

        r = checkpoint_read_open(io, fd, &examination->identity, &sink);
        if (r == CHECKPOINT_E_NEWER)
                judge(examination, REGENT_STORE_NEWER, "it was written by a later version");
        else if (r == -EBADMSG)
                judge(examination, REGENT_STORE_DAMAGED, "a record is missing or damaged");
        return r == -EBADMSG ? 0 : MIN(r, 0);
}

static int count_commit(void *userdata, const Record *record)
{
        Examination *examination = userdata;
        const RecordHeader *header = &record->header;
        g_autoptr(Commit) commit = NULL;
        int r = 0;

        if (header->kind == RECORD_RESTORE)
                r = commit_codec_get_restoration(&commit, record->payload, header->payload_bytes,
                                                 header->revision, header->time_usec);
        else if (commit_record_is_commit(header->kind))
                r = commit_record_get(&commit, record);
        if (r != 0)
                return r == COMMIT_CODEC_E_NEWER ? JOURNAL_E_NEWER : r;

        if (examination->first == 0)
                examination->first = header->revision;
        examination->last = header->revision;
        return 0;
}

static void judge_journal(Examination *examination, const JournalFindings *findings)
{
        examination->n_records = findings->n_records;
        examination->offset = findings->position.offset;
        examination->link = findings->position.previous;
        examination->highest = MAX(examination->highest, findings->revision);
        if (findings->end == JOURNAL_DAMAGED)
                judge(examination, REGENT_STORE_DAMAGED, findings->reason);
        else if (findings->end == JOURNAL_TORN)
                judge(examination, REGENT_STORE_TORN, "nobody was told that its end was on disk");
}

static int examine_journal(const Io *io,
                           int fd,
                           const JournalExpectation *expectation,
                           Examination *examination)
{
        JournalExpectation own = { .is_newest = true };
        JournalFindings findings;
        int r;

        r = read_header(io, fd, FORMAT_MAGIC_JOURNAL, examination);
        if (r != 0)
                return MIN(r, 0);

        own.file = examination->identity;
        r = journal_read_open(io, fd, expectation ? expectation : &own, count_commit, examination,
                              &findings);
        if (r == JOURNAL_E_NEWER)
                judge(examination, REGENT_STORE_NEWER, "it was written by a later version");
        else if (r == 0)
                judge_journal(examination, &findings);
        return MIN(r, 0);
}

static void take_manifest(Examination *examination, const Manifest *manifest)
{
        examination->first = manifest_oldest_revision(manifest);
        examination->last = manifest->committed;
        examination->highest = MAX(MAX(manifest->reserved, manifest->committed),
                                   MAX(manifest->floor, manifest->void_last));
}

static int examine_manifest(const Io *io, int fd, Examination *examination)
{
        g_autofree char *text = g_malloc0(MANIFEST_BYTES_MAX + 1);
        g_autoptr(Manifest) manifest = NULL;
        ssize_t n;
        int r;

        n = io_pread_full(io, fd, text, MANIFEST_BYTES_MAX, 0);
        if (n < 0)
                return (int) n;

        r = examination->n_bytes > (uint64_t) n ? -EBADMSG
                                                : manifest_from_text(&manifest, text, (size_t) n);
        if (r == MANIFEST_E_NEWER)
                judge(examination, REGENT_STORE_NEWER, "it was written by a later version");
        else if (r < 0)
                judge(examination, REGENT_STORE_DAMAGED, "its text or its checksum is wrong");
        else
                take_manifest(examination, manifest);
        return 0;
}

/* By its first bytes, else by its name. */
static int find_kind(const Io *io, int fd, FileKind kind, FileKind *ret_kind)
{
        char beginning[sizeof MANIFEST_BEGINNING] = { 0 };
        ssize_t n = io_pread_full(io, fd, beginning, sizeof beginning - 1, 0);

        if (n < 0)
                return (int) n;
        if (memcmp(beginning, FORMAT_MAGIC_JOURNAL, 8) == 0)
                kind = FILE_JOURNAL;
        else if (memcmp(beginning, FORMAT_MAGIC_CHECKPOINT, 8) == 0)
                kind = FILE_CHECKPOINT;
        else if (strcmp(beginning, MANIFEST_BEGINNING) == 0)
                kind = FILE_MANIFEST;
        *ret_kind = kind;
        return 0;
}

static int examine_kind(const Io *io,
                        int fd,
                        FileKind named,
                        const JournalExpectation *expectation,
                        Examination *examination)
{
        int r;

        r = io_size(io, fd, &examination->n_bytes);
        if (r < 0)
                return r;
        r = find_kind(io, fd, named, &examination->kind);
        if (r < 0)
                return r;
        if (named != FILE_UNKNOWN && examination->kind != named) {
                judge(examination, REGENT_STORE_DAMAGED, "another file in its place");
                return 0;
        }

        switch (examination->kind) {
        case FILE_MANIFEST:
                return examine_manifest(io, fd, examination);
        case FILE_CHECKPOINT:
                return examine_checkpoint(io, fd, examination);
        case FILE_JOURNAL:
                return examine_journal(io, fd, expectation, examination);
        default:
                judge(examination, REGENT_STORE_DAMAGED, "it is no file of regentd's");
                return 0;
        }
}

int examine(const Io *io,
            int fd,
            FileKind kind,
            const JournalExpectation *expectation,
            Examination *ret_examination)
{
        int r;

        *ret_examination = (Examination){ .kind = kind };
        judge(ret_examination, REGENT_STORE_WHOLE, NULL);
        r = examine_kind(io, fd, kind, expectation, ret_examination);
        if (r == -EIO) {
                judge(ret_examination, REGENT_STORE_DAMAGED, "it cannot be read");
                return 0;
        }
        return r;
}
