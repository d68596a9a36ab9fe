/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: how many copies there are of the last known good state
 */

#include "unit/good-session.h"

static unsigned n_copies(const StoreFixture *f)
{
        g_autofree char *path = g_build_filename(f->state_directory, "last-known-good", NULL);
        g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
        unsigned n = 0;

        g_assert_nonnull(directory);
        while (g_dir_read_name(directory))
                n++;
        return n;
}

/* The journal stays smaller than the state, and no checkpoint is taken. */
static void test_one_copy_stays(void)
{
        g_autofree char *large = g_strnfill(100000, 'x');
        StoreFixture f;

        store_fixture_set_up(&f, NULL);
        g_assert_cmpint(store_fixture_open(&f), ==, 0);
        g_assert_cmpint(good_session_create(&f, NS), ==, 0);
        g_assert_cmpint(good_session_put(&f, NS, "large", large, ENTRY_PERSISTENT), ==, 0);
        for (unsigned i = 0; i < 12; i++) {
                g_autofree char *value = g_strdup_printf("%u", i);

                g_assert_cmpint(good_session_put(&f, NS, "changed", value, ENTRY_PERSISTENT), ==,
                                0);
                g_assert_cmpint(good_session_mark(&f), ==, 0);
                g_assert_cmpuint(n_copies(&f), ==, 1);
                if (i % 3 != 2)
                        continue;
                store_fixture_crash(&f);
                g_assert_cmpint(store_fixture_open(&f), ==, 0);
                g_assert_cmpuint(n_copies(&f), ==, 1);
        }
        store_fixture_tear_down(&f, NULL);
}

/* Opens it after a kill, in which a copy that the journal names is read again. */
static void assert_is_whole_after_a_kill(StoreFixture *f, const char *changed)
{
        store_fixture_crash(f);
        g_assert_cmpint(store_fixture_open(f), ==, 0);
        g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
        g_assert_cmpstr(store_fixture_get(f, NS, "changed"), ==, changed);
        g_assert_null(state_lookup(f->state, OTHER_NS));
}

static void test_copy_stays_while_a_journal_names_it(void)
{
        g_autofree char *restored = NULL;
        StoreFixture f;

        store_fixture_set_up(&f, NULL);
        good_session_run(&f, 8);
        restored = good_session_copy_path(&f);
        g_assert_cmpint(good_session_restore(&f), ==, 0);
        assert_is_whole_after_a_kill(&f, "1");
        for (unsigned i = 0; i < 4; i++) {
                const char *value = i % 2 ? "odd" : "even";

                g_assert_cmpint(good_session_put(&f, NS, "changed", value, ENTRY_PERSISTENT), ==,
                                0);
                g_assert_cmpint(good_session_mark(&f), ==, 0);
                g_assert_cmpuint(n_copies(&f), ==, 2);
                g_assert_true(g_file_test(restored, G_FILE_TEST_EXISTS));
                assert_is_whole_after_a_kill(&f, value);
        }

        /* The older of two generations is to be whole, too. */
        g_assert_cmpint(store_fixture_checkpoint(&f), ==, 0);
        g_assert_cmpuint(n_copies(&f), ==, 2);
        g_assert_cmpint(good_session_put(&f, NS, "changed", "last", ENTRY_PERSISTENT), ==, 0);
        g_assert_cmpint(store_fixture_checkpoint(&f), ==, 0);
        g_assert_cmpuint(n_copies(&f), ==, 1);
        g_assert_false(g_file_test(restored, G_FILE_TEST_EXISTS));
        assert_is_whole_after_a_kill(&f, "last");
        store_fixture_tear_down(&f, NULL);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/store/good-copies/one-stays", test_one_copy_stays);
        g_test_add_func("/store/good-copies/stays-while-a-journal-names-it",
                        test_copy_stays_while_a_journal_names_it);

        return g_test_run();
}
