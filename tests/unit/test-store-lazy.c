/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: commits that are lazy
 *
 * What is acknowledged and not synced: when it comes to the disk, what a crash leaves of it, and what
 * a disk that fails does.
 */

#include "support/faulty-io.h"
#include "support/power-io.h"
#include "support/store-fixture.h"

#include <errno.h>
#include <glib/gstdio.h>

#define NS        "org.example.Router"
#define TURNS_MAX 100000
#define HOUR_USEC (UINT64_C(3600) * G_USEC_PER_SEC)

static void open_with_namespace(StoreFixture *f)
{
        g_assert_cmpint(store_fixture_open(f), ==, 0);
        store_set_sync_interval(f->store, HOUR_USEC);
        store_fixture_add_namespace(f, NS);
}

static int set_as(StoreFixture *f, const char *key, const char *value, EntryClass class, bool lazy)
{
        Commit *commit = store_fixture_commit(f);

        store_fixture_put(commit, NS, key, value, class);
        commit->is_lazy = lazy;
        return store_fixture_write_one(f, commit);
}

static void set_lazily(StoreFixture *f, const char *key, const char *value)
{
        g_assert_cmpint(set_as(f, key, value, ENTRY_PERSISTENT, true), ==, 0);
}

static bool is_dirty(StoreFixture *f)
{
        bool is_behind = f->status.durable_revision < state_revision(f->state);

        g_assert_cmpint(is_behind, ==, store_fixture_statistic(f, "unsynced-bytes") > 0);
        return is_behind;
}

static bool has_note(StoreFixture *f)
{
        g_autofree char *path = g_build_filename(f->runtime_directory, "in-doubt", NULL);

        return g_file_test(path, G_FILE_TEST_EXISTS);
}

static int flush(StoreFixture *f)
{
        int r;

        f->is_settled = false;
        r = store_flush(f->store);
        for (int i = 0; r == 0 && !f->is_settled; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f->event, 1000000), >=, 0);
        }
        return r == 0 ? f->result : r == STORE_E_WRITTEN ? 0 : r;
}

static void wait_until_clean(StoreFixture *f)
{
        for (int i = 0; is_dirty(f); i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f->event, 1000000), >=, 0);
        }
}

static void test_visible_first_and_on_disk_later(StoreFixture *f,
                                                 gconstpointer unused G_GNUC_UNUSED)
{
        uint64_t n_flushes;

        open_with_namespace(f);
        n_flushes = store_fixture_statistic(f, "flushes");
        for (int i = 0; i < 40; i++) {
                g_autofree char *value = g_strdup_printf("%d", i);

                set_lazily(f, "k", value);
        }
        g_assert_true(is_dirty(f));
        g_assert_cmpuint(f->status.durable_revision, ==, 1);
        g_assert_cmpuint(store_fixture_statistic(f, "flushes"), ==, n_flushes);
        g_assert_cmpuint(store_fixture_statistic(f, "lazy-syncs"), ==, 0);

        g_assert_cmpint(flush(f), ==, 0);
        g_assert_false(is_dirty(f));
        g_assert_cmpuint(f->status.durable_revision, ==, 41);
        g_assert_cmpuint(store_fixture_statistic(f, "flushes"), ==, n_flushes + 1);

        /* With nothing to do it does nothing. */
        g_assert_cmpint(flush(f), ==, 0);
        g_assert_cmpuint(store_fixture_statistic(f, "flushes"), ==, n_flushes + 1);
}

static void test_next_sync_takes_all_with_it(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        open_with_namespace(f);
        set_lazily(f, "a", "1");
        set_lazily(f, "b", "1");
        g_assert_cmpint(set_as(f, "c", "1", ENTRY_PERSISTENT, false), ==, 0);
        g_assert_false(is_dirty(f));
        g_assert_false(has_note(f));
        g_assert_cmpuint(f->status.durable_revision, ==, 4);
        g_assert_cmpuint(store_fixture_statistic(f, "flushes"), ==, 2);
        g_assert_cmpuint(store_fixture_statistic(f, "lazy-syncs"), ==, 0);
}

static void test_interval_ends_in_a_sync(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        open_with_namespace(f);
        set_lazily(f, "a", "1");
        g_assert_true(is_dirty(f));
        /* What is there already counts, too. */
        store_set_sync_interval(f->store, 10000);
        wait_until_clean(f);
        g_assert_cmpuint(store_fixture_statistic(f, "lazy-syncs"), ==, 1);
        g_assert_false(has_note(f));

        for (int i = 0; i < 3; i++) {
                set_lazily(f, "a", i % 2 == 0 ? "2" : "3");
                wait_until_clean(f);
        }
        g_assert_cmpuint(store_fixture_statistic(f, "lazy-syncs"), ==, 4);
        store_fixture_reopen(f);
        g_assert_cmpstr(store_fixture_get(f, NS, "a"), ==, "2");
}

