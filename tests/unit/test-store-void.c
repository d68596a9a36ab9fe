/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: what a batch that failed has left in the files is never served
 *
 * A sync fails behind a write that has reached the files. The store starts over; at whatever point it
 * is ended, and whatever is damaged then, nothing of that batch comes back.
 */

#include "store/manifest.h"
#include "support/faulty-io.h"
#include "support/store-fixture.h"

#include <errno.h>
#include <string.h>

#define NS         "org.example.Router"
#define OTHER_NS   "org.example.Other"
#define RETRY_USEC 500
#define TURNS_MAX  100000

typedef struct Scene {
        StoreFixture fixture;
        FaultyIo faulty;
        unsigned n_batches;
} Scene;

static void commit_destroy(gpointer commit)
{
        commit_free(commit);
}

static void turn(Scene *scene)
{
        g_assert_cmpint(sd_event_run(scene->fixture.event, 10000), >=, 0);
}

/* A commit of the persistent side, one of the runtime side behind it, and one of both. */
static int write_batch(Scene *scene)
{
        g_autoptr(GPtrArray) commits = g_ptr_array_new_with_free_func(commit_destroy);
        g_autofree char *value = g_strdup_printf("batch %u", scene->n_batches++);
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
        return store_fixture_write(&scene->fixture, commits);
}

static void check_pairs(StoreFixture *f)
{
        g_assert_cmpstr(store_fixture_get(f, OTHER_NS, "both/lost"), ==,
                        store_fixture_get(f, NS, "both/kept"));
        g_assert_cmpstr(store_fixture_get(f, OTHER_NS, "after"), ==,
                        store_fixture_get(f, NS, "before"));
}

static void scene_set_up(Scene *scene)
{
        StoreFixture *f = &scene->fixture;

        *scene = (Scene){ 0 };
        store_fixture_set_up(f, NULL);
        f->retry_usec = RETRY_USEC;
        faulty_io_init(&scene->faulty, io_system());
        f->io = &scene->faulty.io;
        g_assert_cmpint(store_fixture_open(f), ==, 0);
        store_fixture_add_namespace(f, NS);
        store_fixture_add_namespace(f, OTHER_NS);
        g_assert_cmpint(write_batch(scene), ==, 0);
}

/* All of it is written; what was to make it durable says that it failed. */
static void fail_batch(Scene *scene)
{
        scene->faulty.calls = FAULTY_SYNC;
        faulty_io_arm(&scene->faulty, FAULT_LATE_ERROR, 1);
        g_assert_cmpint(write_batch(scene), ==, -EIO);
        faulty_io_arm(&scene->faulty, FAULT_NONE, 1);
}

static Manifest *read_manifest(const char *directory)
{
        g_autofree char *path = g_build_filename(directory, MANIFEST_NAME, NULL);
        g_autofree char *text = NULL;
        Manifest *manifest;
        size_t n_bytes;

        g_assert_true(g_file_get_contents(path, &text, &n_bytes, NULL));
        g_assert_cmpint(manifest_from_text(&manifest, text, n_bytes), ==, 0);
        return manifest;
}

/* What was is forgotten on both sides: one checkpoint, one journal, and not that which failed. */
static void check_is_anew(const char *directory, uint64_t revision_before)
{
        g_autoptr(Manifest) manifest = read_manifest(directory);
        const ManifestGeneration *newest = manifest_generation(manifest, 0);
        const ManifestFile *journal = manifest_newest_journal(manifest);

        g_assert_cmpuint(manifest->generations->len, ==, 1);
        g_assert_cmpuint(newest->journals->len, ==, 1);
        g_assert_cmpuint(newest->checkpoint.revision, >, revision_before);
        g_assert_cmpuint(journal->revision, ==, newest->checkpoint.revision);
}

static void damage_checkpoint(const char *directory)
{
        g_autoptr(Manifest) manifest = read_manifest(directory);
        g_autofree char *name =
                manifest_checkpoint_name(manifest_generation(manifest, 0)->checkpoint.revision);
        g_autofree char *path = g_build_filename(directory, name, NULL);

        g_assert_true(g_file_set_contents(path, "damaged", -1, NULL));
}

/* Not even when there is nothing else: a commit whose writer heard that it failed is no truth. */
static void test_damage_after_mending_brings_nothing_back(void)
{
        Scene scene;
        StoreFixture *f = &scene.fixture;
        g_autofree char *failed = NULL;
        uint64_t revision;

        scene_set_up(&scene);
        revision = state_revision(f->state);
        fail_batch(&scene);
        failed = g_strdup_printf("batch %u", scene.n_batches - 1);
        for (int i = 0; f->status.state == SERVICE_READ_ONLY; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                turn(&scene);
        }
        store_fixture_crash(f);
        check_is_anew(f->state_directory, revision);
        check_is_anew(f->runtime_directory, revision);

        damage_checkpoint(f->state_directory);
        f->io = io_system();
        g_assert_cmpint(store_fixture_open(f), ==, 0);
        g_assert_cmpint(f->status.state, ==, SERVICE_DEGRADED);
        g_assert_cmpstr(store_fixture_get(f, NS, "before"), !=, failed);
        g_assert_cmpstr(store_fixture_get(f, NS, "both/kept"), !=, failed);
        store_fixture_tear_down(f, NULL);
}

/* The persistent side is mended, the runtime side still has its half of the batch that failed. */
static void test_half_of_a_void_batch_is_passed_over(void)
{
        Scene scene;
        StoreFixture *f = &scene.fixture;
        uint64_t void_first = 0;

        scene_set_up(&scene);
        fail_batch(&scene);
        for (int i = 0; void_first == 0; i++) {
                g_autoptr(Manifest) manifest = NULL;

                g_assert_cmpint(i, <, TURNS_MAX);
                turn(&scene);
                manifest = read_manifest(f->state_directory);
                void_first = manifest->void_first;
        }
        /* Nothing goes on while the loop does not turn. */
        g_assert_cmpint(f->status.state, ==, SERVICE_READ_ONLY);
        g_assert_cmpuint(void_first, ==, state_revision(f->state) + 1);

        f->io = io_system();
        for (int i = 0; i < 2; i++) {
                store_fixture_reopen(f);
                g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
                check_pairs(f);
                g_assert_cmpstr(store_fixture_get(f, OTHER_NS, "both/lost"), ==, "batch 0");
                g_assert_cmpstr(store_fixture_get(f, OTHER_NS, "after"), ==, "batch 0");
        }
        store_fixture_tear_down(f, NULL);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/store/void/damage-after-mending-brings-nothing-back",
                        test_damage_after_mending_brings_nothing_back);
        g_test_add_func("/store/void/half-of-a-void-batch-is-passed-over",
                        test_half_of_a_void_batch_is_passed_over);

        return g_test_run();
}
