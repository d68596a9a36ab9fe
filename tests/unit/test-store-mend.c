/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: going on after a failure, and on a full disk
 *
 * The store is in use while its calls fail, the first of a kind, the second, and so on until none
 * does, once or from then on. It says of each commit whether it is there, is not, or cannot be
 * known; once the cause is gone it takes changes again, without a restart. Then what was acknowledged
 * is there and nothing else is, now and after a crash.
 */

#include "support/faulty-io.h"
#include "support/power-io.h"
#include "support/store-fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define NS         "org.example.Router"
#define OTHER_NS   "org.example.Other"
#define BIG_BYTES  ((size_t) 90 << 10)
#define RETRY_USEC 500
#define CALLS_MAX  2000
#define TURNS_MAX  100000

typedef struct Scene {
        StoreFixture fixture;
        FaultyIo faulty;
        unsigned n_values;
        bool was_unknown; /* whether a commit is there, since the service last took changes */
        bool is_unwhole;  /* the files still hold what is not known */
} Scene;

static void commit_destroy(gpointer commit)
{
        commit_free(commit);
}

static void turn(Scene *scene)
{
        g_assert_cmpint(sd_event_run(scene->fixture.event, 10000), >=, 0);
}

/* What is not there now is not going to be, once the state has been written anew. */
static void forget_sent(StoreFixture *f)
{
        GHashTableIter iter;
        gpointer place, value;

        g_hash_table_remove_all(f->sent);
        g_hash_table_iter_init(&iter, f->acknowledged);
        while (g_hash_table_iter_next(&iter, &place, &value))
                g_hash_table_add(f->sent, g_strdup_printf("%s %s", (const char *) place,
                                                          (const char *) value));
}

/* Writes @commits, and sees to it that what the store says of them fits its state. */
static int write_commits(Scene *scene, GPtrArray *commits)
{
        StoreFixture *f = &scene->fixture;
        bool was_read_only = f->status.state == SERVICE_READ_ONLY && !f->status.is_full;
        int r;

        r = store_fixture_write(f, commits);
        if (was_read_only)
                g_assert_cmpint(r, ==, -EROFS);
        if (r == 0 || r == -EROFS || r == -ENOSPC) {
                /* Of these everybody is sure, unless the files still hold others. */
                if (!scene->was_unknown)
                        forget_sent(f);
        } else {
                g_assert_cmpint(f->status.state, ==, SERVICE_READ_ONLY);
                scene->was_unknown = true;
        }
        if (r == -ENOSPC)
                g_assert_nonnull(f->status.full_path);
        return r;
}

static int write_one(Scene *scene, Commit *commit)
{
        g_autoptr(GPtrArray) commits = g_ptr_array_new_with_free_func(commit_destroy);

        g_ptr_array_add(commits, commit);
        return write_commits(scene, commits);
}

static int set_key(Scene *scene, const char *key, size_t n_bytes, EntryClass class)
{
        g_autofree char *text = g_strdup_printf("value %u ", scene->n_values++);
        g_autofree char *value = g_strnfill(n_bytes, 'x');
        Commit *commit = store_fixture_commit(&scene->fixture);

        memcpy(value, text, MIN(strlen(text), n_bytes));
        store_fixture_put(commit, class == ENTRY_RUNTIME ? OTHER_NS : NS, key, value, class);
        return write_one(scene, commit);
}

static int delete_key(Scene *scene, const char *key)
{
        Commit *commit = store_fixture_commit(&scene->fixture);

        store_fixture_put(commit, NS, key, NULL, ENTRY_PERSISTENT);
        return write_one(scene, commit);
}

