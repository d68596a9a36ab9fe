/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: going on after a failure
 *
 * The store is in use while its calls fail, the first of a kind, the second, and so on until none
 * does, once or from then on. It says of each commit whether it is there, is not, or cannot be
 * known; once the cause is gone it takes changes again, without a restart. Then what was acknowledged
 * is there and nothing else is, now and after a crash.
 */

#include "store-scene.h"
#include "support/power-io.h"

#include <errno.h>
#include <sys/stat.h>

#define BIG_BYTES ((size_t) 90 << 10)
#define CALLS_MAX 2000
#define TURNS_MAX 100000

static void take_checkpoint(StoreScene *scene)
{
        StoreFixture *f = &scene->fixture;
        uint64_t n = store_fixture_statistic(f, "checkpoints") +
                     store_fixture_statistic(f, "checkpoint-failures");

        if (store_checkpoint(f->store) < 0)
                return;
        for (int i = 0; i < TURNS_MAX && f->status.state != SERVICE_READ_ONLY; i++) {
                if (store_fixture_statistic(f, "checkpoints") +
                            store_fixture_statistic(f, "checkpoint-failures") >
                    n)
                        return;
                store_scene_turn(scene);
        }
}

/* A bit of everything. What fails does not end it. */
static void use_store(StoreScene *scene)
{
        for (unsigned round = 0; round < (g_test_slow() ? 3 : 2); round++) {
                (void) store_scene_set_key(scene, "small", 30, ENTRY_PERSISTENT);
                (void) store_scene_write_batch(scene);
                (void) store_scene_set_key(scene, "lost", 30, ENTRY_RUNTIME);
                (void) store_scene_delete_key(scene, "small");
                for (unsigned i = 0; i < 6; i++) {
                        g_autofree char *key = g_strdup_printf("big/%u", i);

                        (void) store_scene_set_key(scene, key, BIG_BYTES, ENTRY_PERSISTENT);
                }
                take_checkpoint(scene);
        }
}

typedef struct Campaign {
        const char *name;
        FaultyCall calls;
        FaultKind kind;
        int error;
} Campaign;

static void test_service_goes_on(gconstpointer userdata)
{
        const Campaign *campaign = userdata;
        /* Names are put in place seldom, and each time it matters. */
        bool is_thorough = g_test_slow() || campaign->calls == FAULTY_RENAME;
        bool has_struck = true;
        int n_failed = 0;

        for (int at = 1; has_struck; at += is_thorough ? 1 : 1 + at / 3) {
                StoreScene scene;

                g_assert_cmpint(at, <, CALLS_MAX);
                store_scene_set_up(&scene, io_system());
                store_scene_start(&scene);

                scene.faulty.calls = (unsigned) campaign->calls;
                scene.faulty.error = campaign->error;
                faulty_io_arm(&scene.faulty, campaign->kind, at);
                use_store(&scene);
                has_struck = faulty_io_has_struck(&scene.faulty);
                n_failed += scene.fixture.n_status_calls > 0;

                store_scene_wait_for_service(&scene);
                /* Nothing may be written while the files are looked at. */
                store_fixture_crash(&scene.fixture);
                store_fixture_check_manifest(&scene.fixture);
                store_scene_check_reopened(&scene);
                store_fixture_tear_down(&scene.fixture, NULL);
        }

        g_test_message("%s: %d runs in which the state changed", campaign->name, n_failed);
}

/* Fails one sync of the journal, and waits until the store has noticed. */
static void fail_a_sync(StoreScene *scene, unsigned n_written_before)
{
        for (unsigned i = 0; i < n_written_before; i++)
                g_assert_cmpint(store_scene_set_key(scene, "small", 30, ENTRY_PERSISTENT), ==, 0);

        scene->faulty.calls = FAULTY_SYNC;
        faulty_io_arm(&scene->faulty, FAULT_LATE_ERROR, 1);
        g_assert_cmpint(store_scene_write_batch(scene), ==, -EIO);
}

/* The whole batch may be in the files, or its runtime half alone. */
static void test_killed_anywhere_while_mending(void)
{
        bool has_struck = true;

        for (int at = 1; has_struck; at++) {
                StoreScene scene;
                StoreFixture *f = &scene.fixture;
                FaultyIo killer;

                g_assert_cmpint(at, <, CALLS_MAX);
                faulty_io_init(&killer, io_system());
                store_scene_set_up(&scene, &killer.io);
                store_scene_start(&scene);
                fail_a_sync(&scene, (unsigned) at % 3);

                /* One attempt, and no others behind it. */
                faulty_io_arm(&killer, FAULT_CRASH_TORN, at);
                for (int i = 0; f->status.state == SERVICE_READ_ONLY &&
                                store_fixture_statistic(f, "checkpoint-failures") == 0;
                     i++) {
                        g_assert_cmpint(i, <, TURNS_MAX);
                        store_scene_turn(&scene);
                }
                has_struck = f->status.state == SERVICE_READ_ONLY;
                if (!has_struck)
                        store_scene_forget_sent(f);

                store_scene_check_reopened(&scene);
                store_fixture_tear_down(f, NULL);
        }
}

