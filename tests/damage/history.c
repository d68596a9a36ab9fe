/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * History
 */

#include "history.h"

#include "description.h"

#include "core/restore.h"
#include "store/manifest.h"
#include "support/faulty-io.h"
#include "waiting.h"

#include <string.h>

#define NS        HISTORY_NS
#define OTHER_NS  "org.example.Other"
#define TURNS_MAX 100000
#define HOUR_USEC (UINT64_C(3600) * G_USEC_PER_SEC)

static void moment_clear(gpointer userdata)
{
        Moment *moment = userdata;

        g_free(moment->persistent);
        g_free(moment->runtime);
}

static void note_moment(History *history, uint64_t revision)
{
        Moment moment = {
                .revision = revision,
                .persistent = description_of(history->state, true),
                .runtime = description_of(history->state, false),
        };

        g_array_append_val(history->moments, moment);
}

static void note_site(StoreFixture *f, History *history)
{
        g_ptr_array_add(history->older, site_read(f->path));
}

static void commit_destroy(gpointer commit)
{
        commit_free(commit);
}

/* As one batch. Takes @commits. */
static void write_all(StoreFixture *f, History *history, GPtrArray *commits)
{
        g_assert_cmpint(store_fixture_write(f, commits), ==, 0);
        for (guint i = 0; i < commits->len; i++) {
                const Commit *commit = commits->pdata[i];

                state_apply(history->state, commit);
                note_moment(history, commit->revision);
        }
        g_ptr_array_unref(commits);
}

static void write_one(StoreFixture *f, History *history, Commit *commit)
{
        GPtrArray *commits = g_ptr_array_new_with_free_func(commit_destroy);

        g_ptr_array_add(commits, commit);
        write_all(f, history, commits);
}

static void create(StoreFixture *f, History *history, const char *ns)
{
        Commit *commit = store_fixture_commit(f);

        store_fixture_create(commit, ns);
        write_one(f, history, commit);
}

static void put(StoreFixture *f, History *history, const char *key, EntryClass class)
{
        Commit *commit = store_fixture_commit(f);
        g_autofree char *value = g_strdup_printf("of %" G_GUINT64_FORMAT, commit->revision);

        store_fixture_put(commit, class == ENTRY_RUNTIME ? OTHER_NS : NS, key, value, class);
        write_one(f, history, commit);
}

static void delete_key(StoreFixture *f, History *history, const char *key)
{
        Commit *commit = store_fixture_commit(f);

        store_fixture_put(commit, NS, key, NULL, ENTRY_PERSISTENT);
        write_one(f, history, commit);
}

static void put_both(StoreFixture *f, History *history)
{
        Commit *commit = store_fixture_commit(f);
        g_autofree char *value = g_strdup_printf("both %" G_GUINT64_FORMAT, commit->revision);

        store_fixture_put(commit, NS, "both/kept", value, ENTRY_PERSISTENT);
        store_fixture_put(commit, OTHER_NS, "both/lost", value, ENTRY_RUNTIME);
        write_one(f, history, commit);
}

/* Three commits with one sync. */
static void put_batch(StoreFixture *f, History *history)
{
        GPtrArray *commits = g_ptr_array_new_with_free_func(commit_destroy);
        uint64_t revision = state_revision(f->state);

        for (unsigned i = 1; i <= 3; i++) {
                Commit *commit = commit_new(revision + i, 7, 4001, NULL);
                g_autofree char *value = g_strdup_printf("batch %u", (unsigned) revision + i);

                store_fixture_put(commit, NS, i == 2 ? "odd" : "even", value, ENTRY_PERSISTENT);
                g_ptr_array_add(commits, commit);
        }
        write_all(f, history, commits);
}

static void turn(StoreFixture *f, int *n_turns)
{
        g_assert_cmpint(++*n_turns, <, TURNS_MAX);
        g_assert_cmpint(sd_event_run(f->event, 10000), >=, 0);
}

static void take_checkpoint(StoreFixture *f)
{
        uint64_t n = store_fixture_statistic(f, "checkpoints") +
                     store_fixture_statistic(f, "checkpoint-failures");
        int n_turns = 0;

        g_assert_cmpint(store_checkpoint(f->store), ==, 0);
        while (store_fixture_statistic(f, "checkpoints") +
                       store_fixture_statistic(f, "checkpoint-failures") <
               n + 1)
                turn(f, &n_turns);
}

