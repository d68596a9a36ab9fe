/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scribe's sync
 */

#include "store/scribe-sync.h"

#include <errno.h>

bool scribe_is_dirty(const Scribe *scribe)
{
        return unsynced_n_bytes(scribe->unsynced) > 0;
}

void scribe_note_written(Scribe *scribe, const JournalBatch *batch)
{
        journal_written(scribe->persistent->journal, batch);
        if (batch->is_lazy)
                unsynced_add(scribe->unsynced, batch->bytes.n_bytes);
        else if (batch->revision > 0 && !scribe->has_failed)
                unsynced_clear(scribe->unsynced);
}

static void all_is_durable(Scribe *scribe)
{
        scribe->durable_revision = scribe->written_revision;
        scribe_expect_mark(scribe);
}

/* 0, SCRIBE_E_WRITTEN or an errno. */
static int begin(Scribe *scribe, bool may_block)
{
        g_auto(JournalBatch) nothing = journal_batch_of_nothing(scribe->persistent->journal);
        int r;

        scribe->statistics.n_lazy_syncs++;
        r = writer_write(scribe->writer, scribe->persistent->journal, &nothing, may_block);
        if (r < 0) {
                scribe_give_up(scribe, r, "syncing the journal");
                return -EIO;
        }
        if (r == 0) {
                scribe->is_syncing = true;
                return 0;
        }

        scribe_note_written(scribe, &nothing);
        all_is_durable(scribe);
        return SCRIBE_E_WRITTEN;
}

void scribe_sync_if_due(Scribe *scribe)
{
        if (unsynced_is_due(scribe->unsynced) && !scribe->has_failed && !scribe->is_writing &&
            !scribe->is_syncing && !scribe->is_held)
                (void) begin(scribe, false);
}

void scribe_want_sync(Scribe *scribe)
{
        unsynced_make_due(scribe->unsynced);
}

void scribe_sync_ended(Scribe *scribe, int r)
{
        bool was_awaited = scribe->is_awaited;

        scribe->is_syncing = scribe->is_awaited = false;
        if (r < 0)
                scribe_give_up(scribe, r, "syncing the journal");
        else
                all_is_durable(scribe);

        scribe->callbacks.on_quiet(scribe->callbacks.userdata);
        if (was_awaited)
                scribe->callbacks.on_written(scribe->callbacks.userdata, r < 0 ? -EIO : 0);
        if (!scribe->is_held)
                scribe_release(scribe);
}

int scribe_flush(Scribe *scribe)
{
        int r = 0;

        g_assert(!scribe->is_writing && !scribe->is_awaited);

        if (!scribe_is_dirty(scribe))
                return SCRIBE_E_WRITTEN;
        if (scribe->has_failed)
                return -EROFS;
        if (!scribe->is_syncing)
                r = begin(scribe, !worker_is_busy(scribe->background));
        scribe->is_awaited = r == 0;
        return r;
}

int scribe_flush_now(Scribe *scribe)
{
        if (scribe_is_dirty(scribe) && !scribe->has_failed && !scribe->is_syncing)
                (void) begin(scribe, false);
        scribe_drain(scribe);
        return scribe->has_failed ? -EIO : 0;
}

void scribe_set_sync_interval(Scribe *scribe, uint64_t usec)
{
        unsynced_set_interval(scribe->unsynced, usec);
}

uint64_t scribe_n_unsynced_bytes(const Scribe *scribe)
{
        return unsynced_n_bytes(scribe->unsynced);
}
