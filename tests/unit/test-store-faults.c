/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: every call going wrong, and every place to be killed at
 *
 * One session of a store, opened, written to, checkpointed and closed, is run again and again, with
 * something going wrong at its first call, at its second, and so on until nothing does. Then the
 * directories are opened as they are: what was acknowledged is there, nothing is that was never
 * sent, and a crash is never taken for damage.
 */

#include "store-session.h"
#include "support/faulty-io.h"

#include <errno.h>

#define CALLS_MAX 2000

typedef struct Campaign {
        FaultKind kind;
        int error;
        bool may_be_damaged; /* a read that fails counts as damage */
        int stride;          /* with -m slow, every call */
} Campaign;

static void test_every_call(StoreFixture *unused G_GNUC_UNUSED, gconstpointer userdata)
{
        const Campaign *campaign = userdata;
        bool has_struck = true;

        for (int at = 1; has_struck; at += g_test_slow() ? 1 : campaign->stride) {
                StoreFixture f;
                FaultyIo faulty;

                g_assert_cmpint(at, <, CALLS_MAX);
                store_fixture_set_up(&f, NULL);
                store_session_run_first(&f);

                faulty_io_init(&faulty, io_system());
                faulty.error = campaign->error;
                faulty_io_arm(&faulty, campaign->kind, at);
                f.io = &faulty.io;
                (void) store_session_run(&f);
                has_struck = faulty_io_has_struck(&faulty);

                store_session_check_afterwards(&f, campaign->may_be_damaged);
                store_fixture_tear_down(&f, NULL);
        }
}

/* A start that is killed at one of its calls. */
static bool start_and_kill_at(StoreFixture *f, int at)
{
        FaultyIo faulty;

        faulty_io_init(&faulty, io_system());
        faulty_io_arm(&faulty, FAULT_CRASH, at);
        f->io = &faulty.io;
        (void) store_fixture_open(f);
        store_fixture_crash(f);
        return faulty_io_has_struck(&faulty);
}

static void test_first_start_killed_anywhere(StoreFixture *unused G_GNUC_UNUSED,
                                             gconstpointer unused_too G_GNUC_UNUSED)
{
        bool has_struck = true;

        for (int at = 1; has_struck; at++) {
                StoreFixture f;

                store_fixture_set_up(&f, NULL);
                has_struck = start_and_kill_at(&f, at);

                store_fixture_reopen(&f);
                g_assert_cmpint(f.status.state, ==, SERVICE_RUNNING);
                g_assert_cmpint(f.status.loaded_from, ==,
                                has_struck ? f.status.loaded_from : LOADED_FROM_JOURNAL);
                store_fixture_tear_down(&f, NULL);
        }
}

/* What the first has left by half is not taken for damage by what follows the second. */
static void test_first_start_killed_twice(StoreFixture *unused G_GNUC_UNUSED,
                                          gconstpointer unused_too G_GNUC_UNUSED)
{
        bool has_struck = true;

        for (int at = 1; has_struck; at++) {
                bool has_struck_again = true;

                for (int then = 1 + at % 3; has_struck_again; then += g_test_slow() ? 1 : 3) {
                        StoreFixture f;

                        g_assert_cmpint(then, <, CALLS_MAX);
                        store_fixture_set_up(&f, NULL);
                        has_struck = start_and_kill_at(&f, at);
                        has_struck_again = start_and_kill_at(&f, then);

                        store_fixture_reopen(&f);
                        g_assert_cmpint(f.status.state, ==, SERVICE_RUNNING);
                        store_fixture_tear_down(&f, NULL);
                }
        }
}

int main(int argc, char **argv)
{
        static const Campaign campaigns[] = {
                { FAULT_ERROR, -EIO, true, 1 },  { FAULT_ERROR, -ENOSPC, true, 2 },
                { FAULT_SHORT, -EIO, true, 3 },  { FAULT_LATE_ERROR, -EIO, true, 2 },
                { FAULT_CRASH, -EIO, false, 1 }, { FAULT_CRASH_TORN, -EIO, false, 2 },
        };
        static const char *const names[] = {
                "error",      "disk-full", "short",
                "late-error", "killed",    "killed-in-the-middle-of-a-write",
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(campaigns); i++) {
                g_autofree char *path = g_strdup_printf("/store/faults/%s", names[i]);

                g_test_add(path, StoreFixture, &campaigns[i], store_fixture_set_up, test_every_call,
                           store_fixture_tear_down);
        }
        g_test_add("/store/faults/first-start-killed-anywhere", StoreFixture, NULL,
                   store_fixture_set_up, test_first_start_killed_anywhere, store_fixture_tear_down);
        g_test_add("/store/faults/first-start-killed-twice", StoreFixture, NULL,
                   store_fixture_set_up, test_first_start_killed_twice, store_fixture_tear_down);

        return g_test_run();
}
