/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: going on without room
 *
 * A full disk is not a failure. Until there is room, sets are called off whole and deletes go on; what
 * was called off is not there, now and after a crash.
 */

#include "store-scene.h"

#include <errno.h>

#define BIG_BYTES ((size_t) 90 << 10)
#define TURNS_MAX 100000

/* Until there is room, sets are called off whole, and deletes go on. */
static void test_full_disk_lets_delete(gconstpointer userdata)
{
        int error = GPOINTER_TO_INT(userdata);
        StoreScene scene;
        StoreFixture *f = &scene.fixture;
        unsigned n_set = 0, n_deleted = 0;

        store_scene_set_up(&scene, io_system());
        store_scene_start(&scene);
        for (unsigned i = 0; i < 200; i++) {
                g_autofree char *key = g_strdup_printf("key/%u", i);

                g_assert_cmpint(store_scene_set_key(&scene, key, 30, ENTRY_PERSISTENT), ==, 0);
        }

        scene.faulty.calls = FAULTY_ALLOCATE;
        scene.faulty.error = error;
        faulty_io_arm(&scene.faulty, FAULT_ERRORS, 1);
        while (store_scene_set_key(&scene, "big", BIG_BYTES, ENTRY_PERSISTENT) == 0)
                g_assert_cmpuint(++n_set, <, 1000);
        for (int i = 0; !f->status.is_full; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                (void) store_scene_set_key(&scene, "small", 30 << 10, ENTRY_PERSISTENT);
                store_scene_turn(&scene);
        }
        g_assert_cmpint(f->status.state, ==, SERVICE_READ_ONLY);
        g_assert_cmpstr(f->status.cause.full_path, ==, f->state_directory);
        g_assert_cmpint(store_scene_set_key(&scene, "big", BIG_BYTES, ENTRY_PERSISTENT), ==,
                        -ENOSPC);

        for (unsigned i = 0; i < 200; i++) {
                g_autofree char *key = g_strdup_printf("key/%u", i);

                n_deleted += store_scene_delete_key(&scene, key) == 0;
        }
        g_assert_cmpuint(n_deleted, ==, 200);

        store_scene_wait_for_service(&scene);
        g_assert_false(f->status.is_full);
        g_assert_cmpint(store_scene_set_key(&scene, "big", BIG_BYTES, ENTRY_PERSISTENT), ==, 0);
        /* Nothing had failed: nothing had to be written anew. */
        g_assert_cmpuint(store_fixture_statistic(f, "checkpoint-failures"), ==, 0);
        store_scene_check_reopened(&scene);
        store_fixture_tear_down(f, NULL);
}

/* What found no room is not there, not even the half of it that was written already. */
static void test_called_off_leaves_nothing(void)
{
        StoreScene scene;
        StoreFixture *f = &scene.fixture;
        g_autofree char *huge = g_strnfill((gsize) 1200 << 10, 'x');
        Commit *commit;
        uint64_t revision;

        store_scene_set_up(&scene, io_system());
        store_scene_start(&scene);
        revision = state_revision(f->state);
        g_assert_cmpint(store_scene_set_key(&scene, "lost", 30, ENTRY_RUNTIME), ==, 0);

        scene.faulty.calls = FAULTY_ALLOCATE;
        scene.faulty.error = -ENOSPC;
        faulty_io_arm(&scene.faulty, FAULT_ERRORS, 1);
        commit = store_fixture_commit(f);
        store_fixture_put(commit, NS, "both/kept", huge, ENTRY_PERSISTENT);
        store_fixture_put(commit, OTHER_NS, "both/lost", "for which there is room", ENTRY_RUNTIME);
        g_assert_cmpint(store_scene_write_one(&scene, commit), ==, -ENOSPC);
        g_assert_cmpuint(state_revision(f->state), ==, revision + 1);
        g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);

        /* Another commit has its revision now, which a half of the old one might take for its own. */
        g_assert_cmpint(store_scene_set_key(&scene, "small", 30, ENTRY_PERSISTENT), ==, 0);
        store_scene_check_reopened(&scene);
        g_assert_cmpuint(state_revision(f->state), ==, revision + 2);
        g_assert_cmpint(store_scene_write_batch(&scene), ==, 0);
        store_scene_check_reopened(&scene);
        store_fixture_tear_down(f, NULL);
}

/* A machine that boots with a full disk has its state to read, and to write once there is room. */
static void test_boot_with_a_full_disk(void)
{
        StoreScene scene;
        StoreFixture *f = &scene.fixture;
        uint64_t revision;

        store_scene_set_up(&scene, io_system());
        store_scene_start(&scene);
        revision = state_revision(f->state);
        g_assert_cmpint(store_fixture_close(f), ==, 0);

        f->boot_id.bytes[0]++;
        store_scene_forget_runtime(f);
        scene.faulty.calls = FAULTY_RENAME;
        scene.faulty.error = -ENOSPC;
        faulty_io_arm(&scene.faulty, FAULT_ERROR, 1);
        g_assert_cmpint(store_fixture_open(f), ==, 0);
        g_assert_true(faulty_io_has_struck(&scene.faulty));
        g_assert_cmpint(f->status.state, ==, SERVICE_READ_ONLY);
        g_assert_cmpstr(store_fixture_get(f, NS, "before"), ==, "batch 0");
        g_assert_cmpint(store_scene_set_key(&scene, "small", 30, ENTRY_PERSISTENT), ==, -EROFS);

        for (int i = 0; f->status.state == SERVICE_READ_ONLY; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                store_scene_turn(&scene);
        }
        g_assert_cmpuint(state_revision(f->state), >, revision);
        g_assert_cmpint(store_scene_set_key(&scene, "small", 30, ENTRY_PERSISTENT), ==, 0);
        store_fixture_reopen(f);
        g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
        store_fixture_check(f);
        store_fixture_tear_down(f, NULL);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_data_func("/store/full/full-disk-lets-delete", GINT_TO_POINTER(-ENOSPC),
                             test_full_disk_lets_delete);
        g_test_add_data_func("/store/full/full-quota-lets-delete", GINT_TO_POINTER(-EDQUOT),
                             test_full_disk_lets_delete);
        g_test_add_func("/store/full/boot-with-a-full-disk", test_boot_with_a_full_disk);
        g_test_add_func("/store/full/called-off-leaves-nothing", test_called_off_leaves_nothing);

        return g_test_run();
}