static void test_much_is_synced_before_its_time(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *value = g_strnfill(1 << 20, 'x');

        open_with_namespace(f);
        for (int i = 0; i < 8; i++) {
                value[0] = (char) ('a' + i);
                set_lazily(f, "k", value);
                g_assert_cmpuint(store_fixture_statistic(f, "unsynced-bytes"), <, 6u << 20);
        }
        for (int i = 0; store_fixture_statistic(f, "lazy-syncs") == 0; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f->event, 1000000), >=, 0);
        }
}

/* An Io whose syncs of files wait at a gate. */
typedef struct GateIo {
        Io io;
        GMutex mutex;
        GCond changed;
        unsigned n_waiting;
        bool is_shut;
} GateIo;

static int gate_fdatasync(void *userdata, int fd)
{
        GateIo *gate = userdata;

        g_mutex_lock(&gate->mutex);
        gate->n_waiting++;
        g_cond_broadcast(&gate->changed);
        while (gate->is_shut)
                g_cond_wait(&gate->changed, &gate->mutex);
        gate->n_waiting--;
        g_mutex_unlock(&gate->mutex);
        return io_fdatasync(io_system(), fd);
}

static void gate_set(GateIo *gate, bool is_shut)
{
        g_mutex_lock(&gate->mutex);
        gate->is_shut = is_shut;
        g_cond_broadcast(&gate->changed);
        g_mutex_unlock(&gate->mutex);
}

static bool gate_has_waiting(GateIo *gate)
{
        bool has_waiting;

        g_mutex_lock(&gate->mutex);
        has_waiting = gate->n_waiting > 0;
        g_mutex_unlock(&gate->mutex);
        return has_waiting;
}

/* What a sync under way may not cover is laid out behind it, and is not taken for covered. */
static void test_commit_during_a_sync_waits(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(GPtrArray) commits = g_ptr_array_new();
        g_autoptr(Commit) commit = NULL;
        GateIo gate = { .io = *io_system() };
        uint64_t n_bytes;

        gate.io.fdatasync = gate_fdatasync;
        gate.io.userdata = &gate;
        f->io = &gate.io;
        open_with_namespace(f);
        set_lazily(f, "a", "1");
        gate_set(&gate, true);
        store_set_sync_interval(f->store, 10000);
        for (int i = 0; !gate_has_waiting(&gate); i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f->event, 1000), >=, 0);
        }
        store_set_sync_interval(f->store, HOUR_USEC);

        n_bytes = store_fixture_statistic(f, "journal-bytes");
        commit = store_fixture_commit(f);
        store_fixture_put(commit, NS, "b", "1", ENTRY_PERSISTENT);
        commit->is_lazy = true;
        g_ptr_array_add(commits, commit);
        f->is_settled = false;
        g_assert_cmpint(store_write(f->store, commits), ==, 0);
        g_assert_cmpuint(store_fixture_statistic(f, "journal-bytes"), ==, n_bytes);

        gate_set(&gate, false);
        for (int i = 0; !f->is_settled; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f->event, 1000000), >=, 0);
        }
        g_assert_cmpint(f->result, ==, 0);
        state_apply(f->state, commit);
        store_applied(f->store);
        g_assert_cmpuint(f->status.durable_revision, ==, 2);
        g_assert_true(is_dirty(f));
}

static void test_runtime_commits_wait_for_nothing(StoreFixture *f,
                                                  gconstpointer unused G_GNUC_UNUSED)
{
        open_with_namespace(f);
        g_assert_cmpint(set_as(f, "r", "1", ENTRY_RUNTIME, true), ==, 0);
        g_assert_false(is_dirty(f));
        set_lazily(f, "p", "1");
        g_assert_cmpint(set_as(f, "r", "2", ENTRY_RUNTIME, true), ==, 0);
        g_assert_cmpuint(f->status.durable_revision, ==, 2);
        g_assert_cmpuint(store_fixture_statistic(f, "flushes"), ==, 1);

        /* One that somebody waits for beside it has a sync of its own. */
        g_assert_cmpint(set_as(f, "r", "3", ENTRY_RUNTIME, false), ==, 0);
        g_assert_false(is_dirty(f));
        g_assert_cmpuint(f->status.durable_revision, ==, 5);
        g_assert_cmpuint(store_fixture_statistic(f, "flushes"), ==, 2);
}

