/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: what a crash leaves of commits that are lazy
 *
 * A killed process and a clean stop lose none. A power cut leaves a beginning of them, and no revision is
 * there a second time.
 */

#include "lazy-store.h"
#include "support/power-io.h"

#include <glib/gstdio.h>

static void test_killed_process_loses_nothing(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        uint64_t reserve;

        lazy_store_open(f);
        reserve = store_revision_limit(f->store);
        lazy_store_set(f, "a", "1");
        g_assert_cmpint(lazy_store_set_as(f, "r", "1", ENTRY_RUNTIME, true), ==, 0);
        lazy_store_set(f, "b", "1");
        g_assert_true(lazy_store_has_note(f));

        /* But it cannot prove that. */
        store_fixture_reopen(f);
        store_fixture_check(f);
        g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
        g_assert_cmpuint(state_revision(f->state), ==, reserve);
        g_assert_false(lazy_store_has_note(f));
        g_assert_false(lazy_store_is_dirty(f));

        /* Once it is synced, there is nothing to prove. */
        lazy_store_set(f, "a", "2");
        g_assert_cmpint(lazy_store_flush(f), ==, 0);
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
        lazy_store_open(f);
        lazy_store_set(f, "a", "1");
        lazy_store_set(f, "b", "1");
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
        lazy_store_open(&f);
        for (unsigned n = 1; n <= 20; n++)
                set_numbered(&f, n, n != 10 || seed % 2 == 0);
        if (seed % 2 == 0)
                g_assert_cmpint(lazy_store_flush(&f), ==, 0);
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
        lazy_store_open(&f);
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

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

#define LAZY_TEST(path, test)                                                                 \
        g_test_add("/store/lazy-crash/" path, StoreFixture, NULL, store_fixture_set_up, test, \
                   store_fixture_tear_down)
        LAZY_TEST("killed-process-loses-nothing", test_killed_process_loses_nothing);
        LAZY_TEST("clean-stop-loses-nothing", test_clean_stop_loses_nothing);
        g_test_add_func("/store/lazy-crash/power-cut-leaves-a-beginning",
                        test_power_cut_leaves_a_beginning);
        g_test_add_func("/store/lazy-crash/checkpoint-while-dirty", test_checkpoint_while_dirty);

        return g_test_run();
}