/* One commit of the persistent side, one of the runtime side behind it, and one of both. */
static int write_batch(Scene *scene)
{
        g_autoptr(GPtrArray) commits = g_ptr_array_new_with_free_func(commit_destroy);
        g_autofree char *value = g_strdup_printf("batch %u", scene->n_values++);
        uint64_t revision = state_revision(scene->fixture.state);
        Commit *first = commit_new(revision + 1, 1, 4001, NULL);
        Commit *second = commit_new(revision + 2, 1, 4001, NULL);
        Commit *both = commit_new(revision + 3, 1, 4001, NULL);

        store_fixture_put(first, NS, "before", value, ENTRY_PERSISTENT);
        store_fixture_put(second, OTHER_NS, "after", value, ENTRY_RUNTIME);
        store_fixture_put(both, NS, "both/kept", value, ENTRY_PERSISTENT);
        store_fixture_put(both, OTHER_NS, "both/lost", value, ENTRY_RUNTIME);
        g_ptr_array_add(commits, first);
        g_ptr_array_add(commits, second);
        g_ptr_array_add(commits, both);
        return write_commits(scene, commits);
}

static void check_pairs(StoreFixture *f)
{
        g_assert_cmpstr(store_fixture_get(f, OTHER_NS, "both/lost"), ==,
                        store_fixture_get(f, NS, "both/kept"));
        g_assert_cmpstr(store_fixture_get(f, OTHER_NS, "after"), ==,
                        store_fixture_get(f, NS, "before"));
}

static void take_checkpoint(Scene *scene)
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
                turn(scene);
        }
}

/* A bit of everything. What fails does not end it. */
static void use_store(Scene *scene)
{
        for (unsigned round = 0; round < (g_test_slow() ? 3 : 2); round++) {
                (void) set_key(scene, "small", 30, ENTRY_PERSISTENT);
                (void) write_batch(scene);
                (void) set_key(scene, "lost", 30, ENTRY_RUNTIME);
                (void) delete_key(scene, "small");
                for (unsigned i = 0; i < 6; i++) {
                        g_autofree char *key = g_strdup_printf("big/%u", i);

                        (void) set_key(scene, key, BIG_BYTES, ENTRY_PERSISTENT);
                }
                take_checkpoint(scene);
        }
}

/* The cause is gone. It is not long until everything can be written again. */
static void wait_for_service(Scene *scene)
{
        StoreFixture *f = &scene->fixture;

        faulty_io_arm(&scene->faulty, FAULT_NONE, 1);
        for (int i = 0; f->status.state == SERVICE_READ_ONLY; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                turn(scene);
        }

        /* Nothing is in doubt any more. */
        scene->was_unknown = false;
        forget_sent(f);
        store_fixture_check(f);
        check_pairs(f);
        g_assert_cmpint(set_key(scene, "small", 30, ENTRY_PERSISTENT), ==, 0);
        g_assert_cmpint(write_batch(scene), ==, 0);
        g_assert_cmpuint(f->status.durable_revision, ==, state_revision(f->state));
}

static void scene_set_up(Scene *scene, const Io *base)
{
        *scene = (Scene){ 0 };
        store_fixture_set_up(&scene->fixture, NULL);
        scene->fixture.retry_usec = RETRY_USEC;
        faulty_io_init(&scene->faulty, base);
        scene->fixture.io = &scene->faulty.io;
}

static void scene_start(Scene *scene)
{
        StoreFixture *f = &scene->fixture;

        g_assert_cmpint(store_fixture_open(f), ==, 0);
        store_fixture_add_namespace(f, NS);
        store_fixture_add_namespace(f, OTHER_NS);
        g_assert_cmpint(write_batch(scene), ==, 0);
}