static void test_killed_process_loses_nothing(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        uint64_t reserve;

        open_with_namespace(f);
        reserve = store_revision_limit(f->store);
        set_lazily(f, "a", "1");
        g_assert_cmpint(set_as(f, "r", "1", ENTRY_RUNTIME, true), ==, 0);
        set_lazily(f, "b", "1");
        g_assert_true(has_note(f));

        /* But it cannot prove that. */
        store_fixture_reopen(f);
        store_fixture_check(f);
        g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
        g_assert_cmpuint(state_revision(f->state), ==, reserve);
        g_assert_false(has_note(f));
        g_assert_false(is_dirty(f));

        /* Once it is synced, there is nothing to prove. */
        set_lazily(f, "a", "2");
        g_assert_cmpint(flush(f), ==, 0);
        store_fixture_reopen(f);
        g_assert_cmpuint(state_revision(f->state), ==, reserve + 1);
        store_fixture_check(f);
}

static void test_clean_stop_loses_nothing(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *keep = g_build_filename(f->path, "keep", NULL);
        g_autoptr(PowerIo) power = NULL;

        g_assert_cmpint(g_mkdir(keep, 0700), ==, 0);
        power = power_io_new(keep, 1);
        f->io = power_io(power);
        open_with_namespace(f);
        set_lazily(f, "a", "1");
        set_lazily(f, "b", "1");
        g_assert_cmpint(store_fixture_close(f), ==, 0);
        power_io_cut(power);
        store_fixture_reopen(f);
        store_fixture_check(f);
        g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
}

/* The n-th lazy commit sets key to n: what is there is of one of them, none before the last sync. */
static unsigned check_prefix(StoreFixture *f, unsigned n_synced, unsigned n_written)
{
        const char *last = store_fixture_get(f, NS, "last");
        unsigned n_found = last ? (unsigned) g_ascii_strtoull(last, NULL, 10) : 0;

        g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
        g_assert_cmpuint(n_found, >=, n_synced);
        g_assert_cmpuint(n_found, <=, n_written);
        for (unsigned i = 1; i <= n_written; i++) {
                g_autofree char *key = g_strdup_printf("k%u", i);

                if (i <= n_found)
                        g_assert_nonnull(store_fixture_get(f, NS, key));
                else
                        g_assert_null(store_fixture_get(f, NS, key));
        }
        return n_found;
}

static void set_numbered(StoreFixture *f, unsigned n, bool is_lazy)
{
        g_autofree char *key = g_strdup_printf("k%u", n);
        g_autofree char *value = g_strdup_printf("%u", n);
        g_autofree char *filler = g_strnfill(n * 131 % 1500, 'x');
        Commit *commit = store_fixture_commit(f);

        store_fixture_put(commit, NS, key, filler, ENTRY_PERSISTENT);
        store_fixture_put(commit, NS, "last", value, ENTRY_PERSISTENT);
        store_fixture_put(commit, NS, "runtime", value, ENTRY_RUNTIME);
        commit->is_lazy = is_lazy;
        g_assert_cmpint(store_fixture_write_one(f, commit), ==, 0);
}

/* Whatever sectors came down: a beginning of what was acknowledged, and no revision a second time. */
static void cut_power(guint32 seed, bool *ret_has_lost, bool *ret_has_kept)
{
        g_autoptr(PowerIo) power = NULL;
        g_autofree char *keep = NULL;
        uint64_t revision;
        StoreFixture f;
        unsigned n_found;

        store_fixture_set_up(&f, NULL);
        f.boot_id.bytes[0] = 1;
        keep = g_build_filename(f.path, "keep", NULL);
        g_assert_cmpint(g_mkdir(keep, 0700), ==, 0);
        power = power_io_new(keep, seed);
        f.io = power_io(power);
        open_with_namespace(&f);
        for (unsigned n = 1; n <= 20; n++)
                set_numbered(&f, n, n != 10 || seed % 2 == 0);
        if (seed % 2 == 0)
                g_assert_cmpint(flush(&f), ==, 0);
        for (unsigned n = 21; n <= 30; n++)
                set_numbered(&f, n, true);
        revision = state_revision(f.state);
        store_fixture_crash(&f);
        power_io_cut(power);

        f.boot_id.bytes[0] = 2;
        f.io = io_system();
        g_assert_cmpint(store_fixture_open(&f), ==, 0);
        n_found = check_prefix(&f, seed % 2 == 0 ? 20 : 10, 30);
        *ret_has_lost |= n_found < 30;
        *ret_has_kept |= n_found > 20;
        g_assert_cmpuint(state_revision(f.state), >, revision);
        g_assert_null(store_fixture_get(&f, NS, "runtime"));
        store_fixture_tear_down(&f, NULL);
}

