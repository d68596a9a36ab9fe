/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scribe
 *
 * Three things may be in a batch's way, and are waited for without blocking:
 *
 *     the journal is being switched   the commits are held as they are, for the next journal
 *     it is being synced              the same, for this one
 *     zeros are being filled in       the batch, laid out, waits (only a writer that is faster than
 *     just there                      the filler ever sees this)
 */

#include "store/scribe.h"

#include "store/scribe-sync.h"

#include <errno.h>

#define MARK_DELAY_USEC    ((int64_t) G_USEC_PER_SEC)
#define MARK_ACCURACY_USEC (G_USEC_PER_SEC / 4)

void scribe_give_up(Scribe *scribe, int r, const char *what)
{
        if (scribe->has_failed)
                return;

        scribe->has_failed = true;
        scribe->callbacks.on_failed(scribe->callbacks.userdata, r, what);
}

/* The timer for the mark goes off at most once a second, however much is written. */
static void arm_mark(Scribe *scribe, int64_t usec)
{
        (void) sd_event_source_set_time_relative(scribe->mark_timer, (uint64_t) usec);
        (void) sd_event_source_set_enabled(scribe->mark_timer, SD_EVENT_ONESHOT);
}

static void keep_ahead(Scribe *scribe)
{
        if (!scribe->has_failed && !scribe->is_held)
                filler_keep_ahead(scribe->filler, scribe->persistent->journal,
                                  scribe->persistent->outgrown_bytes);
}

static void on_room(void *userdata, bool is_full)
{
        Scribe *scribe = userdata;

        if (is_full)
                scribe->full_side = scribe->persistent;
        scribe->callbacks.on_room(scribe->callbacks.userdata, is_full);
}

static void on_room_retry(void *userdata)
{
        Scribe *scribe = userdata;

        keep_ahead(scribe);
        if (!scribe->has_failed)
                room_judge(scribe->room, scribe->persistent->journal);
}

void scribe_expect_mark(Scribe *scribe)
{
        int enabled = SD_EVENT_OFF;

        scribe->last_write_usec = g_get_monotonic_time();
        (void) sd_event_source_get_enabled(scribe->mark_timer, &enabled);
        if (enabled == SD_EVENT_OFF)
                arm_mark(scribe, MARK_DELAY_USEC);
}

/* A mark says what is durable, so it comes when everything is. */
static void batch_is_written(Scribe *scribe)
{
        scribe->written_revision = scribe->writing_revision;
        if (scribe_is_dirty(scribe))
                return;

        scribe->durable_revision = scribe->writing_revision;
        scribe_expect_mark(scribe);
}

/* Nothing of the persistent part, @batch, is written, or will be: so the runtime part goes, too. */
static int call_off(Scribe *scribe, const JournalBatch *batch)
{
        int r = journal_erase(scribe->runtime->journal, &scribe->runtime_part);

        journal_take_back(scribe->persistent->journal, batch);
        scribe->full_side = scribe->persistent;
        return r < 0 ? r : WRITER_E_NO_ROOM;
}

/*
 * How a batch has ended, whoever hears of it. Every failure is called -EIO: the names of others say
 * that nothing was tried.
 */
static int conclude(Scribe *scribe, int r)
{
        if (r == 0)
                return 0;

        journal_batch_clear(&scribe->runtime_part);
        if (r == WRITER_E_WRITTEN) {
                batch_is_written(scribe);
                return SCRIBE_E_WRITTEN;
        }

        scribe->is_writing = false;
        if (r == WRITER_E_NO_ROOM)
                return -ENOSPC;
        scribe_give_up(scribe, r, "writing to the journal");
        return -EIO;
}

/* The same, when scribe_write() has returned long ago. */
static void conclude_late(Scribe *scribe, int r)
{
        r = conclude(scribe, r);
        if (r != 0)
                scribe->callbacks.on_written(scribe->callbacks.userdata, MIN(r, 0));
}

