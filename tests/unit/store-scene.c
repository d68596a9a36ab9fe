/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store scene
 */

#include "store-scene.h"

#include <string.h>

#define RETRY_USEC 500
#define TURNS_MAX  100000

static void commit_destroy(gpointer commit)
{
        commit_free(commit);
}

void store_scene_turn(StoreScene *scene)
{
        g_assert_cmpint(sd_event_run(scene->fixture.event, 10000), >=, 0);
}

void store_scene_forget_sent(StoreFixture *f)
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
static int write_commits(StoreScene *scene, GPtrArray *commits)
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
                        store_scene_forget_sent(f);
        } else {
                g_assert_cmpint(f->status.state, ==, SERVICE_READ_ONLY);
                scene->was_unknown = true;
        }
        if (r == -ENOSPC)
                g_assert_nonnull(f->status.cause.full_path);
        return r;
}

int store_scene_write_one(StoreScene *scene, Commit *commit)
{
        g_autoptr(GPtrArray) commits = g_ptr_array_new_with_free_func(commit_destroy);

        g_ptr_array_add(commits, commit);
        return write_commits(scene, commits);
}

int store_scene_set_key(StoreScene *scene, const char *key, size_t n_bytes, EntryClass class)
{
        g_autofree char *text = g_strdup_printf("value %u ", scene->n_values++);
        g_autofree char *value = g_strnfill(n_bytes, 'x');
        Commit *commit = store_fixture_commit(&scene->fixture);

        memcpy(value, text, MIN(strlen(text), n_bytes));
        store_fixture_put(commit, class == ENTRY_RUNTIME ? OTHER_NS : NS, key, value, class);
        return store_scene_write_one(scene, commit);
}

int store_scene_delete_key(StoreScene *scene, const char *key)
{
        Commit *commit = store_fixture_commit(&scene->fixture);

        store_fixture_put(commit, NS, key, NULL, ENTRY_PERSISTENT);
        return store_scene_write_one(scene, commit);
}

int store_scene_write_batch(StoreScene *scene)
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

void store_scene_wait_for_service(StoreScene *scene)
{
        StoreFixture *f = &scene->fixture;

        faulty_io_arm(&scene->faulty, FAULT_NONE, 1);
        for (int i = 0; f->status.state == SERVICE_READ_ONLY; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                store_scene_turn(scene);
        }

        /* Nothing is in doubt any more. */
        scene->was_unknown = false;
        store_scene_forget_sent(f);
        store_fixture_check(f);
        check_pairs(f);
        g_assert_cmpint(store_scene_set_key(scene, "small", 30, ENTRY_PERSISTENT), ==, 0);
        g_assert_cmpint(store_scene_write_batch(scene), ==, 0);
        g_assert_cmpuint(f->status.durable_revision, ==, state_revision(f->state));
}

void store_scene_set_up(StoreScene *scene, const Io *base)
{
        *scene = (StoreScene){ 0 };
        store_fixture_set_up(&scene->fixture, NULL);
        scene->fixture.retry_usec = RETRY_USEC;
        faulty_io_init(&scene->faulty, base);
        scene->fixture.io = &scene->faulty.io;
}

void store_scene_start(StoreScene *scene)
{
        StoreFixture *f = &scene->fixture;

        g_assert_cmpint(store_fixture_open(f), ==, 0);
        store_fixture_add_namespace(f, NS);
        store_fixture_add_namespace(f, OTHER_NS);
        g_assert_cmpint(store_scene_write_batch(scene), ==, 0);
}

void store_scene_check_reopened(StoreScene *scene)
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

void store_scene_forget_runtime(StoreFixture *f)
{
        GHashTableIter iter;
        gpointer place;

        g_hash_table_iter_init(&iter, f->acknowledged);
        while (g_hash_table_iter_next(&iter, &place, NULL))
                if (g_str_has_prefix(place, OTHER_NS))
                        g_hash_table_iter_remove(&iter);
}