static void test_power_cut_leaves_a_beginning(void)
{
        bool has_lost = false, has_kept = false;

        for (guint32 seed = 0; seed < 60; seed++)
                cut_power(seed, &has_lost, &has_kept);
        g_assert_true(has_lost);
        g_assert_true(has_kept);
}

/*
 * The journal that it ends is synced first: else what follows would have nothing to follow. Cut off
 * after so many turns of the loop, from before its beginning to behind its end.
 */
static void cut_during_checkpoint(guint32 n_turns, uint64_t *ret_n_taken)
{
        g_autoptr(PowerIo) power = NULL;
        g_autofree char *keep = NULL;
        StoreFixture f;

        store_fixture_set_up(&f, NULL);
        keep = g_build_filename(f.path, "keep", NULL);
        g_assert_cmpint(g_mkdir(keep, 0700), ==, 0);
        power = power_io_new(keep, n_turns);
        f.io = power_io(power);
        f.checkpoint_journal_bytes = UINT64_MAX;
        open_with_namespace(&f);
        for (unsigned n = 1; n <= 10; n++)
                set_numbered(&f, n, true);
        g_assert_cmpint(store_checkpoint(f.store), ==, 0);
        for (unsigned n = 0; n < n_turns; n++) {
                g_assert_cmpint(sd_event_run(f.event, 1000), >=, 0);
                set_numbered(&f, n + 11, true);
        }
        *ret_n_taken = store_fixture_statistic(&f, "checkpoints");
        store_fixture_crash(&f);
        power_io_cut(power);

        f.boot_id.bytes[0]++;
        f.io = io_system();
        g_assert_cmpint(store_fixture_open(&f), ==, 0);
        (void) check_prefix(&f, *ret_n_taken > 0 ? 10 : 0, n_turns + 10);
        store_fixture_tear_down(&f, NULL);
}

static void test_checkpoint_while_dirty(void)
{
        uint64_t n_taken = 0;

        for (guint32 n_turns = 0; n_turns < 40 || n_taken == 0; n_turns++) {
                g_assert_cmpuint(n_turns, <, 1000);
                cut_during_checkpoint(n_turns, &n_taken);
        }
}

static void on_marked(void *userdata, int r)
{
        StoreFixture *f = userdata;

        f->is_settled = true;
        f->result = r;
}

static void test_good_copy_holds_what_is_on_disk(StoreFixture *f,
                                                 gconstpointer unused G_GNUC_UNUSED)
{
        open_with_namespace(f);
        set_lazily(f, "a", "1");
        f->is_settled = false;
        g_assert_cmpint(store_mark_good(f->store, on_marked, f), ==, 0);
        for (int i = 0; !f->is_settled; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f->event, 1000000), >=, 0);
        }
        g_assert_cmpint(f->result, ==, 0);
        g_assert_cmpuint(f->status.last_good_revision, ==, 2);
        g_assert_cmpuint(f->status.durable_revision, ==, 2);
}

static void wait_until_mended(StoreFixture *f)
{
        for (int i = 0; f->status.state == SERVICE_READ_ONLY; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f->event, 1000000), >=, 0);
        }
}

/* They were promised to be in memory, and from there they come to the disk. */
static void test_failed_sync_loses_nothing(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        FaultyIo faulty;

        faulty_io_init(&faulty, io_system());
        f->io = &faulty.io;
        f->retry_usec = 500;
        open_with_namespace(f);
        set_lazily(f, "a", "1");
        set_lazily(f, "b", "1");
        faulty.calls = FAULTY_SYNC;
        faulty_io_arm(&faulty, FAULT_LATE_ERROR, 1);
        g_assert_cmpint(flush(f), ==, -EIO);
        g_assert_cmpint(f->status.state, ==, SERVICE_READ_ONLY);
        g_assert_true(is_dirty(f));
        g_assert_true(has_note(f));
        g_assert_cmpint(flush(f), ==, -EROFS);

        wait_until_mended(f);
        g_assert_false(is_dirty(f));
        g_assert_false(has_note(f));
        g_assert_cmpint(flush(f), ==, 0);
        store_fixture_check(f);
        set_lazily(f, "a", "2");
        g_assert_true(has_note(f));
        store_fixture_reopen(f);
        store_fixture_check(f);
        g_assert_cmpstr(store_fixture_get(f, NS, "a"), ==, "2");
}