static void on_batch_written(void *userdata, const JournalBatch *batch, int r)
{
        Scribe *scribe = userdata;

        if (r == 0)
                scribe_note_written(scribe, batch);

        if (scribe->is_syncing && batch->revision > 0) {
                scribe_sync_ended(scribe, r);
                return;
        }
        if (batch->revision > 0) {
                if (r == WRITER_E_NO_ROOM)
                        r = call_off(scribe, batch);
                conclude_late(scribe, r == 0 ? WRITER_E_WRITTEN : r);
                return;
        }
        /* A batch may be laid out behind the mark already, so there is no taking it back. */
        if (r != 0)
                scribe_give_up(scribe, r < 0 ? r : -ENOSPC, "marking the journal");
        scribe->callbacks.on_quiet(scribe->callbacks.userdata);
}

static int write_mark(Scribe *scribe, bool is_clean)
{
        g_auto(JournalBatch) batch = { 0 };
        int r;

        /* On a full disk it would take what is kept for deleting, or fail. */
        if (filler_is_short(scribe->filler))
                return 0;

        journal_lay_out_mark(scribe->persistent->journal, &batch, (uint64_t) g_get_real_time(),
                             is_clean);
        scribe->statistics.n_marks++;
        r = writer_write(scribe->writer, scribe->persistent->journal, &batch, false);
        return MIN(r, 0);
}

static int on_mark_timer(sd_event_source *source G_GNUC_UNUSED,
                         uint64_t usec G_GNUC_UNUSED,
                         void *userdata)
{
        Scribe *scribe = userdata;
        int64_t rest = scribe->last_write_usec + MARK_DELAY_USEC - g_get_monotonic_time();

        if (scribe->has_failed || scribe->persistent->journal->is_marked || scribe_is_dirty(scribe))
                return 0;

        if (rest > 0)
                arm_mark(scribe, rest);
        else if (scribe->is_writing || scribe->is_held || filler_is_busy(scribe->filler))
                arm_mark(scribe, MARK_DELAY_USEC);
        else
                return write_mark(scribe, false);
        return 0;
}

/*
 * A runtime record counts only if the persistent commits before it are there that may not be: its own
 * other half, one in the batch that it was sequenced after, or a lazy one.
 */
static void lay_out(Scribe *scribe,
                    const GPtrArray *commits,
                    JournalBatch *persistent_batch,
                    JournalBatch *runtime_batch)
{
        uint64_t pair_revision =
                scribe_is_dirty(scribe) ? scribe->persistent->journal->revision : 0;

        for (guint i = 0; i < commits->len; i++) {
                const Commit *commit = commits->pdata[i];

                if (commit_codec_has_part(commit, COMMIT_PERSISTENT)) {
                        journal_lay_out(scribe->persistent->journal, persistent_batch, commit,
                                        COMMIT_PERSISTENT, 0);
                        pair_revision = commit->revision;
                }
                if (commit_codec_has_part(commit, COMMIT_RUNTIME))
                        journal_lay_out(scribe->runtime->journal, runtime_batch, commit,
                                        COMMIT_RUNTIME, pair_revision);
                scribe->writing_revision = commit->revision;
        }
}

/*
 * The kernel keeps it over a crash of this process, which is all that is asked of it. 0,
 * WRITER_E_NO_ROOM or an errno.
 */
static int write_runtime(Scribe *scribe)
{
        const JournalBatch *batch = &scribe->runtime_part;
        int r;

        if (batch->bytes.n_bytes == 0)
                return 0;
        r = journal_write(scribe->runtime->journal, batch);
        if (r == JOURNAL_E_NO_ROOM) {
                journal_take_back(scribe->runtime->journal, batch);
                scribe->full_side = scribe->runtime;
                return WRITER_E_NO_ROOM;
        }
        if (r < 0)
                return r;

        journal_written(scribe->runtime->journal, batch);
        scribe->statistics.n_runtime_bytes += batch->bytes.n_bytes;
        return 0;
}