typedef struct Done {
        bool is_done;
        State *source;
        CommitSource identity;
} Done;

static void on_marked(void *userdata, int r)
{
        Done *done = userdata;

        g_assert_cmpint(r, ==, 0);
        done->is_done = true;
}

static void on_loaded(void *userdata, int r, State *source, const CommitSource *identity)
{
        Done *done = userdata;

        done->source = source;
        done->identity = *identity;
        on_marked(done, r);
}

static void mark_good(StoreFixture *f)
{
        Done done = { 0 };
        int n_turns = 0;

        g_assert_cmpint(store_mark_good(f->store, on_marked, &done), ==, 0);
        while (!done.is_done)
                turn(f, &n_turns);
}

static void restore(StoreFixture *f, History *history)
{
        Commit *commit = store_fixture_commit(f);
        Done done = { 0 };
        int n_turns = 0;

        store_load_good(f->store, on_loaded, &done);
        while (!done.is_done)
                turn(f, &n_turns);
        restore_fill(commit, f->state, done.source);
        commit->source = done.identity;
        state_free(done.source);
        write_one(f, history, commit);
}

static void begin(StoreFixture *f, History *history)
{
        g_assert_cmpint(store_fixture_open(f), ==, 0);
        create(f, history, NS);
        create(f, history, OTHER_NS);
        put(f, history, "first", ENTRY_PERSISTENT);
        put(f, history, "first", ENTRY_RUNTIME);
}

/* No checkpoint was ever taken. */
static void story_young(StoreFixture *f, History *history)
{
        begin(f, history);
        note_site(f, history);
        put_both(f, history);
        put_batch(f, history);
        delete_key(f, history, "odd");
        put(f, history, "last", ENTRY_RUNTIME);
        put(f, history, "last", ENTRY_PERSISTENT);
        store_fixture_crash(f);
}

/* Two generations of both sides, the state marked good in between, and commits since; then killed. */
static void story_killed(StoreFixture *f, History *history)
{
        begin(f, history);
        put_batch(f, history);
        note_site(f, history);
        take_checkpoint(f);
        put(f, history, "one", ENTRY_PERSISTENT);
        put_both(f, history);
        note_site(f, history);
        mark_good(f);
        put(f, history, "one", ENTRY_RUNTIME);
        put(f, history, "two", ENTRY_PERSISTENT);
        take_checkpoint(f);
        note_site(f, history);
        put(f, history, "three", ENTRY_PERSISTENT);
        put_both(f, history);
        put_batch(f, history);
        note_site(f, history);
        delete_key(f, history, "odd");
        put(f, history, "last", ENTRY_RUNTIME);
        put(f, history, "last", ENTRY_PERSISTENT);
        store_fixture_crash(f);
}

/* A journal with a restoration in it, and the copy that it names. */
static void story_restored(StoreFixture *f, History *history)
{
        begin(f, history);
        take_checkpoint(f);
        put(f, history, "one", ENTRY_PERSISTENT);
        mark_good(f);
        put(f, history, "one", ENTRY_PERSISTENT);
        put(f, history, "two", ENTRY_PERSISTENT);
        note_site(f, history);
        restore(f, history);
        put(f, history, "three", ENTRY_PERSISTENT);
        put(f, history, "last", ENTRY_PERSISTENT);
        store_fixture_crash(f);
}

/* A generation with several journals, since a checkpoint failed after its journal was switched. */
static void story_several(StoreFixture *f, History *history)
{
        FaultyIo faulty;

        faulty_io_init(&faulty, io_system());
        f->io = &faulty.io;
        begin(f, history);
        take_checkpoint(f);
        for (unsigned i = 0; i < 2; i++) {
                uint64_t n = store_fixture_statistic(f, "checkpoint-failures");
                int n_turns = 0;

                /* The journal, the manifest, and then the checkpoint. */
                faulty.calls = FAULTY_RENAME;
                faulty_io_arm(&faulty, FAULT_ERROR, 3);
                put(f, history, "one", ENTRY_PERSISTENT);
                put_both(f, history);
                g_assert_cmpint(store_checkpoint(f->store), ==, 0);
                while (store_fixture_statistic(f, "checkpoint-failures") == n)
                        turn(f, &n_turns);
                faulty_io_arm(&faulty, FAULT_NONE, 1);
                put_batch(f, history);
                note_site(f, history);
        }
        put(f, history, "last", ENTRY_PERSISTENT);
        store_fixture_crash(f);
}

