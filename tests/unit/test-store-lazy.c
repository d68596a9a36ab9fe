/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: commits that are lazy
 *
 * What is acknowledged and not synced, and when it comes to the disk.
 */

#include "lazy-store.h"
#include "support/gate-io.h"

#define TURNS_MAX 100000

static void wait_until_clean(StoreFixture *f)
{
        for (int i = 0; lazy_store_is_dirty(f); i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f->event, 1000000), >=, 0);
        }
}

static void test_visible_first_and_on_disk_later(StoreFixture *f,
                                                 gconstpointer unused G_GNUC_UNUSED)
{
        uint64_t n_flushes;

        lazy_store_open(f);
        n_flushes = store_fixture_statistic(f, "flushes");
        for (int i = 0; i < 40; i++) {
                g_autofree char *value = g_strdup_printf("%d", i);

                lazy_store_set(f, "k", value);
        }
        g_assert_true(lazy_store_is_dirty(f));
        g_assert_cmpuint(f->status.durable_revision, ==, 1);
        g_assert_cmpuint(store_fixture_statistic(f, "flushes"), ==, n_flushes);
        g_assert_cmpuint(store_fixture_statistic(f, "lazy-syncs"), ==, 0);

        g_assert_cmpint(lazy_store_flush(f), ==, 0);
        g_assert_false(lazy_store_is_dirty(f));
        g_assert_cmpuint(f->status.durable_revision, ==, 41);
        g_assert_cmpuint(store_fixture_statistic(f, "flushes"), ==, n_flushes + 1);

        /* With nothing to do it does nothing. */
        g_assert_cmpint(lazy_store_flush(f), ==, 0);
        g_assert_cmpuint(store_fixture_statistic(f, "flushes"), ==, n_flushes + 1);
}

static void test_next_sync_takes_all_with_it(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        lazy_store_open(f);
        lazy_store_set(f, "a", "1");
        lazy_store_set(f, "b", "1");
        g_assert_cmpint(lazy_store_set_as(f, "c", "1", ENTRY_PERSISTENT, false), ==, 0);
        g_assert_false(lazy_store_is_dirty(f));
        g_assert_false(lazy_store_has_note(f));
        g_assert_cmpuint(f->status.durable_revision, ==, 4);
        g_assert_cmpuint(store_fixture_statistic(f, "flushes"), ==, 2);
        g_assert_cmpuint(store_fixture_statistic(f, "lazy-syncs"), ==, 0);
}

static void test_interval_ends_in_a_sync(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        lazy_store_open(f);
        lazy_store_set(f, "a", "1");
        g_assert_true(lazy_store_is_dirty(f));
        /* What is there already counts, too. */
        store_set_sync_interval(f->store, 10000);
        wait_until_clean(f);
        g_assert_cmpuint(store_fixture_statistic(f, "lazy-syncs"), ==, 1);
        g_assert_false(lazy_store_has_note(f));

        for (int i = 0; i < 3; i++) {
                lazy_store_set(f, "a", i % 2 == 0 ? "2" : "3");
                wait_until_clean(f);
        }
        g_assert_cmpuint(store_fixture_statistic(f, "lazy-syncs"), ==, 4);
        store_fixture_reopen(f);
        g_assert_cmpstr(store_fixture_get(f, NS, "a"), ==, "2");
}

static void test_much_is_synced_before_its_time(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *value = g_strnfill(1 << 20, 'x');

        lazy_store_open(f);
        for (int i = 0; i < 8; i++) {
                value[0] = (char) ('a' + i);
                lazy_store_set(f, "k", value);
                g_assert_cmpuint(store_fixture_statistic(f, "unsynced-bytes"), <, 6u << 20);
        }
        for (int i = 0; store_fixture_statistic(f, "lazy-syncs") == 0; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f->event, 1000000), >=, 0);
        }
}

/* What a sync under way may not cover is laid out behind it, and is not taken for covered. */
static void test_commit_during_a_sync_waits(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(GPtrArray) commits = g_ptr_array_new();
        g_autoptr(Commit) commit = NULL;
        GateIo gate;
        uint64_t n_bytes;

        gate_io_init_for_syncs(&gate);
        f->io = &gate.io;
        lazy_store_open(f);
        lazy_store_set(f, "a", "1");
        gate_io_set(&gate, true);
        store_set_sync_interval(f->store, 10000);
        for (int i = 0; !gate_io_has_waiting(&gate); i++) {
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

        gate_io_set(&gate, false);
        for (int i = 0; !f->is_settled; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f->event, 1000000), >=, 0);
        }
        g_assert_cmpint(f->result, ==, 0);
        state_apply(f->state, commit);
        store_applied(f->store);
        g_assert_cmpuint(f->status.durable_revision, ==, 2);
        g_assert_true(lazy_store_is_dirty(f));
}

static void test_runtime_commits_wait_for_nothing(StoreFixture *f,
                                                  gconstpointer unused G_GNUC_UNUSED)
{
        lazy_store_open(f);
        g_assert_cmpint(lazy_store_set_as(f, "r", "1", ENTRY_RUNTIME, true), ==, 0);
        g_assert_false(lazy_store_is_dirty(f));
        lazy_store_set(f, "p", "1");
        g_assert_cmpint(lazy_store_set_as(f, "r", "2", ENTRY_RUNTIME, true), ==, 0);
        g_assert_cmpuint(f->status.durable_revision, ==, 2);
        g_assert_cmpuint(store_fixture_statistic(f, "flushes"), ==, 1);

        /* One that somebody waits for beside it has a sync of its own. */
        g_assert_cmpint(lazy_store_set_as(f, "r", "3", ENTRY_RUNTIME, false), ==, 0);
        g_assert_false(lazy_store_is_dirty(f));
        g_assert_cmpuint(f->status.durable_revision, ==, 5);
        g_assert_cmpuint(store_fixture_statistic(f, "flushes"), ==, 2);
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
        lazy_store_open(f);
        lazy_store_set(f, "a", "1");
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
        LAZY_TEST("good-copy-holds-what-is-on-disk", test_good_copy_holds_what_is_on_disk);

        return g_test_run();
}