static int write_persistent(Scribe *scribe, JournalBatch *batch)
{
        Journal *journal = scribe->persistent->journal;
        int r;

        if (batch->bytes.n_bytes == 0 && batch->revision == 0)
                return WRITER_E_WRITTEN;
        if (filler_is_in_the_way(scribe->filler, batch->offset + batch->bytes.n_bytes)) {
                scribe->waiting = *batch;
                *batch = (JournalBatch){ 0 };
                return 0;
        }

        r = writer_write(scribe->writer, journal, batch,
                         batch->is_lazy || !worker_is_busy(scribe->background));
        if (r == WRITER_E_WRITTEN)
                scribe_note_written(scribe, batch);
        return r == WRITER_E_NO_ROOM ? call_off(scribe, batch) : r;
}

/* Whether nobody waits for any of them to be on disk. */
static bool are_lazy(const GPtrArray *commits)
{
        for (guint i = 0; i < commits->len; i++)
                if (!((const Commit *) commits->pdata[i])->is_lazy)
                        return false;

        return true;
}

static int write_now(Scribe *scribe, const GPtrArray *commits)
{
        g_auto(JournalBatch) persistent_batch = { 0 };
        bool is_lazy = are_lazy(commits);
        int r;

        lay_out(scribe, commits, &persistent_batch, &scribe->runtime_part);
        if (room_is_too_small(scribe->room, scribe->persistent->journal, &persistent_batch,
                              commits)) {
                journal_take_back(scribe->persistent->journal, &persistent_batch);
                journal_take_back(scribe->runtime->journal, &scribe->runtime_part);
                scribe->full_side = scribe->persistent;
                return WRITER_E_NO_ROOM;
        }

        persistent_batch.is_lazy =
                is_lazy && persistent_batch.bytes.n_bytes > 0 && unsynced_prepare(scribe->unsynced);
        r = write_runtime(scribe);
        if (r == WRITER_E_NO_ROOM)
                journal_take_back(scribe->persistent->journal, &persistent_batch);
        if (r != 0)
                return r;
        if (persistent_batch.bytes.n_bytes == 0 && !is_lazy && scribe_is_dirty(scribe))
                persistent_batch = journal_batch_of_nothing(scribe->persistent->journal);
        return write_persistent(scribe, &persistent_batch);
}

int scribe_write(Scribe *scribe, const GPtrArray *commits)
{
        g_assert(!scribe->is_writing);

        if (scribe->has_failed)
                return -EROFS;

        scribe->is_writing = true;
        if (scribe->is_held || scribe->is_syncing) {
                scribe->held = commits;
                return 0;
        }
        return conclude(scribe, write_now(scribe, commits));
}

static void on_filler_idle(void *userdata, int r)
{
        Scribe *scribe = userdata;
        g_auto(JournalBatch) batch = scribe->waiting;

        scribe->waiting = (JournalBatch){ 0 };
        scribe->statistics.n_filled_bytes = filler_n_bytes(scribe->filler);
        if (r < 0)
                scribe_give_up(scribe, r, "filling the journal");

        if (batch.bytes.n_bytes > 0)
                conclude_late(scribe, scribe->has_failed ? -EIO : write_persistent(scribe, &batch));
        else
                keep_ahead(scribe);

        room_judge(scribe->room, scribe->persistent->journal);
        scribe->callbacks.on_quiet(scribe->callbacks.userdata);
}

void scribe_applied(Scribe *scribe)
{
        scribe->is_writing = false;
        keep_ahead(scribe);
        room_judge(scribe->room, scribe->persistent->journal);
        scribe_sync_if_due(scribe);
}

uint64_t scribe_durable_revision(const Scribe *scribe)
{
        return scribe->durable_revision;
}

const char *scribe_full_path(const Scribe *scribe)
{
        return scribe->full_side->directory->path;
}

bool scribe_is_idle(const Scribe *scribe)
{
        return !scribe->is_writing && !scribe->is_held && !writer_is_busy(scribe->writer) &&
               !filler_is_busy(scribe->filler);
}

