/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store
 */

#include "store/store.h"

#include "store/manifest.h"
#include "store/side.h"
#include "store/start.h"
#include "store/worker.h"
#include "store/writer.h"
#include "util/log.h"

#include <errno.h>

#define MARK_DELAY_USEC    (UINT64_C(1) * G_USEC_PER_SEC)
#define MARK_ACCURACY_USEC (UINT64_C(250) * 1000)

struct Store {
        sd_event *event;
        State *state;
        ServiceStatus *status;
        StoreCallbacks callbacks;
        StoreOptions options;
        sd_id128_t boot_id;

        Side sides[2]; /* by CommitPart */
        Writer *writer;
        Worker *background;

        bool has_failed;
        bool is_writing;           /* a batch is under way */
        uint64_t writing_revision; /* its last */
        int64_t last_write_usec;
        uint64_t revision_limit;
        bool is_reserving;
        sd_event_source *mark_timer;

        uint64_t n_commits;
        uint64_t n_runtime_bytes;
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

/* Nothing more is written: what the files hold beyond what was acknowledged is not known. */
static void fail(Store *store, int r, const char *what)
{
        if (store->has_failed)
                return;

        store->has_failed = true;
        store->status->state = SERVICE_READ_ONLY;
        log_record(LOG_CRIT, LOG_FIELDS(LOG_ERRNO(r), LOG_FILE(persistent(store)->directory->path)),
                   "%s: %s failed: %s; no more changes are taken",
                   persistent(store)->directory->path, what, g_strerror(-r));
        store->callbacks.on_status(store->callbacks.userdata);
}

/* Arms the timer for the mark. It goes off at most once a second, however much is written. */
static int arm_mark(Store *store)
{
        int enabled;
        int r;

        store->last_write_usec = g_get_monotonic_time();
        r = sd_event_source_get_enabled(store->mark_timer, &enabled);
        if (r < 0 || enabled != SD_EVENT_OFF)
                return r;
        r = sd_event_source_set_time_relative(store->mark_timer, MARK_DELAY_USEC);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(store->mark_timer, SD_EVENT_ONESHOT);
}

static void batch_is_durable(Store *store)
{
        store->is_writing = false;
        store->status->durable_revision = store->writing_revision;
        (void) arm_mark(store);
}

static void on_batch_written(void *userdata, const JournalBatch *batch, int r)
{
        Store *store = userdata;
        bool is_mark = batch->revision == 0;

        if (r < 0)
                fail(store, r, "writing to the journal");
        else
                journal_written(persistent(store)->journal, batch);
        if (is_mark)
                return;

        if (r == 0)
                batch_is_durable(store);
        store->is_writing = false;
        store->callbacks.on_written(store->callbacks.userdata, r);
}

static int write_mark(Store *store, bool is_clean)
{
        g_auto(JournalBatch) batch = { 0 };
        int r;

        journal_lay_out_mark(persistent(store)->journal, &batch, now_usec(), is_clean);
        r = writer_write(store->writer, persistent(store)->journal, &batch, false);
        return r < 0 ? r : 0;
}

static int on_mark_timer(sd_event_source *source, uint64_t usec G_GNUC_UNUSED, void *userdata)
{
        Store *store = userdata;
        int64_t idle_usec = g_get_monotonic_time() - store->last_write_usec;
        int r;

        if (store->has_failed || persistent(store)->journal->is_marked)
                return 0;
        if (idle_usec < (int64_t) MARK_DELAY_USEC) {
                r = sd_event_source_set_time_relative(source,
                                                      MARK_DELAY_USEC - (uint64_t) idle_usec);
                return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        }
        if (store->is_writing)
                return arm_mark(store);

        return write_mark(store, false);
}

static int open_side(Store *store, const Io *io, const char *path, CommitPart part)
{
        int r = side_open(&store->sides[part], io, path, part);

        if (r == DIRECTORY_E_LOCKED) {
                log_error("%s: another regentd is using it", path);
                return STORE_E_LOCKED;
        }
        if (r < 0)
                log_record(LOG_ERR, LOG_FIELDS(LOG_ERRNO(r), LOG_FILE(path)),
                           "%s: cannot be opened: %s", path, g_strerror(-r));
        return r;
}

static int start(Store *store)
{
        int64_t begin = g_get_monotonic_time();
        int r;

        store->boot_id = store->options.boot_id;
        if (sd_id128_is_null(store->boot_id)) {
                r = sd_id128_get_boot(&store->boot_id);
                if (r < 0)
                        return r;
        }
        r = start_sides(persistent(store), runtime(store), store->state, store->status,
                        store->boot_id, now_usec());
        if (r == START_E_NEWER)
                return STORE_E_NEWER_FORMAT;
        if (r < 0)
                return r;

        store->revision_limit = persistent(store)->manifest->reserved;
        store->recovery_usec = g_get_monotonic_time() - begin;
        return 0;
}

static int start_threads(Store *store)
{
        int r;

        r = writer_new(&store->writer, store->event, on_batch_written, store);
        if (r < 0)
                return r;
        r = worker_new(&store->background, store->event, "checkpointer", SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(store->event, &store->mark_timer, CLOCK_MONOTONIC,
                                       MARK_DELAY_USEC, MARK_ACCURACY_USEC, on_mark_timer, store);
        if (r < 0)
                return r;
        if (persistent(store)->journal->is_marked)
                return sd_event_source_set_enabled(store->mark_timer, SD_EVENT_OFF);
        return 0;
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
        int r;

        *store = (Store){
                .event = sd_event_ref(event),
                .state = state,
                .status = status,
                .callbacks = *callbacks,
                .options = *options,
        };
        r = open_side(store, io, options->state_directory, COMMIT_PERSISTENT);
        if (r != 0)
                return r;
        r = open_side(store, io, options->runtime_directory, COMMIT_RUNTIME);
        if (r != 0)
                return r;
        r = start(store);
        if (r != 0)
                return r;
        r = start_threads(store);
        if (r < 0)
                return r;

        *ret_store = g_steal_pointer(&store);
        return 0;
}

uint64_t store_revision_limit(const Store *store)
{
        return store->revision_limit;
}

/*
 * A runtime record counts only if the persistent commits before it in the batch are there: its own
 * other half, or one that it was sequenced after.
 */
static void lay_out(Store *store,
                    const GPtrArray *commits,
                    JournalBatch *persistent_batch,
                    JournalBatch *runtime_batch)
{
        uint64_t pair_revision = 0;

        for (guint i = 0; i < commits->len; i++) {
                const Commit *commit = commits->pdata[i];

                if (commit_codec_has_part(commit, COMMIT_PERSISTENT)) {
                        journal_lay_out(persistent(store)->journal, persistent_batch, commit,
                                        COMMIT_PERSISTENT, 0);
                        pair_revision = commit->revision;
                }
                if (commit_codec_has_part(commit, COMMIT_RUNTIME))
                        journal_lay_out(runtime(store)->journal, runtime_batch, commit,
                                        COMMIT_RUNTIME, pair_revision);
                store->writing_revision = commit->revision;
        }
}

/* The kernel keeps it over a crash of this process, which is all that is asked of it. */
static int write_runtime(Store *store, const JournalBatch *batch)
{
        int r;

        if (batch->bytes.n_bytes == 0)
                return 0;
        r = journal_write(runtime(store)->journal, batch);
        if (r < 0)
                return r;

        journal_written(runtime(store)->journal, batch);
        store->n_runtime_bytes += batch->bytes.n_bytes;
        return 0;
}

static int write_persistent(Store *store, JournalBatch *batch)
{
        int r;

        if (batch->bytes.n_bytes == 0)
                return WRITER_E_WRITTEN;

        r = writer_write(store->writer, persistent(store)->journal, batch,
                         !worker_is_busy(store->background));
        if (r == WRITER_E_WRITTEN)
                journal_written(persistent(store)->journal, batch);
        return r;
}

static int write_now(Store *store, const GPtrArray *commits)
{
        g_auto(JournalBatch) persistent_batch = { 0 };
        g_auto(JournalBatch) runtime_batch = { 0 };
        int r;

        lay_out(store, commits, &persistent_batch, &runtime_batch);
        store->n_commits += commits->len;

        r = write_runtime(store, &runtime_batch);
        if (r == 0)
                r = write_persistent(store, &persistent_batch);
        if (r < 0) {
                fail(store, r, "writing to the journal");
                return r;
        }
        if (r == WRITER_E_WRITTEN) {
                batch_is_durable(store);
                return STORE_E_WRITTEN;
        }

        store->is_writing = true;
        return 0;
}

int store_write(Store *store, const GPtrArray *commits)
{
        g_assert(!store->is_writing);

        if (store->has_failed)
                return -EROFS;
        return write_now(store, commits);
}

typedef struct ReserveJob {
        WorkerJob job;
        Store *store;
        char *text;
        uint64_t reserved;
        int r;
} ReserveJob;

static void reserve_run(WorkerJob *item)
{
        ReserveJob *job = (ReserveJob *) item;

        job->r = directory_replace(persistent(job->store)->directory, MANIFEST_NAME, job->text);
}

static void reserve_done(WorkerJob *item)
{
        ReserveJob *job = (ReserveJob *) item;
        Store *store = job->store;

        store->is_reserving = false;
        if (job->r == DIRECTORY_E_UNCERTAIN) {
                fail(store, -EIO, "writing the manifest");
                return;
        }
        if (job->r < 0) {
                log_record(LOG_WARNING, LOG_FIELDS(LOG_ERRNO(job->r)),
                           "%s/" MANIFEST_NAME ": cannot be replaced: %s",
                           persistent(store)->directory->path, g_strerror(-job->r));
                return;
        }

        store->revision_limit = job->reserved;
        store->callbacks.on_revision_limit(store->callbacks.userdata);
}

static void reserve_free(WorkerJob *item)
{
        ReserveJob *job = (ReserveJob *) item;

        g_free(job->text);
        g_free(job);
}

/* Reserves the next revisions long before they are needed. */
static void reserve_revisions(Store *store)
{
        Manifest *manifest = persistent(store)->manifest;
        uint64_t revision = state_revision(store->state);
        ReserveJob *job;

        if (store->is_reserving || revision + START_REVISIONS_RESERVED / 2 < store->revision_limit)
                return;

        manifest->reserved = revision + START_REVISIONS_RESERVED;
        manifest->committed = persistent(store)->journal->durable;
        job = g_new(ReserveJob, 1);
        *job = (ReserveJob){
                .job = { reserve_run, reserve_done, reserve_free },
                .store = store,
                .text = manifest_to_text(manifest),
                .reserved = manifest->reserved,
        };
        store->is_reserving = true;
        worker_push(store->background, &job->job);
}

void store_applied(Store *store)
{
        if (store->has_failed)
                return;
        reserve_revisions(store);
}

int store_checkpoint(Store *store)
{
        return store->has_failed ? -EROFS : 0;
}

GVariant *store_statistics(const Store *store)
{
        const WriterStatistics *writer = writer_statistics(store->writer);
        GVariantDict dict;

        g_variant_dict_init(&dict, NULL);
        g_variant_dict_insert(&dict, "commits", "t", store->n_commits);
        g_variant_dict_insert(&dict, "flushes", "t", writer->n_flushes);
        g_variant_dict_insert(&dict, "flushes-in-loop", "t", writer->n_flushes_in_loop);
        g_variant_dict_insert(&dict, "flush-mean-usec", "d", flush_meter_mean_usec(&writer->meter));
        g_variant_dict_insert(&dict, "flush-worst-usec", "t", writer->worst_usec);
        g_variant_dict_insert(&dict, "journal-bytes", "t",
                              side_journal_bytes(&store->sides[COMMIT_PERSISTENT]));
        g_variant_dict_insert(&dict, "journal-bytes-written", "t", writer->n_bytes);
        g_variant_dict_insert(&dict, "runtime-journal-bytes", "t",
                              side_journal_bytes(&store->sides[COMMIT_RUNTIME]));
        g_variant_dict_insert(&dict, "recovery-usec", "t", (uint64_t) store->recovery_usec);
        return g_variant_dict_end(&dict);
}

int store_close(Store *store)
{
        int r;

        writer_drain(store->writer);
        while (worker_is_busy(store->background))
                worker_wait(store->background);
        if (store->has_failed)
                return -EROFS;

        r = write_mark(store, true);
        if (r < 0)
                return r;
        writer_drain(store->writer);
        return store->has_failed ? -EROFS : 0;
}

Store *store_free(Store *store)
{
        if (!store)
                return NULL;

        writer_free(store->writer);
        worker_free(store->background);
        sd_event_source_unref(store->mark_timer);
        side_clear(&store->sides[COMMIT_RUNTIME]);
        side_clear(&store->sides[COMMIT_PERSISTENT]);
        sd_event_unref(store->event);
        g_free(store);
        return NULL;
}
