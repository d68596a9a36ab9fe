/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Journal reader
 *
 * Why zeros may be written over a torn tail: recovery that is killed while it does so finds the
 * same last good record, and of the tail a part, in which no record says anything new.
 */

#include "store/journal-reader.h"

#include "store/record-reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define COPY_BYTES ((size_t) 1 << 20)

static int damaged(JournalFindings *findings, const char *reason)
{
        findings->end = JOURNAL_DAMAGED;
        findings->reason = reason;
        return 0;
}

static bool header_is_expected(const FileHeader *header, const JournalExpectation *expectation)
{
        return memcmp(header->uuid, &expectation->file.uuid, sizeof header->uuid) == 0 &&
               header->base_revision == expectation->file.revision;
}

/* 0 when the record is in its place and counts, JOURNAL_E_END when it does not. */
static int take_record(JournalFindings *findings,
                       const Record *record,
                       JournalSink sink,
                       void *userdata)
{
        int r;

        switch (record->header.kind) {
        case RECORD_MARK:
                if (record->header.revision != findings->revision)
                        return -EBADMSG;
                break;
        case RECORD_COMMIT:
        case RECORD_RESTORE:
        case RECORD_PENDING:
        case RECORD_CONFIRMATION:
        case RECORD_UNDOING:
                if (record->header.revision <= findings->revision)
                        return -EBADMSG;
                r = sink(userdata, record);
                if (r != 0)
                        return r;
                break;
        default:
                return JOURNAL_E_NEWER;
        }

        findings->revision = record->header.revision;
        findings->is_marked = record->header.kind == RECORD_MARK;
        findings->n_records++;
        if (record->header.durable > findings->durable) {
                findings->durable = record->header.durable;
                findings->unsure_offset = record->offset;
        }
        return 0;
}

/* Takes records while they are in sequence. */
static int read_sequence(RecordReader *reader,
                         JournalFindings *findings,
                         JournalSink sink,
                         void *userdata)
{
        for (;;) {
                Record record;
                int r;

                r = record_reader_next(reader, &record);
                if (r == RECORD_E_NEWER)
                        return JOURNAL_E_NEWER;
                if (r != 0)
                        return r == RECORD_E_NONE ? 0 : r;

                r = take_record(findings, &record, sink, userdata);
                if (r == JOURNAL_E_END)
                        return 0;
                if (r == -EBADMSG)
                        return damaged(findings, "a record that makes no sense");
                if (r != 0)
                        return r;
                findings->position = record_reader_position(reader);
        }
}

/* Whether @record says that the last one in sequence is not what was durable in its place. */
static bool links_to_another(const JournalFindings *findings, const Record *record)
{
        return record->offset == findings->position.offset &&
               record->header.previous != findings->position.previous &&
               record->header.durable >= findings->revision;
}

/* Whether any record behind the sequence says that more, or else, was durable. */
static int find_witness(RecordReader *reader, const JournalFindings *findings, bool *ret_found)
{
        uint64_t offset = findings->position.offset;

        *ret_found = false;
        for (;;) {
                Record record;
                int r;

                r = record_reader_find(reader, offset, &record);
                if (r == RECORD_E_NONE)
                        return 0;
                if (r < 0)
                        return r;
                if (record.header.durable > findings->revision ||
                    links_to_another(findings, &record)) {
                        *ret_found = true;
                        return 0;
                }
                offset = record.offset + 8;
        }
}

static int judge_end(RecordReader *reader,
                     const JournalExpectation *expectation,
                     JournalFindings *findings)
{
        bool has_witness, is_cut_off;
        int r;

        r = record_reader_zeros_from(reader, findings->position.offset, &findings->dirty_end);
        if (r < 0)
                return r;
        r = find_witness(reader, findings, &has_witness);
        if (r < 0)
                return r;

        if (has_witness)
                return damaged(findings, "a durable record is missing");
        if (expectation->is_newest && expectation->committed > findings->revision)
                return damaged(findings, "a record the manifest knows is missing");
        is_cut_off = record_reader_file_bytes(reader) < expectation->least_bytes;
        if (is_cut_off && expectation->is_newest)
                return damaged(findings, "a journal is cut off");
        if (is_cut_off || findings->dirty_end > findings->position.offset)
                findings->end = expectation->is_newest ? JOURNAL_TORN : JOURNAL_UNCLEAN;
        return 0;
}

