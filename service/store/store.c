/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store
 *
 * Puts the parts together: the scribe writes, the checkpointer takes the checkpoints and copies that
 * the planner begins, the reserve keeps revisions in hand; the checkpointer, the reserve and the
 * scribe's filler share the background thread. The first failure of the scribe, or a manifest of
 * which it is not known which one is on disk, is the end of writing, see on_failed(), until the
 * mender has made both sides anew.
 */

#include "store/store.h"

#include "store/checkpoint.h"
#include "store/checkpointer.h"
#include "store/good-loader.h"
#include "store/health.h"
#include "store/mender.h"
#include "store/newer-format.h"
#include "store/planner.h"
#include "store/refusal.h"
#include "store/reserve.h"
#include "store/scribe.h"
#include "store/side.h"
#include "store/start.h"
#include "store/statistics.h"
#include "store/worker.h"
#include "util/log.h"

#include <errno.h>
#include <unistd.h>

#define RETRY_USEC ((uint64_t) G_USEC_PER_SEC)

struct Store {
        State *state;
        ServiceStatus *status;
        StoreCallbacks callbacks;

        Side sides[2]; /* by CommitPart */
        Worker *background;
        Scribe *scribe;
        Checkpointer *checkpointer;
        Reserve *reserve;
        Mender *mender;
        Health health;
        Planner planner;

        bool is_reserve_failing; /* and that has been said */
        int64_t recovery_usec;
};

static Side *persistent(Store *store)
{
        return &store->sides[COMMIT_PERSISTENT];
}

static Side *runtime(Store *store)
{
        return &store->sides[COMMIT_RUNTIME];
}

static uint64_t now_usec(void)
{
        return (uint64_t) g_get_real_time();
}

/* Nothing more is written, until on_mended(). */
static void on_failed(void *userdata, int r, const char *what)
{
        Store *store = userdata;

        health_fail(&store->health, r, what);
        checkpointer_cancel(store->checkpointer);
        planner_refuse(&store->planner);
        mender_begin(store->mender);
}

static bool is_quiet(void *userdata)
{
        Store *store = userdata;

        checkpointer_cancel(store->checkpointer);
        return scribe_is_idle(store->scribe) && !checkpointer_is_active(store->checkpointer) &&
               !worker_is_busy(store->background);
}

static void on_mended(void *userdata, uint64_t revision)
{
        Store *store = userdata;

        state_set_revision(store->state, revision);
        scribe_mend(store->scribe, revision);
        store->status->durable_revision = revision;
        health_mend(&store->health, revision);

        reserve_renewed(store->reserve);
        store->callbacks.on_revision_limit(store->callbacks.userdata);
}

static void on_room(void *userdata, bool is_full)
{
        Store *store = userdata;

        health_set_full(&store->health, is_full, scribe_full_path(store->scribe));
}

/* How a batch has ended that was written, or not. */
static int note_written(Store *store, int r)
{
        if (r == 0)
                store->status->durable_revision = MAX(store->status->durable_revision,
                                                      scribe_durable_revision(store->scribe));
        else if (r == -ENOSPC)
                store->status->cause.full_path = scribe_full_path(store->scribe);
        return r;
}

static void on_written(void *userdata, int r)
{
        Store *store = userdata;

        store->callbacks.on_written(store->callbacks.userdata, note_written(store, r));
}

static void on_quiet(void *userdata)
{
        Store *store = userdata;

        (void) note_written(store, 0);
        planner_note_quiet(&store->planner);
        checkpointer_poke(store->checkpointer);
        mender_poke(store->mender);
}

static bool hold_writes(void *userdata)
{
        Store *store = userdata;

        return scribe_hold(store->scribe);
}

static void on_released(void *userdata)
{
        Store *store = userdata;

        scribe_release(store->scribe);
}

static void on_uncertain(void *userdata)
{
        Store *store = userdata;

        scribe_give_up(store->scribe, -EIO, "replacing the manifest");
}

static void on_good(void *userdata, uint64_t revision)
{
        Store *store = userdata;

        store->status->last_good_revision = revision;
        log_notice("The state as of revision %" G_GUINT64_FORMAT " is the last known good one",
                   revision);
        store->callbacks.on_status(store->callbacks.userdata);
}

static void on_checkpoint_ended(void *userdata, int r)
{
        Store *store = userdata;

        if (!planner_copy_ended(&store->planner, r)) {
                if (mender_checkpoint_ended(store->mender, r)) {
                        if (r < 0)
                                log_record(
                                        LOG_WARNING, LOG_FIELDS(LOG_ERRNO(r)),
                                        "the state could not be written anew and will be again: %s",
                                        g_strerror(-r));
                        return;
                }
                planner_checkpoint_ended(&store->planner, r);
        }
        planner_begin(&store->planner);
        mender_poke(store->mender);
}