/* After a crash there is what was acknowledged, and nothing is taken for damage. */
static void check_reopened(Scene *scene)
{
        StoreFixture *f = &scene->fixture;
        g_autofree char *damaged = g_build_filename(f->state_directory, "damaged", NULL);
        g_autofree char *also_damaged = g_build_filename(f->runtime_directory, "damaged", NULL);

        for (int i = 0; i < 2; i++) {
                store_fixture_reopen(f);
                g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
                g_assert_false(g_file_test(damaged, G_FILE_TEST_EXISTS));
                g_assert_false(g_file_test(also_damaged, G_FILE_TEST_EXISTS));
                store_fixture_check(f);
                check_pairs(f);
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
                Scene scene;

                g_assert_cmpint(at, <, CALLS_MAX);
                scene_set_up(&scene, io_system());
                scene_start(&scene);

                scene.faulty.calls = (unsigned) campaign->calls;
                scene.faulty.error = campaign->error;
                faulty_io_arm(&scene.faulty, campaign->kind, at);
                use_store(&scene);
                has_struck = faulty_io_has_struck(&scene.faulty);
                n_failed += scene.fixture.n_status_calls > 0;

                wait_for_service(&scene);
                /* Nothing may be written while the files are looked at. */
                store_fixture_crash(&scene.fixture);
                store_fixture_check_manifest(&scene.fixture);
                check_reopened(&scene);
                store_fixture_tear_down(&scene.fixture, NULL);
        }

        g_test_message("%s: %d runs in which the state changed", campaign->name, n_failed);
}

/* Fails one sync of the journal, and waits until the store has noticed. */
static void fail_a_sync(Scene *scene, unsigned n_written_before)
{
        for (unsigned i = 0; i < n_written_before; i++)
                g_assert_cmpint(set_key(scene, "small", 30, ENTRY_PERSISTENT), ==, 0);

        scene->faulty.calls = FAULTY_SYNC;
        faulty_io_arm(&scene->faulty, FAULT_LATE_ERROR, 1);
        g_assert_cmpint(write_batch(scene), ==, -EIO);
}

/* The whole batch may be in the files, or its runtime half alone. */
static void test_killed_anywhere_while_mending(void)
{
        bool has_struck = true;

        for (int at = 1; has_struck; at++) {
                Scene scene;
                StoreFixture *f = &scene.fixture;
                FaultyIo killer;

                g_assert_cmpint(at, <, CALLS_MAX);
                faulty_io_init(&killer, io_system());
                scene_set_up(&scene, &killer.io);
                scene_start(&scene);
                fail_a_sync(&scene, (unsigned) at % 3);

                /* One attempt, and no others behind it. */
                faulty_io_arm(&killer, FAULT_CRASH_TORN, at);
                for (int i = 0; f->status.state == SERVICE_READ_ONLY &&
                                store_fixture_statistic(f, "checkpoint-failures") == 0;
                     i++) {
                        g_assert_cmpint(i, <, TURNS_MAX);
                        turn(&scene);
                }
                has_struck = f->status.state == SERVICE_READ_ONLY;
                if (!has_struck)
                        forget_sent(f);

                check_reopened(&scene);
                store_fixture_tear_down(f, NULL);
        }
}

/* What the runtime side had is gone with the boot. */
static void forget_runtime(StoreFixture *f)
{
        GHashTableIter iter;
        gpointer place;

        g_hash_table_iter_init(&iter, f->acknowledged);
        while (g_hash_table_iter_next(&iter, &place, NULL))
                if (g_str_has_prefix(place, OTHER_NS))
                        g_hash_table_iter_remove(&iter);
}

static void test_mended_survives_a_power_cut(void)
{
        for (guint32 n = 1; n < 40; n++) {
                g_autoptr(PowerIo) power = NULL;
                g_autofree char *keep = NULL;
                Scene scene;
                StoreFixture *f = &scene.fixture;

                scene_set_up(&scene, io_system());
                scene_start(&scene);
                g_assert_cmpint(store_fixture_close(f), ==, 0);

                keep = g_build_filename(f->path, "keep", NULL);
                g_assert_cmpint(mkdir(keep, 0700), ==, 0);
                power = power_io_new(keep, n);
                f->io = power_io(power);
                g_assert_cmpint(store_fixture_open(f), ==, 0);
                power_io_fail_sync(power, (int) n);
                use_store(&scene);
                power_io_fail_sync(power, 0);
                wait_for_service(&scene);
                g_assert_cmpint(set_key(&scene, "last", 30, ENTRY_PERSISTENT), ==, 0);

                store_fixture_crash(f);
                power_io_cut(power);
                f->boot_id.bytes[0]++;
                forget_runtime(f);
                f->io = io_system();
                g_assert_cmpint(store_fixture_open(f), ==, 0);
                g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
                store_fixture_check(f);
                store_fixture_tear_down(f, NULL);
        }
}

