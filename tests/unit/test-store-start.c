/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: starts while calls fail
 *
 * The first call of a start fails, the second, and so on until none does, once or from then on; on a
 * store that was killed, on one that is damaged, on one after a reboot, and on none at all. It begins
 * all the same, with what could be read, and only says that it could not be read when that has nothing
 * to do with the file. As soon as calls are done again so is everything else, without a restart.
 */

#include "support/faulty-io.h"
#include "support/store-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NS         "org.example.Router"
#define RETRY_USEC 500
#define CALLS_MAX  3000
#define TURNS_MAX  100000

typedef enum Scenery {
        SCENERY_EMPTY,
        SCENERY_KILLED,
        SCENERY_REBOOTED,
        SCENERY_DAMAGED,
} Scenery;

typedef struct Campaign {
        Scenery scenery;
        unsigned calls; /* FaultyCall; 0: all */
        FaultKind kind;
        int error;
} Campaign;

static void turn(StoreFixture *f, int *n_turns)
{
        g_assert_cmpint(++*n_turns, <, TURNS_MAX);
        g_assert_cmpint(sd_event_run(f->event, 10000), >=, 0);
}

static void flip(StoreFixture *f, const char *name, off_t offset)
{
        g_autofree char *path = g_build_filename(f->state_directory, name, NULL);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        uint8_t byte;

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(pread(fd, &byte, 1, offset), ==, 1);
        byte ^= 0x04;
        g_assert_cmpint(pwrite(fd, &byte, 1, offset), ==, 1);
        close(fd);
}

static void set_the_scene(StoreFixture *f, Scenery scenery)
{
        store_fixture_set_up(f, NULL);
        f->retry_usec = RETRY_USEC;
        if (scenery == SCENERY_EMPTY)
                return;

        g_assert_cmpint(store_fixture_open(f), ==, 0);
        store_fixture_add_namespace(f, NS);
        store_fixture_set(f, NS, "a", "1");
        store_fixture_set(f, NS, "b", "2");
        store_fixture_crash(f);
        if (scenery == SCENERY_REBOOTED)
                f->boot_id.bytes[0] = 1;
        /* In the record of b, with nothing lost that cannot be told: the manifest knows no more. */
        if (scenery == SCENERY_DAMAGED)
                flip(f, "MANIFEST", 30);
}

/* Whether all that is there is what was acknowledged; a read that failed may have cost some of it. */
static void check_state(StoreFixture *f, const Campaign *campaign, bool is_degraded)
{
        bool reads_may_fail = campaign->calls == 0;

        if (!is_degraded || !reads_may_fail)
                store_fixture_check(f);
        if (campaign->scenery == SCENERY_DAMAGED)
                g_assert_true(is_degraded);
        else if (!reads_may_fail)
                g_assert_false(is_degraded);
}

static bool is_refusal(int r)
{
        return r == -EACCES || r == -EPERM || r == -EMFILE;
}

/* A start at which the @at-th call failed. Whether it was not refused. */
static bool begin(StoreFixture *f, const Campaign *campaign)
{
        bool is_bare = campaign->scenery == SCENERY_EMPTY;
        int r = store_fixture_open(f);

        if (r == 0)
                return true;
        /* Where there is no directory there is nothing to read. */
        g_assert_true(is_bare || is_refusal(r) || campaign->calls == 0);
        return false;
}

static void wait_for_service(StoreFixture *f)
{
        int n_turns = 0;

        while (f->status.state == SERVICE_READ_ONLY)
                turn(f, &n_turns);
}

static void check_evidence(StoreFixture *f)
{
        g_autofree char *path = g_build_filename(f->state_directory, "damaged", NULL);
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *label = dir ? g_dir_read_name(dir) : NULL;
        g_autofree char *manifest = label ? g_build_filename(path, label, "MANIFEST", NULL) : NULL;

        g_assert_true(manifest && g_file_test(manifest, G_FILE_TEST_EXISTS));
}