void scribe_mend(Scribe *scribe, uint64_t revision)
{
        g_assert(scribe->has_failed && scribe_is_idle(scribe));

        writer_mend(scribe->writer);
        scribe->has_failed = false;
        scribe->durable_revision = scribe->written_revision = scribe->writing_revision = revision;
        unsynced_clear(scribe->unsynced);
        keep_ahead(scribe);
        room_judge(scribe->room, scribe->persistent->journal);
}

bool scribe_hold(Scribe *scribe)
{
        if (scribe->has_failed || scribe->is_writing || writer_is_busy(scribe->writer) ||
            filler_is_busy(scribe->filler))
                return false;
        /* What comes after a journal must find it whole. */
        if (scribe_is_dirty(scribe)) {
                scribe_want_sync(scribe);
                return false;
        }

        scribe->is_held = true;
        return true;
}

void scribe_release(Scribe *scribe)
{
        const GPtrArray *held = scribe->held;

        scribe->is_held = false;
        scribe->held = NULL;
        if (!held)
                return;

        if (scribe->has_failed) {
                scribe->is_writing = false;
                scribe->callbacks.on_written(scribe->callbacks.userdata, -EROFS);
        } else {
                conclude_late(scribe, write_now(scribe, held));
        }
}

void scribe_drain(Scribe *scribe)
{
        writer_drain(scribe->writer);
}

int scribe_mark_clean(Scribe *scribe)
{
        int r;

        if (scribe->has_failed)
                return -EROFS;
        r = write_mark(scribe, true);
        if (r < 0)
                return r;

        scribe_drain(scribe);
        return scribe->has_failed ? -EIO : 0;
}

const ScribeStatistics *scribe_statistics(const Scribe *scribe)
{
        return &scribe->statistics;
}

const WriterStatistics *scribe_writer_statistics(const Scribe *scribe)
{
        return writer_statistics(scribe->writer);
}

static void on_due(void *userdata)
{
        scribe_sync_if_due(userdata);
}

static int add_mark_timer(Scribe *scribe, sd_event *event)
{
        const Journal *journal = scribe->persistent->journal;
        int r;

        r = sd_event_add_time_relative(event, &scribe->mark_timer, CLOCK_MONOTONIC,
                                       (uint64_t) MARK_DELAY_USEC, MARK_ACCURACY_USEC,
                                       on_mark_timer, scribe);
        if (r < 0)
                return r;
        if (journal->is_marked || journal_is_empty(journal))
                return sd_event_source_set_enabled(scribe->mark_timer, SD_EVENT_OFF);
        return 0;
}

int scribe_new(Scribe **ret_scribe,
               sd_event *event,
               Side *persistent,
               Side *runtime,
               Worker *background,
               uint64_t retry_usec,
               const ScribeCallbacks *callbacks)
{
        g_autoptr(Scribe) scribe = g_new(Scribe, 1);
        const RoomCallbacks room = { on_room, on_room_retry, scribe };
        int r;

        *scribe = (Scribe){
                .persistent = persistent,
                .runtime = runtime,
                .background = background,
                .callbacks = *callbacks,
                .full_side = persistent,
                .filler = filler_new(background, retry_usec, on_filler_idle, scribe),
        };
        r = writer_new(&scribe->writer, event, on_batch_written, scribe);
        if (r < 0)
                return r;
        r = room_new(&scribe->room, event, scribe->filler, retry_usec, &room);
        if (r < 0)
                return r;
        r = unsynced_new(&scribe->unsynced, event, runtime->directory, on_due, scribe);
        if (r < 0)
                return r;
        r = add_mark_timer(scribe, event);
        if (r < 0)
                return r;

        *ret_scribe = g_steal_pointer(&scribe);
        return 0;
}

Scribe *scribe_free(Scribe *scribe)
{
        if (!scribe)
                return NULL;

        writer_free(scribe->writer);
        room_free(scribe->room);
        unsynced_free(scribe->unsynced);
        filler_free(scribe->filler);
        sd_event_source_unref(scribe->mark_timer);
        journal_batch_clear(&scribe->waiting);
        journal_batch_clear(&scribe->runtime_part);
        g_free(scribe);
        return NULL;
}