static void on_reserve_extended(void *userdata, int r)
{
        Store *store = userdata;

        bool is_used_up = state_revision(store->state) + 1 >= reserve_limit(store->reserve);

        if (r == -EUCLEAN)
                on_uncertain(store);
        else if (r < 0 && !store->is_reserve_failing)
                log_record(LOG_WARNING, LOG_FIELDS(LOG_ERRNO(r)),
                           "no more revisions could be reserved: %s", g_strerror(-r));
        else if (r == 0)
                store->callbacks.on_revision_limit(store->callbacks.userdata);
        store->is_reserve_failing = r < 0;
        /* Nobody would try again, for nothing can be committed: the mender does. */
        if (r < 0 && is_used_up) {
                scribe_give_up(store->scribe, r, "reserving revisions");
                store->callbacks.on_revision_limit(store->callbacks.userdata);
        }
        mender_poke(store->mender);
}

int store_write(Store *store, const GPtrArray *commits)
{
        const Commit *first = commits->pdata[0];
        int r = scribe_write(store->scribe, commits);

        /* A Restore has a batch alone, and has recovery read all of the copy, however short it is. */
        if (first->source.revision > 0)
                planner_note_restored(&store->planner);
        if (r == 0)
                return 0;
        if (r < 0)
                return note_written(store, r);
        (void) note_written(store, 0);
        return STORE_E_WRITTEN;
}

int store_flush(Store *store)
{
        int r = scribe_flush(store->scribe);

        (void) note_written(store, MIN(r, 0));
        return r == SCRIBE_E_WRITTEN ? STORE_E_WRITTEN : r;
}

void store_set_sync_interval(Store *store, uint64_t usec)
{
        scribe_set_sync_interval(store->scribe, usec);
}

void store_applied(Store *store)
{
        scribe_applied(store->scribe);
        if (store->health.has_failed)
                return;

        planner_note_applied(&store->planner);
        checkpointer_poke(store->checkpointer);
        if (!checkpointer_holds_manifest(store->checkpointer))
                reserve_keep_ahead(store->reserve, state_revision(store->state));
}

void store_set_checkpoint_journal_bytes(Store *store, uint64_t n_bytes)
{
        store->planner.checkpoint_journal_bytes = n_bytes;
}

int store_checkpoint(Store *store)
{
        return planner_want_all(&store->planner);
}

int store_mark_good(Store *store, StoreMarked on_marked, void *userdata)
{
        int r = planner_mark_good(&store->planner, on_marked, userdata);

        return r == PLANNER_E_MARKED ? STORE_E_MARKED : r;
}

int store_back_up(Store *store, BackupTaken on_taken, void *userdata)
{
        return planner_back_up(&store->planner, on_taken, userdata);
}

void store_load_good(Store *store, StoreLoaded on_loaded, void *userdata)
{
        good_loader_start(store->background, persistent(store), on_loaded, userdata);
}

uint64_t store_revision_limit(const Store *store)
{
        /* What is going to be refused need not wait. */
        return store->health.has_failed ? UINT64_MAX : reserve_limit(store->reserve);
}

GVariant *store_statistics(const Store *store)
{
        return statistics_collect(store->scribe, store->checkpointer, store->sides,
                                  store->recovery_usec);
}

static void log_refusal(Store *store, int r)
{
        const char *path = persistent(store)->directory->path;
        g_autofree char *file = refusal_path(store->sides, G_N_ELEMENTS(store->sides), r);

        if (file)
                log_record(LOG_ERR, LOG_FIELDS(LOG_ERRNO(r), LOG_FILE(file)),
                           "%s: cannot be recovered: %s cannot be read: %s", path, file,
                           g_strerror(-r));
        else
                log_record(LOG_ERR, LOG_FIELDS(LOG_ERRNO(r), LOG_FILE(path)),
                           "%s: cannot be recovered: %s", path, g_strerror(-r));
}

static int start(Store *store, sd_id128_t boot_id, int *ret_failure)
{
        int64_t begin = g_get_monotonic_time();
        StartTime time = { boot_id, now_usec() };
        int r;

        if (sd_id128_is_null(boot_id)) {
                r = sd_id128_get_boot(&time.boot_id);
                if (r < 0)
                        return r;
        }
        r = start_sides(persistent(store), runtime(store), store->state, store->status, &time,
                        ret_failure);
        if (r == START_E_NEWER) {
                newer_format_log(store->sides, G_N_ELEMENTS(store->sides));
                return STORE_E_NEWER_FORMAT;
        }
        if (r < 0)
                log_refusal(store, r);

        store->recovery_usec = g_get_monotonic_time() - begin;
        return MIN(r, 0);
}