static bool try_call(const Campaign *campaign, int at, unsigned *n_read_only)
{
        StoreFixture f;
        FaultyIo faulty;
        bool has_struck, has_begun;

        set_the_scene(&f, campaign->scenery);
        faulty_io_init(&faulty, io_system());
        faulty.calls = campaign->calls;
        faulty.error = campaign->error;
        faulty_io_arm(&faulty, campaign->kind, at);
        f.io = &faulty.io;

        has_begun = begin(&f, campaign);
        has_struck = faulty_io_has_struck(&faulty);
        if (has_begun) {
                *n_read_only += f.status.state == SERVICE_READ_ONLY;
                if (f.status.state == SERVICE_READ_ONLY && campaign->scenery != SCENERY_EMPTY) {
                        Commit *commit = store_fixture_commit(&f);

                        store_fixture_put(commit, NS, "refused", "x", ENTRY_PERSISTENT);
                        g_assert_cmpint(store_fixture_write_one(&f, commit), ==, -EROFS);
                }
                faulty_io_arm(&faulty, FAULT_NONE, 1);
                wait_for_service(&f);
                check_state(&f, campaign, f.status.state == SERVICE_DEGRADED);
                if (campaign->scenery == SCENERY_DAMAGED)
                        check_evidence(&f);
                if (!state_lookup(f.state, NS))
                        store_fixture_add_namespace(&f, NS);
                store_fixture_set(&f, NS, "later", "y");
        }

        store_fixture_reopen(&f);
        if (has_begun) {
                g_assert_cmpint(f.status.state, ==, SERVICE_RUNNING);
                g_assert_cmpstr(store_fixture_get(&f, NS, "later"), ==, "y");
        } else {
                store_fixture_check(&f);
        }
        store_fixture_tear_down(&f, NULL);
        return has_struck;
}

static void test_start_while_calls_fail(gconstpointer userdata)
{
        const Campaign *campaign = userdata;
        unsigned n_runs = 0, n_read_only = 0;
        bool has_struck = true;

        for (int at = 1; has_struck; at += g_test_slow() ? 1 : 1 + at / 4) {
                g_assert_cmpint(at, <, CALLS_MAX);
                has_struck = try_call(campaign, at, &n_read_only);
                n_runs++;
        }
        g_test_message("%u starts, %u read-only", n_runs, n_read_only);
}

static void add_campaigns(void)
{
        static const char *const sceneries[] = { "empty", "killed", "rebooted", "damaged" };
        static const struct {
                const char *name;
                unsigned calls;
        } calls[] = {
                { "any", 0 },
                { "write", FAULTY_WRITE },
                { "sync", FAULTY_SYNC },
                { "rename", FAULTY_RENAME },
                { "link", FAULTY_LINK },
                { "unlink", FAULTY_UNLINK },
                { "allocate", FAULTY_ALLOCATE },
                { "change", FAULTY_WRITE | FAULTY_SYNC | FAULTY_RENAME | FAULTY_LINK |
                                    FAULTY_UNLINK | FAULTY_ALLOCATE },
        };
        static const struct {
                const char *name;
                FaultKind kind;
                int error;
        } faults[] = {
                { "error", FAULT_ERROR, -EIO },       { "errors", FAULT_ERRORS, -EIO },
                { "full", FAULT_ERRORS, -ENOSPC },    { "read-only", FAULT_ERRORS, -EROFS },
                { "late", FAULT_LATE_ERROR, -EIO },   { "no-descriptors", FAULT_ERROR, -EMFILE },
                { "no-right", FAULT_ERROR, -EACCES }, { "over-quota", FAULT_ERRORS, -EDQUOT },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(sceneries); i++)
                for (size_t j = 0; j < G_N_ELEMENTS(calls); j++)
                        for (size_t k = 0; k < G_N_ELEMENTS(faults); k++) {
                                Campaign *campaign = g_new(Campaign, 1);
                                g_autofree char *path =
                                        g_strdup_printf("/store/start/%s/%s/%s", sceneries[i],
                                                        calls[j].name, faults[k].name);

                                *campaign = (Campaign){ (Scenery) i, calls[j].calls, faults[k].kind,
                                                        faults[k].error };
                                g_test_add_data_func_full(path, campaign,
                                                          test_start_while_calls_fail, g_free);
                        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        add_campaigns();
        return g_test_run();
}