/* Stopped, started, and stopped again. */
static void story_stopped(StoreFixture *f, History *history)
{
        begin(f, history);
        put_batch(f, history);
        g_assert_cmpint(store_fixture_close(f), ==, 0);
        note_site(f, history);
        g_assert_cmpint(store_fixture_open(f), ==, 0);
        put(f, history, "one", ENTRY_PERSISTENT);
        put_both(f, history);
        g_assert_cmpint(store_fixture_close(f), ==, 0);
}

/* Killed when it had been idle for long enough to say so in the journal. */
static void story_marked(StoreFixture *f, History *history)
{
        int n_turns = 0;

        begin(f, history);
        put_batch(f, history);
        put(f, history, "last", ENTRY_PERSISTENT);
        while (store_fixture_statistic(f, "journal-marks") == 0)
                turn(f, &n_turns);
        store_fixture_crash(f);
}

/* Gone on after a sync has failed: all before is forgotten. */
static void story_mended(StoreFixture *f, History *history)
{
        FaultyIo faulty;
        Commit *commit;
        int n_turns = 0;

        faulty_io_init(&faulty, io_system());
        f->io = &faulty.io;
        f->retry_usec = 500;
        begin(f, history);
        put_batch(f, history);
        faulty.calls = FAULTY_SYNC;
        faulty_io_arm(&faulty, FAULT_ERROR, 1);
        commit = store_fixture_commit(f);
        store_fixture_put(commit, NS, "unknown", "x", ENTRY_PERSISTENT);
        g_assert_cmpint(store_fixture_write_one(f, commit), ==, -EIO);
        while (f->status.state == SERVICE_READ_ONLY)
                turn(f, &n_turns);
        note_moment(history, state_revision(f->state));
        store_fixture_crash(f);
        g_assert_cmpint(store_fixture_open(f), ==, 0);
        put(f, history, "one", ENTRY_PERSISTENT);
        put(f, history, "last", ENTRY_PERSISTENT);
        store_fixture_crash(f);
}

/* Of a kernel that runs and of one that does not, and of a connection. */
static void put_scoped(StoreFixture *f, History *history)
{
        Commit *commit = store_fixture_commit(f);
        g_autofree char *value = g_strdup_printf("scoped %" G_GUINT64_FORMAT, commit->revision);

        store_fixture_put(commit, NS, "first@6.1.0", value, ENTRY_KERNEL);
        store_fixture_put(commit, NS, "first@6.12.0", value, ENTRY_KERNEL);
        waiting_put_session(commit, OTHER_NS, "session", value);
        write_one(f, history, commit);
}

static void pend(StoreFixture *f, History *history, const char *key)
{
        write_one(f, history, waiting_begin(f, NS, OTHER_NS, key));
}

static void settle(StoreFixture *f, History *history, CommitSettlement settlement)
{
        write_one(f, history, waiting_settle(f, settlement));
}

/* Changes that wait, are confirmed and undone, over two generations; one waits when it is killed. */
static void story_waiting(StoreFixture *f, History *history)
{
        f->release = "6.1.0";
        begin(f, history);
        put_scoped(f, history);
        mark_good(f);
        pend(f, history, "one");
        pend(f, history, "two");
        note_site(f, history);
        take_checkpoint(f);
        settle(f, history, COMMIT_CONFIRMS);
        put_scoped(f, history);
        pend(f, history, "three");
        note_site(f, history);
        settle(f, history, COMMIT_UNDOES);
        take_checkpoint(f);
        put(f, history, "four", ENTRY_PERSISTENT);
        settle(f, history, COMMIT_UNDOES);
        note_site(f, history);
        put_scoped(f, history);
        pend(f, history, "first");
        put(f, history, "last", ENTRY_PERSISTENT);
        store_fixture_crash(f);
}