static int start_mender(Store *store, sd_event *event, uint64_t retry_usec)
{
        const MenderOptions options = {
                .event = event,
                .checkpointer = store->checkpointer,
                .persistent = persistent(store),
                .runtime = runtime(store),
                .state = store->state,
                .retry_usec = retry_usec,
                .callbacks = { is_quiet, on_mended, store },
        };

        return mender_new(&store->mender, &options);
}

static int start_parts(Store *store, sd_event *event, uint64_t retry_usec)
{
        ScribeCallbacks scribe = { on_written, on_failed, on_quiet, on_room, store };
        CheckpointerCallbacks checkpointer = {
                .hold_writes = hold_writes,
                .on_released = on_released,
                .on_ended = on_checkpoint_ended,
                .on_uncertain = on_uncertain,
                .userdata = store,
        };
        int r;

        r = worker_new(&store->background, event, "background", SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        r = checkpointer_new(&store->checkpointer, event, store->background, store->state,
                             &checkpointer);
        if (r < 0)
                return r;
        store->reserve =
                reserve_new(persistent(store), store->background, on_reserve_extended, store);
        r = scribe_new(&store->scribe, event, persistent(store), runtime(store), store->background,
                       retry_usec, &scribe);
        if (r < 0)
                return r;
        return start_mender(store, event, retry_usec);
}

static void start_planner(Store *store, uint64_t checkpoint_journal_bytes)
{
        store->planner = (Planner){
                .sides = store->sides,
                .state = store->state,
                .health = &store->health,
                .scribe = store->scribe,
                .checkpointer = store->checkpointer,
                .checkpoint_journal_bytes = checkpoint_journal_bytes,
                .on_good = on_good,
                .userdata = store,
        };
}

int store_open(Store **ret_store,
               const Io *io,
               const StoreOptions *options,
               sd_event *event,
               State *state,
               ServiceStatus *status,
               const StoreCallbacks *callbacks)
{
        g_autoptr(Store) store = g_new(Store, 1);
        int failure = 0;
        int r;

        *store = (Store){
                .state = state,
                .status = status,
                .callbacks = *callbacks,
        };
        r = side_open(persistent(store), io, options->state_directory, COMMIT_PERSISTENT);
        if (r != 0)
                return r < 0 ? r : STORE_E_LOCKED;
        r = side_open(runtime(store), io, options->runtime_directory, COMMIT_RUNTIME);
        if (r != 0)
                return r < 0 ? r : STORE_E_LOCKED;
        r = start(store, options->boot_id, &failure);
        if (r != 0)
                return r;
        store->health = (Health){
                .status = status,
                .persistent = persistent(store),
                .runtime = runtime(store),
                .whole_state = status->state,
                .on_changed = callbacks->on_status,
                .userdata = callbacks->userdata,
        };
        r = start_parts(store, event, options->retry_usec > 0 ? options->retry_usec : RETRY_USEC);
        if (r < 0)
                return r;

        start_planner(store, options->checkpoint_journal_bytes);

        /* Everything can be read, and the mender begins to write as soon as that can be done. */
        if (failure < 0)
                scribe_give_up(store->scribe, failure, "beginning to write");
        *ret_store = g_steal_pointer(&store);
        return 0;
}

/* Lets all that is under way come to its end, but a checkpoint only if it is about to. */
static void drain(Store *store)
{
        do {
                checkpointer_cancel(store->checkpointer);
                while (worker_is_busy(store->background))
                        worker_wait(store->background);
                scribe_drain(store->scribe);
        } while (checkpointer_is_active(store->checkpointer) || worker_is_busy(store->background));
}

int store_close(Store *store)
{
        drain(store);
        (void) scribe_flush_now(store->scribe);
        drain(store);
        if (store->health.has_failed)
                return -EROFS;

        for (size_t i = 0; i < G_N_ELEMENTS(store->sides); i++)
                checkpoint_take_last(&store->sides[i], store->state, now_usec());
        return scribe_mark_clean(store->scribe);
}

bool store_is_checkpointed(const Store *store)
{
        return !side_is_dirty(&store->sides[COMMIT_PERSISTENT]);
}

Store *store_free(Store *store)
{
        if (!store)
                return NULL;

        worker_free(store->background);
        scribe_free(store->scribe);
        mender_free(store->mender);
        checkpointer_free(store->checkpointer);
        reserve_free(store->reserve);
        side_clear(runtime(store));
        side_clear(persistent(store));
        g_free(store);
        return NULL;
}