/* Each call of a kind in turn, in the middle of lazy commits. */
static void fail_each(FaultKind kind, FaultyCall calls, int error)
{
        bool has_struck = true;

        for (int at = 1; has_struck; at++) {
                FaultyIo faulty;
                StoreFixture f;

                g_assert_cmpint(at, <, 200);
                store_fixture_set_up(&f, NULL);
                faulty_io_init(&faulty, io_system());
                f.io = &faulty.io;
                f.retry_usec = 500;
                open_with_namespace(&f);
                set_lazily(&f, "before", "1");
                faulty.calls = (unsigned) calls;
                faulty.error = error;
                faulty_io_arm(&faulty, kind, at);
                for (int n = 0; n < 4; n++) {
                        g_autofree char *key = g_strdup_printf("k%d", n);

                        (void) set_as(&f, key, "1", ENTRY_PERSISTENT, true);
                        (void) set_as(&f, key, "2", ENTRY_RUNTIME, true);
                        if (n == 2)
                                (void) flush(&f);
                }
                has_struck = faulty_io_has_struck(&faulty);
                faulty_io_arm(&faulty, FAULT_NONE, 0);
                wait_until_mended(&f);
                store_fixture_check(&f);
                g_assert_cmpint(flush(&f), ==, 0);
                g_assert_false(is_dirty(&f));

                store_fixture_reopen(&f);
                g_assert_cmpint(f.status.state, ==, SERVICE_RUNNING);
                store_fixture_check(&f);
                store_fixture_tear_down(&f, NULL);
        }
}

static void test_every_failing_call(void)
{
        fail_each(FAULT_ERROR, FAULTY_WRITE, -EIO);
        fail_each(FAULT_SHORT, FAULTY_WRITE, -EIO);
        fail_each(FAULT_ERROR, FAULTY_SYNC, -EIO);
        fail_each(FAULT_LATE_ERROR, FAULTY_SYNC, -EIO);
        fail_each(FAULT_ERROR, FAULTY_ALLOCATE, -ENOSPC);
        fail_each(FAULT_ERROR, FAULTY_OPEN, -EMFILE);
        fail_each(FAULT_ERROR, FAULTY_UNLINK, -EIO);
}

/* Where no note of it can be left, it is not lazy. */
static void test_without_a_note_it_is_synced(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        FaultyIo faulty;

        faulty_io_init(&faulty, io_system());
        f->io = &faulty.io;
        open_with_namespace(f);
        faulty.calls = FAULTY_OPEN;
        faulty_io_arm(&faulty, FAULT_ERROR, 1);
        set_lazily(f, "a", "1");
        g_assert_true(faulty_io_has_struck(&faulty));
        g_assert_false(is_dirty(f));
        g_assert_cmpuint(f->status.durable_revision, ==, 2);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

#define LAZY_TEST(path, test)                                                           \
        g_test_add("/store/lazy/" path, StoreFixture, NULL, store_fixture_set_up, test, \
                   store_fixture_tear_down)
        LAZY_TEST("visible-first-and-on-disk-later", test_visible_first_and_on_disk_later);
        LAZY_TEST("next-sync-takes-all-with-it", test_next_sync_takes_all_with_it);
        LAZY_TEST("interval-ends-in-a-sync", test_interval_ends_in_a_sync);
        LAZY_TEST("much-is-synced-before-its-time", test_much_is_synced_before_its_time);
        LAZY_TEST("commit-during-a-sync-waits", test_commit_during_a_sync_waits);
        LAZY_TEST("runtime-commits-wait-for-nothing", test_runtime_commits_wait_for_nothing);
        LAZY_TEST("killed-process-loses-nothing", test_killed_process_loses_nothing);
        LAZY_TEST("clean-stop-loses-nothing", test_clean_stop_loses_nothing);
        LAZY_TEST("good-copy-holds-what-is-on-disk", test_good_copy_holds_what_is_on_disk);
        LAZY_TEST("failed-sync-loses-nothing", test_failed_sync_loses_nothing);
        LAZY_TEST("without-a-note-it-is-synced", test_without_a_note_it_is_synced);
        g_test_add_func("/store/lazy/power-cut-leaves-a-beginning",
                        test_power_cut_leaves_a_beginning);
        g_test_add_func("/store/lazy/checkpoint-while-dirty", test_checkpoint_while_dirty);
        g_test_add_func("/store/lazy/every-failing-call", test_every_failing_call);

        return g_test_run();
}