static void test_failed_file_is_replayed_never(void)
{
        Scene scene;
        StoreFixture *f = &scene.fixture;
        uint64_t revision;

        scene_set_up(&scene, io_system());
        scene_start(&scene);
        revision = state_revision(f->state);
        fail_a_sync(&scene, 1);
        g_assert_cmpint(f->status.state, ==, SERVICE_READ_ONLY);
        g_assert_cmpint(set_key(&scene, "small", 30, ENTRY_PERSISTENT), ==, -EROFS);

        wait_for_service(&scene);
        /* Beyond what the failed batch may have used up, and reserved on disk. */
        g_assert_cmpuint(state_revision(f->state), >, revision + 4);
        g_assert_cmpuint(f->n_limit_calls, >, 0);
        g_assert_cmpuint(store_revision_limit(f->store), >, state_revision(f->state));
        check_reopened(&scene);
        store_fixture_tear_down(f, NULL);
}

/* One damaged file still loses nothing, as soon as something has been written after the mending. */
static void test_second_generation_follows(void)
{
        Scene scene;
        StoreFixture *f = &scene.fixture;
        uint64_t n;

        scene_set_up(&scene, io_system());
        scene_start(&scene);
        fail_a_sync(&scene, 1);
        wait_for_service(&scene);

        n = store_fixture_statistic(f, "checkpoints");
        g_assert_cmpint(set_key(&scene, "small", 30, ENTRY_PERSISTENT), ==, 0);
        for (int i = 0; store_fixture_statistic(f, "checkpoints") == n; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                turn(&scene);
        }
        check_reopened(&scene);
        store_fixture_tear_down(f, NULL);
}

/* Until there is room, sets are called off whole, and deletes go on. */
static void test_full_disk_lets_delete(gconstpointer userdata)
{
        int error = GPOINTER_TO_INT(userdata);
        Scene scene;
        StoreFixture *f = &scene.fixture;
        unsigned n_set = 0, n_deleted = 0;

        scene_set_up(&scene, io_system());
        scene_start(&scene);
        for (unsigned i = 0; i < 200; i++) {
                g_autofree char *key = g_strdup_printf("key/%u", i);

                g_assert_cmpint(set_key(&scene, key, 30, ENTRY_PERSISTENT), ==, 0);
        }

        scene.faulty.calls = FAULTY_ALLOCATE;
        scene.faulty.error = error;
        faulty_io_arm(&scene.faulty, FAULT_ERRORS, 1);
        while (set_key(&scene, "big", BIG_BYTES, ENTRY_PERSISTENT) == 0)
                g_assert_cmpuint(++n_set, <, 1000);
        for (int i = 0; !f->status.is_full; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                (void) set_key(&scene, "small", 30 << 10, ENTRY_PERSISTENT);
                turn(&scene);
        }
        g_assert_cmpint(f->status.state, ==, SERVICE_READ_ONLY);
        g_assert_cmpstr(f->status.full_path, ==, f->state_directory);
        g_assert_cmpint(set_key(&scene, "big", BIG_BYTES, ENTRY_PERSISTENT), ==, -ENOSPC);

        for (unsigned i = 0; i < 200; i++) {
                g_autofree char *key = g_strdup_printf("key/%u", i);

                n_deleted += delete_key(&scene, key) == 0;
        }
        g_assert_cmpuint(n_deleted, ==, 200);

        wait_for_service(&scene);
        g_assert_false(f->status.is_full);
        g_assert_cmpint(set_key(&scene, "big", BIG_BYTES, ENTRY_PERSISTENT), ==, 0);
        /* Nothing had failed: nothing had to be written anew. */
        g_assert_cmpuint(store_fixture_statistic(f, "checkpoint-failures"), ==, 0);
        check_reopened(&scene);
        store_fixture_tear_down(f, NULL);
}

