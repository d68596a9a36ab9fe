/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Journal
 */

#include "store/journal.h"

#include "store/commit-record.h"
#include "store/manifest.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PREPARED_NAME "journal"

/* At a time, where nothing is filled ahead. */
#define RESERVE_BYTES (UINT64_C(64) << 10)

void journal_batch_clear(JournalBatch *batch)
{
        codec_buffer_clear(&batch->bytes);
        *batch = (JournalBatch){ 0 };
}

static int fill(const StoreDirectory *directory, int fd, uint64_t n_bytes)
{
        g_autofree void *zeros = g_malloc0(n_bytes);
        int r;

        r = io_fallocate(directory->io, fd, 0, n_bytes);
        if (r < 0 && r != -EOPNOTSUPP)
                return r;
        r = io_pwrite_once(directory->io, fd, zeros, n_bytes, 0);
        if (r < 0)
                return r;
        return directory_sync_file(directory, fd);
}

int journal_prepare(Journal **ret_journal, const StoreDirectory *directory, uint64_t n_filled)
{
        g_autoptr(Journal) journal = g_new(Journal, 1);
        int r;

        *journal = (Journal){ .directory = directory, .fd = -1, .filled = n_filled };
        journal->fd = directory_create(directory, PREPARED_NAME);
        if (journal->fd < 0)
                return journal->fd;
        if (n_filled > 0) {
                r = fill(directory, journal->fd, n_filled);
                if (r < 0)
                        return r;
        }

        *ret_journal = g_steal_pointer(&journal);
        return 0;
}

int journal_begin(Journal *journal,
                  uint64_t base_revision,
                  uint64_t predecessor,
                  sd_id128_t boot_id,
                  uint64_t created_usec)
{
        const StoreDirectory *directory = journal->directory;
        FileHeader header, written;
        sd_id128_t uuid;
        int r;

        r = sd_id128_randomize(&uuid);
        if (r < 0)
                return r;

        file_header_make(&header, FORMAT_MAGIC_JOURNAL, uuid, boot_id, base_revision, predecessor,
                         created_usec);
        r = io_pwrite_once(directory->io, journal->fd, &header, sizeof header, 0);
        if (r < 0)
                return r;
        r = directory_sync_file(directory, journal->fd);
        if (r < 0)
                return r;

        r = file_header_read(&written, FORMAT_MAGIC_JOURNAL, &header, sizeof header);
        g_assert(r == 0);
        journal->position = file_header_position(&written);
        journal->version = written.version;
        journal->base_revision = journal->revision = base_revision;
        journal->filled = MAX(journal->filled, journal->position.offset);
        journal->name = manifest_journal_name(base_revision);
        return directory_put_in_place(directory, PREPARED_NAME, journal->name);
}

Journal *journal_new_closed(const StoreDirectory *directory, uint64_t revision)
{
        Journal *journal = g_new(Journal, 1);

        *journal = (Journal){
                .directory = directory,
                .fd = -1,
                .base_revision = revision,
                .revision = revision,
                .is_marked = true,
        };
        return journal;
}

Journal *journal_free(Journal *journal)
{
        if (!journal)
                return NULL;

        if (journal->fd >= 0)
                close(journal->fd);
        g_free(journal->name);
        g_free(journal);
        return NULL;
}

/* A batch takes its place in the file with its first record. */
static size_t begin_record(Journal *journal, JournalBatch *batch)
{
        if (batch->bytes.n_bytes == 0) {
                batch->offset = journal->position.offset;
                batch->position_before = journal->position;
                batch->revision_before = journal->revision;
                batch->was_marked = journal->is_marked;
        }
        return record_begin(&batch->bytes);
}

void journal_lay_out(Journal *journal,
                     JournalBatch *batch,
                     const Commit *commit,
                     CommitPart part,
                     uint64_t pair_revision)
{
        RecordHeader header = {
                .kind = (uint16_t) commit_record_kind(commit, part),
                .flags = pair_revision > 0 ? RECORD_PAIRED : 0,
                .revision = commit->revision,
                .time_usec = commit->time_usec,
                .durable = journal->durable,
        };
        size_t begin = begin_record(journal, batch);

        g_assert(commit->revision > journal->revision);
        commit_record_put(&batch->bytes, commit, part, pair_revision);
        record_seal(&batch->bytes, begin, &header, &journal->position);
        journal->revision = batch->revision = commit->revision;
        journal->is_marked = false;
}

void journal_lay_out_mark(Journal *journal, JournalBatch *batch, uint64_t time_usec, bool is_clean)
{
        RecordHeader header = {
                .kind = RECORD_MARK,
                .flags = is_clean ? RECORD_CLEAN : 0,
                .revision = journal->revision,
                .time_usec = time_usec,
                .durable = journal->durable,
        };
        size_t begin = begin_record(journal, batch);

        record_seal(&batch->bytes, begin, &header, &journal->position);
        journal->is_marked = true;
}

JournalBatch journal_batch_of_nothing(const Journal *journal)
{
        return (JournalBatch){ .revision = journal->revision };
}

int journal_reserve(Journal *journal, uint64_t end)
{
        const StoreDirectory *directory = journal->directory;
        uint64_t begin = MAX(journal->reserved, journal->filled);
        uint64_t n_bytes;
        int r;

        if (end <= begin)
                return 0;

        n_bytes = (end - begin + RESERVE_BYTES - 1) / RESERVE_BYTES * RESERVE_BYTES;
        r = io_fallocate(directory->io, journal->fd, begin, n_bytes);
        if (r == -EOPNOTSUPP) {
                journal->reserved = UINT64_MAX; /* there is nothing to be known before */
                return 0;
        }
        if (r < 0)
                return io_is_full(r) ? JOURNAL_E_NO_ROOM : r;

        journal->reserved = begin + n_bytes;
        return 0;
}

int journal_write(Journal *journal, const JournalBatch *batch)
{
        int r;

        if (batch->bytes.n_bytes > 0) {
                r = journal_reserve(journal, batch->offset + batch->bytes.n_bytes);
                if (r != 0)
                        return r;
                r = io_pwrite_once(journal->directory->io, journal->fd, batch->bytes.bytes,
                                   batch->bytes.n_bytes, batch->offset);
                if (r < 0)
                        return r;
        }
        return batch->is_lazy ? 0 : directory_sync_file(journal->directory, journal->fd);
}

void journal_written(Journal *journal, const JournalBatch *batch)
{
        if (batch->revision > 0 && !batch->is_lazy)
                journal->durable = batch->revision;
        journal->filled = MAX(journal->filled, batch->offset + batch->bytes.n_bytes);
}

void journal_take_back(Journal *journal, const JournalBatch *batch)
{
        if (batch->bytes.n_bytes == 0)
                return;

        journal->position = batch->position_before;
        journal->revision = batch->revision_before;
        journal->is_marked = batch->was_marked;
}

int journal_erase(Journal *journal, const JournalBatch *batch)
{
        g_autofree void *zeros = NULL;

        g_assert(!journal->directory->is_synced);

        if (batch->bytes.n_bytes == 0)
                return 0;

        zeros = g_malloc0(batch->bytes.n_bytes);
        journal_take_back(journal, batch);
        return io_pwrite_once(journal->directory->io, journal->fd, zeros, batch->bytes.n_bytes,
                              batch->offset);
}