static void test_mended_survives_a_power_cut(void)
{
        for (guint32 n = 1; n < 40; n++) {
                g_autoptr(PowerIo) power = NULL;
                g_autofree char *keep = NULL;
                StoreScene scene;
                StoreFixture *f = &scene.fixture;

                store_scene_set_up(&scene, io_system());
                store_scene_start(&scene);
                g_assert_cmpint(store_fixture_close(f), ==, 0);

                keep = g_build_filename(f->path, "keep", NULL);
                g_assert_cmpint(mkdir(keep, 0700), ==, 0);
                power = power_io_new(keep, n);
                f->io = power_io(power);
                g_assert_cmpint(store_fixture_open(f), ==, 0);
                power_io_fail_sync(power, (int) n);
                use_store(&scene);
                power_io_fail_sync(power, 0);
                store_scene_wait_for_service(&scene);
                g_assert_cmpint(store_scene_set_key(&scene, "last", 30, ENTRY_PERSISTENT), ==, 0);

                store_fixture_crash(f);
                power_io_cut(power);
                f->boot_id.bytes[0]++;
                store_scene_forget_runtime(f);
                f->io = io_system();
                g_assert_cmpint(store_fixture_open(f), ==, 0);
                g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
                store_fixture_check(f);
                store_fixture_tear_down(f, NULL);
        }
}

static void test_failed_file_is_replayed_never(void)
{
        StoreScene scene;
        StoreFixture *f = &scene.fixture;
        uint64_t revision;

        store_scene_set_up(&scene, io_system());
        store_scene_start(&scene);
        revision = state_revision(f->state);
        fail_a_sync(&scene, 1);
        g_assert_cmpint(f->status.state, ==, SERVICE_READ_ONLY);
        g_assert_cmpint(store_scene_set_key(&scene, "small", 30, ENTRY_PERSISTENT), ==, -EROFS);

        store_scene_wait_for_service(&scene);
        /* Beyond what the failed batch may have used up, and reserved on disk. */
        g_assert_cmpuint(state_revision(f->state), >, revision + 4);
        g_assert_cmpuint(f->n_limit_calls, >, 0);
        g_assert_cmpuint(store_revision_limit(f->store), >, state_revision(f->state));
        store_scene_check_reopened(&scene);
        store_fixture_tear_down(f, NULL);
}

/* One damaged file still loses nothing, as soon as something has been written after the mending. */
static void test_second_generation_follows(void)
{
        StoreScene scene;
        StoreFixture *f = &scene.fixture;
        uint64_t n;

        store_scene_set_up(&scene, io_system());
        store_scene_start(&scene);
        fail_a_sync(&scene, 1);
        store_scene_wait_for_service(&scene);

        n = store_fixture_statistic(f, "checkpoints");
        g_assert_cmpint(store_scene_set_key(&scene, "small", 30, ENTRY_PERSISTENT), ==, 0);
        for (int i = 0; store_fixture_statistic(f, "checkpoints") == n; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                store_scene_turn(&scene);
        }
        store_scene_check_reopened(&scene);
        store_fixture_tear_down(f, NULL);
}

static void add_campaigns(void)
{
        static const struct {
                const char *name;
                FaultyCall calls;
        } calls[] = {
                { "open", FAULTY_OPEN },         { "write", FAULTY_WRITE },
                { "sync", FAULTY_SYNC },         { "rename", FAULTY_RENAME },
                { "unlink", FAULTY_UNLINK },     { "link", FAULTY_LINK },
                { "allocate", FAULTY_ALLOCATE },
        };
        static const struct {
                const char *name;
                FaultKind kind;
                int error;
        } faults[] = {
                { "error", FAULT_ERROR, -EIO },
                { "errors", FAULT_ERRORS, -EIO },
                { "full-once", FAULT_ERROR, -ENOSPC },
                { "full", FAULT_ERRORS, -ENOSPC },
                { "over-quota", FAULT_ERRORS, -EDQUOT },
                { "late-error", FAULT_LATE_ERROR, -EIO },
                { "short", FAULT_SHORT, -EIO },
                { "shorts", FAULT_SHORTS, -EIO },
                { "read-only", FAULT_ERRORS, -EROFS },
                { "no-descriptors", FAULT_ERRORS, -EMFILE },
        };
        static Campaign campaigns[G_N_ELEMENTS(calls)][G_N_ELEMENTS(faults)];

        for (size_t i = 0; i < G_N_ELEMENTS(calls); i++)
                for (size_t j = 0; j < G_N_ELEMENTS(faults); j++) {
                        /* How an error is called makes little difference. */
                        bool is_rare = faults[j].error != -EIO && faults[j].error != -ENOSPC;
                        g_autofree char *path = g_strdup_printf("/store/mend/goes-on/%s/%s",
                                                                calls[i].name, faults[j].name);

                        campaigns[i][j] = (Campaign){
                                .name = faults[j].name,
                                .calls = calls[i].calls,
                                .kind = faults[j].kind,
                                .error = faults[j].error,
                        };
                        if (g_test_slow() || !is_rare)
                                g_test_add_data_func(path, &campaigns[i][j], test_service_goes_on);
                }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        add_campaigns();
        g_test_add_func("/store/mend/killed-anywhere-while-mending",
                        test_killed_anywhere_while_mending);
        g_test_add_func("/store/mend/mended-survives-a-power-cut",
                        test_mended_survives_a_power_cut);
        g_test_add_func("/store/mend/failed-file-is-replayed-never",
                        test_failed_file_is_replayed_never);
        g_test_add_func("/store/mend/second-generation-follows", test_second_generation_follows);

        return g_test_run();
}