/* What found no room is not there, not even the half of it that was written already. */
static void test_called_off_leaves_nothing(void)
{
        Scene scene;
        StoreFixture *f = &scene.fixture;
        g_autofree char *huge = g_strnfill((gsize) 1200 << 10, 'x');
        Commit *commit;
        uint64_t revision;

        scene_set_up(&scene, io_system());
        scene_start(&scene);
        revision = state_revision(f->state);
        g_assert_cmpint(set_key(&scene, "lost", 30, ENTRY_RUNTIME), ==, 0);

        scene.faulty.calls = FAULTY_ALLOCATE;
        scene.faulty.error = -ENOSPC;
        faulty_io_arm(&scene.faulty, FAULT_ERRORS, 1);
        commit = store_fixture_commit(f);
        store_fixture_put(commit, NS, "both/kept", huge, ENTRY_PERSISTENT);
        store_fixture_put(commit, OTHER_NS, "both/lost", "for which there is room", ENTRY_RUNTIME);
        g_assert_cmpint(write_one(&scene, commit), ==, -ENOSPC);
        g_assert_cmpuint(state_revision(f->state), ==, revision + 1);
        g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);

        /* Another commit has its revision now, which a half of the old one might take for its own. */
        g_assert_cmpint(set_key(&scene, "small", 30, ENTRY_PERSISTENT), ==, 0);
        check_reopened(&scene);
        g_assert_cmpuint(state_revision(f->state), ==, revision + 2);
        g_assert_cmpint(write_batch(&scene), ==, 0);
        check_reopened(&scene);
        store_fixture_tear_down(f, NULL);
}

/* A machine that boots with a full disk has its state to read, and to write once there is room. */
static void test_boot_with_a_full_disk(void)
{
        Scene scene;
        StoreFixture *f = &scene.fixture;
        uint64_t revision;

        scene_set_up(&scene, io_system());
        scene_start(&scene);
        revision = state_revision(f->state);
        g_assert_cmpint(store_fixture_close(f), ==, 0);

        f->boot_id.bytes[0]++;
        forget_runtime(f);
        scene.faulty.calls = FAULTY_RENAME;
        scene.faulty.error = -ENOSPC;
        faulty_io_arm(&scene.faulty, FAULT_ERROR, 1);
        g_assert_cmpint(store_fixture_open(f), ==, 0);
        g_assert_true(faulty_io_has_struck(&scene.faulty));
        g_assert_cmpint(f->status.state, ==, SERVICE_READ_ONLY);
        g_assert_cmpstr(store_fixture_get(f, NS, "before"), ==, "batch 0");
        g_assert_cmpint(set_key(&scene, "small", 30, ENTRY_PERSISTENT), ==, -EROFS);

        for (int i = 0; f->status.state == SERVICE_READ_ONLY; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                turn(&scene);
        }
        g_assert_cmpuint(state_revision(f->state), >, revision);
        g_assert_cmpint(set_key(&scene, "small", 30, ENTRY_PERSISTENT), ==, 0);
        store_fixture_reopen(f);
        g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
        store_fixture_check(f);
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
        g_test_add_data_func("/store/mend/full-disk-lets-delete", GINT_TO_POINTER(-ENOSPC),
                             test_full_disk_lets_delete);
        g_test_add_data_func("/store/mend/full-quota-lets-delete", GINT_TO_POINTER(-EDQUOT),
                             test_full_disk_lets_delete);
        g_test_add_func("/store/mend/boot-with-a-full-disk", test_boot_with_a_full_disk);
        g_test_add_func("/store/mend/called-off-leaves-nothing", test_called_off_leaves_nothing);

        return g_test_run();
}
