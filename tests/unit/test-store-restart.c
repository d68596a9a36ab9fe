/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: what a stop, a crash and a reboot leave
 */

#include "support/store-fixture.h"

#include <stdio.h>
#include <sys/stat.h>

#define NS "org.example.Router"

static void test_crash_keeps_what_was_acknowledged(StoreFixture *f,
                                                   gconstpointer unused G_GNUC_UNUSED)
{
        g_assert_cmpint(store_fixture_open(f), ==, 0);
        g_assert_cmpint(f->status.loaded_from, ==, LOADED_FROM_NOTHING);
        store_fixture_add_namespace(f, NS);
        for (int i = 0; i < 100; i++) {
                g_autofree char *key = g_strdup_printf("key/%d", i % 40);
                g_autofree char *value = g_strdup_printf("value %d", i);

                store_fixture_set(f, NS, key, value);
        }

        store_fixture_reopen(f);
        store_fixture_check(f);
        g_assert_cmpuint(state_revision(f->state), ==, 101);
        g_assert_cmpint(f->status.loaded_from, ==, LOADED_FROM_JOURNAL);
        g_assert_cmpstr(store_fixture_get(f, NS, "key/19"), ==, "value 99");

        store_fixture_set(f, NS, "key/19", "later");
        g_assert_cmpint(store_fixture_close(f), ==, 0);
        store_fixture_reopen(f);
        store_fixture_check(f);
        g_assert_cmpuint(state_revision(f->state), ==, 102);
}

static void write_both(StoreFixture *f)
{
        Commit *commit = store_fixture_commit(f);

        store_fixture_put(commit, NS, "kept", "1", ENTRY_PERSISTENT);
        store_fixture_put(commit, NS, "until-reboot", "2", ENTRY_RUNTIME);
        g_assert_cmpint(store_fixture_write_one(f, commit), ==, 0);
}

static void test_reboot_loses_runtime_entries_alone(StoreFixture *f,
                                                    gconstpointer unused G_GNUC_UNUSED)
{
        f->boot_id = SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 0a, 0b, 0c, 0d, 0e, 0f, 10);
        g_assert_cmpint(store_fixture_open(f), ==, 0);
        store_fixture_add_namespace(f, NS);
        write_both(f);

        store_fixture_reopen(f);
        g_assert_cmpstr(store_fixture_get(f, NS, "until-reboot"), ==, "2");
        g_assert_cmpuint(state_revision(f->state), ==, 2);

        f->boot_id.bytes[0] = 0xff;
        store_fixture_reopen(f);
        g_assert_cmpstr(store_fixture_get(f, NS, "kept"), ==, "1");
        g_assert_null(store_fixture_get(f, NS, "until-reboot"));
        g_assert_cmpuint(state_revision(f->state), ==, 1 << 20);
        g_assert_cmpuint(store_revision_limit(f->store), ==, 2 << 20);
        g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
}

static void test_lost_runtime_directory_skips_revisions(StoreFixture *f,
                                                        gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *away = g_build_filename(f->path, "away", NULL);

        g_assert_cmpint(store_fixture_open(f), ==, 0);
        store_fixture_add_namespace(f, NS);
        write_both(f);
        store_fixture_crash(f);

        g_assert_cmpint(rename(f->runtime_directory, away), ==, 0);
        store_fixture_reopen(f);
        g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
        g_assert_null(store_fixture_get(f, NS, "until-reboot"));
        g_assert_cmpuint(state_revision(f->state), ==, 1 << 20);

        /* Nor does it go back after that. */
        store_fixture_reopen(f);
        g_assert_cmpuint(state_revision(f->state), ==, 1 << 20);
}

static void test_modes_keep_others_out(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *lock = g_build_filename(f->state_directory, "lock", NULL);
        g_autofree char *journal = g_build_filename(f->runtime_directory, "journal-0", NULL);
        struct stat st;

        g_assert_cmpint(store_fixture_open(f), ==, 0);
        g_assert_cmpint(stat(f->state_directory, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, 0700);
        g_assert_cmpint(stat(f->runtime_directory, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, 0700);
        g_assert_cmpint(stat(lock, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, 0600);
        g_assert_cmpint(stat(journal, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, 0600);
}

/* Takes the second after which the journal is marked. */
static void test_idle_journal_is_marked(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *path = g_build_filename(f->state_directory, "journal-0", NULL);
        int64_t begin = g_get_monotonic_time();
        uint64_t written;
        FILE *file;

        g_assert_cmpint(store_fixture_open(f), ==, 0);
        store_fixture_add_namespace(f, NS);
        store_fixture_set(f, NS, "key", "value");
        written = store_fixture_statistic(f, "journal-bytes");
        while (store_fixture_statistic(f, "flushes") < 3)
                g_assert_cmpint(sd_event_run(f->event, UINT64_MAX), >=, 0);
        g_assert_cmpint(g_get_monotonic_time() - begin, >=, G_USEC_PER_SEC);
        g_assert_cmpuint(store_fixture_statistic(f, "journal-marks"), ==, 1);
        store_fixture_crash(f);

        /* From then on a flip in the last commit is no tear. */
        file = fopen(path, "r+");
        g_assert_nonnull(file);
        g_assert_cmpint(fseek(file, (long) written - 12, SEEK_SET), ==, 0);
        g_assert_cmpint(fputc('x', file), ==, 'x');
        g_assert_cmpint(fclose(file), ==, 0);
        store_fixture_reopen(f);
        g_assert_cmpint(f->status.state, ==, SERVICE_DEGRADED);
        g_assert_cmpint(f->status.loaded_from, ==, LOADED_FROM_PREFIX);
}

static void test_second_store_is_refused(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        StoreFixture second = *f;

        g_assert_cmpint(store_fixture_open(f), ==, 0);
        g_assert_cmpint(store_fixture_open(&second), ==, STORE_E_LOCKED);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

#define STORE_TEST(path, test)                                                             \
        g_test_add("/store/restart/" path, StoreFixture, NULL, store_fixture_set_up, test, \
                   store_fixture_tear_down)
        STORE_TEST("crash-keeps-what-was-acknowledged", test_crash_keeps_what_was_acknowledged);
        STORE_TEST("reboot-loses-runtime-entries-alone", test_reboot_loses_runtime_entries_alone);
        STORE_TEST("lost-runtime-directory-skips-revisions",
                   test_lost_runtime_directory_skips_revisions);
        STORE_TEST("modes-keep-others-out", test_modes_keep_others_out);
        STORE_TEST("idle-journal-is-marked", test_idle_journal_is_marked);
        STORE_TEST("second-store-is-refused", test_second_store_is_refused);

        return g_test_run();
}
