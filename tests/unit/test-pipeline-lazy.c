/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which requests wait for the disk, and which only until they are visible.
 */

#include "pipeline-rig.h"

#include <errno.h>

typedef struct Fixture {
        Rig rig;
        Origin *origin;
} Fixture;

static void set_up(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        rig_init(&f->rig);
        f->rig.is_dirty = true;
        f->origin = pipeline_origin_new(f->rig.pipeline);
}

static void tear_down(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        pipeline_origin_free(f->origin);
        rig_clear(&f->rig);
}

static void submit(Fixture *f, ChangeSet *set, Durability durability, const char *label)
{
        set->durability = durability;
        rig_submit(&f->rig, f->origin, NULL, set, label);
}

static void set(Fixture *f, const char *key, const char *text, Durability durability)
{
        submit(f, changes_new_set("a.b", key, text), durability, key);
}

static ChangeSet *runtime_set(const char *key, const char *text)
{
        ChangeSet *changes = changes_new_set("a.b", key, text);

        changes_classify(changes, "a.b", key, ENTRY_RUNTIME);
        return changes;
}

static void flush(Fixture *f)
{
        submit(f, change_set_new(CHANGE_SET_NOTHING), DURABILITY_STANDARD, "flush");
}

static void test_durability_is_as_asked_or_as_configured(Fixture *f,
                                                         gconstpointer unused G_GNUC_UNUSED)
{
        set(f, "a", "1", DURABILITY_STANDARD);
        rig_run(&f->rig);
        set(f, "b", "1", DURABILITY_LAZY);
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3] publish a@3 [4~] publish b@4 ");

        pipeline_set_lazy(f->rig.pipeline, true);
        set(f, "a", "2", DURABILITY_STANDARD);
        rig_run(&f->rig);
        set(f, "b", "2", DURABILITY_SYNC);
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[5~] publish a@5 [6] publish b@6 ");
        g_assert_cmpuint(pipeline_statistics(f->rig.pipeline)->n_lazy, ==, 2);
}

/* One that waits has the whole batch synced, the last of which says so. */
static void test_one_that_waits_is_enough(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        set(f, "a", "1", DURABILITY_LAZY);
        set(f, "b", "1", DURABILITY_SYNC);
        set(f, "c", "1", DURABILITY_LAZY);
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3~ 4 5] publish a@3 b@4 c@5 ");
}

/* What is answered without a commit may rest on a lazy one. */
static void test_answers_without_a_commit_wait_too(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        set(f, "a", "1", DURABILITY_LAZY);
        rig_run(&f->rig);
        set(f, "a", "1", DURABILITY_SYNC);
        rig_run(&f->rig);
        submit(f, changes_new_unset("a.b", "absent"), DURABILITY_SYNC, "u");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3~] publish a@3 sync a@3= sync u@3= ");

        set(f, "a", "1", DURABILITY_LAZY);
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "a@3= ");

        /* In one batch with a lazy commit that it rests on. */
        set(f, "b", "1", DURABILITY_LAZY);
        set(f, "b", "1", DURABILITY_SYNC);
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[4] publish b@4 b@4= ");
}

static void test_dry_runs_promise_nothing(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *changes = changes_new_set("a.b", "k", "1");

        changes->flags = CHANGE_SET_DRY_RUN;
        submit(f, changes, DURABILITY_SYNC, "d");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "d@2? ");
}

static void test_runtime_entries_wait_for_no_disk(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        submit(f, runtime_set("r", "1"), DURABILITY_SYNC, "r");
        rig_run(&f->rig);
        submit(f, runtime_set("r", "1"), DURABILITY_SYNC, "same");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3~] publish r@3 same@3= ");
}

static void test_namespaces_are_never_lazy(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *access = changes_new_access("e.f");

        pipeline_set_lazy(f->rig.pipeline, true);
        submit(f, changes_new_create("e.f", 4001), DURABILITY_LAZY, "c");
        rig_run(&f->rig);
        access->access_fields |= ACCESS_MODE;
        access->access.mode = 0600;
        submit(f, access, DURABILITY_LAZY, "x");
        rig_run(&f->rig);
        submit(f, changes_new_remove("e.f", 0), DURABILITY_LAZY, "r");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3] publish c@3 [4] publish x@4 [5] publish r@5 ");
}

static void test_flush_waits_for_what_is_under_way(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        pipeline_set_lazy(f->rig.pipeline, true);
        f->rig.is_asynchronous = true;
        set(f, "a", "1", DURABILITY_STANDARD);
        rig_run(&f->rig);
        flush(f);
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3~] ");
        rig_settle(&f->rig, 0);
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "publish a@3 sync ");
        rig_settle(&f->rig, 0);
        rig_assert_trace(&f->rig, "flush@3= ");

        /* With commits beside it, it is done when they are. */
        f->rig.is_asynchronous = false;
        set(f, "a", "2", DURABILITY_STANDARD);
        flush(f);
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[4] publish a@4 flush@4= ");
}

static void test_flush_that_fails_says_so(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->rig.journal_error = -EROFS;
        flush(f);
        rig_run(&f->rig);
        f->rig.journal_error = -EIO;
        flush(f);
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "sync flush!ReadOnly sync flush!OutcomeUnknown ");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

#define LAZY_TEST(path, test) \
        g_test_add("/pipeline/lazy/" path, Fixture, NULL, set_up, test, tear_down)
        LAZY_TEST("durability-is-as-asked-or-as-configured",
                  test_durability_is_as_asked_or_as_configured);
        LAZY_TEST("one-that-waits-is-enough", test_one_that_waits_is_enough);
        LAZY_TEST("answers-without-a-commit-wait-too", test_answers_without_a_commit_wait_too);
        LAZY_TEST("dry-runs-promise-nothing", test_dry_runs_promise_nothing);
        LAZY_TEST("runtime-entries-wait-for-no-disk", test_runtime_entries_wait_for_no_disk);
        LAZY_TEST("namespaces-are-never-lazy", test_namespaces_are_never_lazy);
        LAZY_TEST("flush-waits-for-what-is-under-way", test_flush_waits_for_what_is_under_way);
        LAZY_TEST("flush-that-fails-says-so", test_flush_that_fails_says_so);

        return g_test_run();
}