static int read_open(RecordReader *reader,
                     const JournalExpectation *expectation,
                     JournalSink sink,
                     void *userdata,
                     JournalFindings *findings)
{
        const FileHeader *header = record_reader_header(reader);
        int r;

        if (!header_is_expected(header, expectation))
                return damaged(findings, "another file in a journal's place");
        if (expectation->has_predecessor && header->predecessor != expectation->predecessor) {
                findings->is_predecessor = true;
                return damaged(findings, "the end of a journal is missing");
        }

        findings->version = header->version;
        findings->position = record_reader_position(reader);
        findings->unsure_offset = findings->position.offset;
        findings->revision = header->base_revision;
        r = read_sequence(reader, findings, sink, userdata);
        if (r != 0 || findings->end == JOURNAL_DAMAGED)
                return r;

        return judge_end(reader, expectation, findings);
}

int journal_read_open(const Io *io,
                      int fd,
                      const JournalExpectation *expectation,
                      JournalSink sink,
                      void *userdata,
                      JournalFindings *ret_findings)
{
        g_autoptr(RecordReader) reader = NULL;
        int r;

        *ret_findings = (JournalFindings){ 0 };
        r = record_reader_new(&reader, io, fd, FORMAT_MAGIC_JOURNAL);
        if (r == RECORD_E_NONE)
                r = damaged(ret_findings, "a journal's header is bad");
        else if (r == RECORD_E_NEWER)
                r = JOURNAL_E_NEWER;
        else if (r == 0)
                r = read_open(reader, expectation, sink, userdata, ret_findings);
        if (r < 0 && !io_is_refusal(r))
                r = damaged(ret_findings, "a journal cannot be read");

        return r;
}

int journal_read(const StoreDirectory *directory,
                 const JournalExpectation *expectation,
                 JournalSink sink,
                 void *userdata,
                 JournalFindings *ret_findings)
{
        g_autofree char *name = manifest_journal_name(expectation->file.revision);
        int fd, r;

        *ret_findings = (JournalFindings){ 0 };
        fd = directory_open_file(directory, name);
        if (fd == -ENOENT)
                return damaged(ret_findings, "a journal is missing");
        if (fd < 0)
                return io_is_refusal(fd) ? fd : damaged(ret_findings, "a journal cannot be read");

        r = journal_read_open(directory->io, fd, expectation, sink, userdata, ret_findings);
        close(fd);
        return r;
}

/* Writes the bytes of [from, to) once more: their own, or zeros. */
static int rewrite(const Io *io, int fd, uint64_t from, uint64_t to, bool as_zeros)
{
        g_autofree uint8_t *bytes = g_malloc0(COPY_BYTES);

        while (from < to) {
                size_t n = (size_t) MIN(COPY_BYTES, to - from);
                int r;

                if (!as_zeros) {
                        ssize_t n_read = io_pread_full(io, fd, bytes, n, from);

                        if (n_read < 0)
                                return (int) n_read;
                        if ((size_t) n_read != n)
                                return -EIO;
                }
                r = io_pwrite_once(io, fd, bytes, n, from);
                if (r < 0)
                        return r;
                from += n;
        }

        return 0;
}

static int mend(const Journal *journal, const JournalFindings *findings)
{
        const Io *io = journal->directory->io;
        int r;

        r = rewrite(io, journal->fd, findings->position.offset, findings->dirty_end, true);
        if (r < 0)
                return r;
        r = rewrite(io, journal->fd, findings->unsure_offset, findings->position.offset, false);
        if (r < 0)
                return r;
        return directory_sync_file(journal->directory, journal->fd);
}

int journal_reopen(Journal **ret_journal,
                   const StoreDirectory *directory,
                   const ManifestFile *file,
                   const JournalFindings *findings)
{
        g_autoptr(Journal) journal = g_new(Journal, 1);
        int r;

        *journal = (Journal){
                .directory = directory,
                .name = manifest_journal_name(file->revision),
                .position = findings->position,
                .version = findings->version,
                .base_revision = file->revision,
                .revision = findings->revision,
                .durable = findings->n_records > 0 ? findings->revision : 0,
                .is_marked = findings->is_marked,
        };
        journal->fd = io_openat(directory->io, directory->fd, journal->name, O_RDWR, 0);
        if (journal->fd < 0)
                return journal->fd;
        r = io_size(directory->io, journal->fd, &journal->filled);
        if (r < 0)
                return r;
        r = mend(journal, findings);
        if (r < 0)
                return r;

        *ret_journal = g_steal_pointer(&journal);
        return 0;
}