static void put_lazily(StoreFixture *f, History *history, EntryClass class)
{
        Commit *commit = store_fixture_commit(f);
        g_autofree char *value = g_strdup_printf("lazy %" G_GUINT64_FORMAT, commit->revision);

        store_fixture_put(commit, class == ENTRY_RUNTIME ? OTHER_NS : NS, "lazy", value, class);
        commit->is_lazy = true;
        write_one(f, history, commit);
}

/* Killed before what was lazy had been synced. */
static void story_lazy(StoreFixture *f, History *history)
{
        begin(f, history);
        store_set_sync_interval(f->store, HOUR_USEC);
        put_lazily(f, history, ENTRY_PERSISTENT);
        take_checkpoint(f);
        put_lazily(f, history, ENTRY_PERSISTENT);
        put_both(f, history);
        note_site(f, history);
        put_lazily(f, history, ENTRY_RUNTIME);
        put_lazily(f, history, ENTRY_PERSISTENT);
        put_lazily(f, history, ENTRY_PERSISTENT);
        store_fixture_crash(f);
}

const StoryLine stories[] = {
        { "young", story_young },       { "killed", story_killed },
        { "restored", story_restored }, { "several", story_several },
        { "stopped", story_stopped },   { "marked", story_marked },
        { "mended", story_mended },     { "waiting", story_waiting },
        { "lazy", story_lazy },         { NULL, NULL },
};

/* What a checkpoint that was under way has left is of no account. */
static void leave_out_unnamed(Site *site, const char *side)
{
        g_autofree char *path = g_build_filename(side, MANIFEST_NAME, NULL);
        g_autoptr(GPtrArray) paths = site_paths(site);
        g_autoptr(Manifest) manifest = NULL;
        g_autofree char *text = NULL;
        gsize n;
        const char *bytes = g_bytes_get_data(site_get(site, path), &n);

        text = g_strndup(bytes, n);
        g_assert_cmpint(manifest_from_text(&manifest, text, n), ==, 0);
        for (guint i = 0; i < paths->len; i++) {
                g_autofree char *parent = g_path_get_dirname(paths->pdata[i]);
                g_autofree char *name = g_path_get_basename(paths->pdata[i]);

                if (strcmp(parent, side) == 0 && strcmp(name, MANIFEST_NAME) != 0 &&
                    !manifest_names(manifest, name))
                        site_put(site, paths->pdata[i], NULL);
        }
}

static void site_destroy(gpointer site)
{
        site_free(site);
}

History *history_write(const StoryLine *line)
{
        History *history = g_new(History, 1);
        Moment nothing = { 0, g_strdup(""), g_strdup("") };
        StoreFixture fixture;

        *history = (History){
                .name = line->name,
                .state = state_new(),
                .moments = g_array_new(FALSE, FALSE, sizeof(Moment)),
                .older = g_ptr_array_new_with_free_func(site_destroy),
        };
        g_array_set_clear_func(history->moments, moment_clear);
        g_array_append_val(history->moments, nothing);

        store_fixture_set_up(&fixture, NULL);
        line->story(&fixture, history);
        history->site = site_read(fixture.path);
        history->is_in_doubt = site_get(history->site, HISTORY_DOUBT_PATH);
        leave_out_unnamed(history->site, "state");
        leave_out_unnamed(history->site, "runtime");
        store_fixture_tear_down(&fixture, NULL);
        return history;
}

History *history_free(History *history)
{
        if (!history)
                return NULL;

        state_free(history->state);
        g_array_unref(history->moments);
        g_ptr_array_unref(history->older);
        site_free(history->site);
        g_free(history);
        return NULL;
}

const Moment *history_at(const History *history, uint64_t revision)
{
        const Moment *found = NULL;

        for (guint i = 0; i < history->moments->len; i++) {
                const Moment *moment = &g_array_index(history->moments, Moment, i);

                if (moment->revision <= revision)
                        found = moment;
        }
        return found;
}

uint64_t history_end(const History *history)
{
        return g_array_index(history->moments, Moment, history->moments->len - 1).revision;
}
