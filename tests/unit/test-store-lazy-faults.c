/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: commits that are lazy, on a disk that fails
 */

#include "lazy-store.h"
#include "support/faulty-io.h"

#include <errno.h>

#define TURNS_MAX 100000

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
        lazy_store_open(f);
        lazy_store_set(f, "a", "1");
        lazy_store_set(f, "b", "1");
        faulty.calls = FAULTY_SYNC;
        faulty_io_arm(&faulty, FAULT_LATE_ERROR, 1);
        g_assert_cmpint(lazy_store_flush(f), ==, -EIO);
        g_assert_cmpint(f->status.state, ==, SERVICE_READ_ONLY);
        g_assert_true(lazy_store_is_dirty(f));
        g_assert_true(lazy_store_has_note(f));
        g_assert_cmpint(lazy_store_flush(f), ==, -EROFS);

        wait_until_mended(f);
        g_assert_false(lazy_store_is_dirty(f));
        g_assert_false(lazy_store_has_note(f));
        g_assert_cmpint(lazy_store_flush(f), ==, 0);
        store_fixture_check(f);
        lazy_store_set(f, "a", "2");
        g_assert_true(lazy_store_has_note(f));
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
                lazy_store_open(&f);
                lazy_store_set(&f, "before", "1");
                faulty.calls = (unsigned) calls;
                faulty.error = error;
                faulty_io_arm(&faulty, kind, at);
                for (int n = 0; n < 4; n++) {
                        g_autofree char *key = g_strdup_printf("k%d", n);

                        (void) lazy_store_set_as(&f, key, "1", ENTRY_PERSISTENT, true);
                        (void) lazy_store_set_as(&f, key, "2", ENTRY_RUNTIME, true);
                        if (n == 2)
                                (void) lazy_store_flush(&f);
                }
                has_struck = faulty_io_has_struck(&faulty);
                faulty_io_arm(&faulty, FAULT_NONE, 0);
                wait_until_mended(&f);
                store_fixture_check(&f);
                g_assert_cmpint(lazy_store_flush(&f), ==, 0);
                g_assert_false(lazy_store_is_dirty(&f));

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
        lazy_store_open(f);
        faulty.calls = FAULTY_OPEN;
        faulty_io_arm(&faulty, FAULT_ERROR, 1);
        lazy_store_set(f, "a", "1");
        g_assert_true(faulty_io_has_struck(&faulty));
        g_assert_false(lazy_store_is_dirty(f));
        g_assert_cmpuint(f->status.durable_revision, ==, 2);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

#define LAZY_TEST(path, test)                                                                  \
        g_test_add("/store/lazy-faults/" path, StoreFixture, NULL, store_fixture_set_up, test, \
                   store_fixture_tear_down)
        LAZY_TEST("failed-sync-loses-nothing", test_failed_sync_loses_nothing);
        LAZY_TEST("without-a-note-it-is-synced", test_without_a_note_it_is_synced);
        g_test_add_func("/store/lazy-faults/every-failing-call", test_every_failing_call);

        return g_test_run();
}
