/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What goes into one batch, what its answers wait for, and how it fails.
 */

#include "pipeline-rig.h"

#include <errno.h>

typedef struct Fixture {
        Rig rig;
        Origin *origin, *other;
} Fixture;

static void set_up(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        rig_init(&f->rig);
        f->origin = pipeline_origin_new(f->rig.pipeline);
        f->other = pipeline_origin_new(f->rig.pipeline);
}

static void tear_down(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        pipeline_origin_free(f->origin);
        pipeline_origin_free(f->other);
        rig_clear(&f->rig);
}

static void set(Fixture *f, const char *key, const char *text, const char *label)
{
        rig_set(&f->rig, f->origin, "a.b", key, text, label);
}

static void submit(Fixture *f, ChangeSet *changes, const char *label)
{
        rig_submit(&f->rig, f->origin, NULL, changes, label);
}

static void test_what_queues_while_one_is_written_is_the_next(Fixture *f,
                                                              gconstpointer unused G_GNUC_UNUSED)
{
        f->rig.is_asynchronous = true;
        set(f, "k", "1", "a");
        rig_run(&f->rig);
        g_assert_true(pipeline_is_under_way(f->rig.pipeline));
        g_assert_cmpuint(f->rig.n_wakes, ==, 1);
        set(f, "k", "2", "b");
        rig_set(&f->rig, f->other, "a.b", "k", "3", "c");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3] ");
        /* Nobody is woken for what cannot begin. */
        g_assert_cmpuint(f->rig.n_wakes, ==, 1);
        g_assert_null(namespace_lookup(state_lookup(f->rig.state, "a.b"), "k"));

        rig_settle(&f->rig, 0);
        rig_assert_trace(&f->rig, "publish a@3 ");
        g_assert_cmpuint(f->rig.n_wakes, ==, 2);
        rig_run(&f->rig);
        rig_settle(&f->rig, 0);
        rig_assert_trace(&f->rig, "[4 5] publish b@4 c@5 ");
        g_assert_cmpuint(f->rig.n_wakes, ==, 2);
}

static void test_answers_wait_for_what_they_were_judged_against(Fixture *f,
                                                                gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *changes;

        f->rig.is_asynchronous = true;
        set(f, "k", "1", "a");
        set(f, "k", "1", "no-op");
        changes = changes_new_set("a.b", "k", "2");
        changes->flags = CHANGE_SET_CREATE_ONLY;
        submit(f, changes, "exists");
        changes = changes_new_set("a.b", "k", "2");
        changes_expect(changes, "a.b", "k", 0);
        submit(f, changes, "conflict");
        changes = changes_new_unset("a.b", "l");
        changes->flags = CHANGE_SET_CHANGE_ONLY;
        submit(f, changes, "absent");
        changes = changes_new_set("a.b", "k", "2");
        changes->flags = CHANGE_SET_DRY_RUN;
        submit(f, changes, "dry");
        submit(f, change_set_new(CHANGE_SET_NOTHING), "flush");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3] ");
        rig_settle(&f->rig, 0);
        rig_assert_trace(&f->rig, "publish a@3 no-op@3= exists!KeyExists conflict!Conflict "
                                  "absent!NoSuchKey dry@3? flush@3= ");
}

static void test_a_batch_without_commits_is_not_written(Fixture *f,
                                                        gconstpointer unused G_GNUC_UNUSED)
{
        f->rig.is_asynchronous = true;
        submit(f, changes_new_unset("a.b", "l"), "no-op");
        rig_set(&f->rig, f->other, "x.y", "k", "1", "refused");
        submit(f, change_set_new(CHANGE_SET_NOTHING), "flush");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "no-op@2= refused!NoSuchNamespace flush@2= ");
        g_assert_false(pipeline_is_under_way(f->rig.pipeline));
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "");
}

static void test_a_flush_waits_for_the_batch_under_way(Fixture *f,
                                                       gconstpointer unused G_GNUC_UNUSED)
{
        f->rig.is_asynchronous = true;
        set(f, "k", "1", "a");
        rig_run(&f->rig);
        submit(f, change_set_new(CHANGE_SET_NOTHING), "flush");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3] ");
        rig_settle(&f->rig, 0);
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "publish a@3 flush@3= ");
}

static void test_a_dry_run_leaves_no_trace(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *changes = changes_new_set("a.b", "k", "1");

        changes->flags = CHANGE_SET_DRY_RUN;
        submit(f, changes, "dry");
        set(f, "k", "1", "wet");
        changes = changes_new_unset("a.b", "k");
        changes->flags = CHANGE_SET_DRY_RUN;
        submit(f, changes, "dry2");
        set(f, "k", "1", "same");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3] publish dry@2? wet@3 dry2@3? same@3= ");
}

static void test_a_batch_changes_one_namespace(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        set(f, "k", "1", "a");
        submit(f, changes_new_create("x.y", 4001), "create");
        submit(f, changes_new_create("x.z", 4001), "create2");
        rig_set(&f->rig, f->origin, "x.y", "k", "1", "b");
        rig_set(&f->rig, f->origin, "x.z", "k", "1", "c");
        submit(f, changes_new_remove("x.y", CHANGE_SET_NOT_EMPTY), "remove");
        rig_set(&f->rig, f->origin, "x.y", "k", "1", "d");

        for (int i = 0; i < 6; i++)
                rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3 4] publish a@3 create@4 [5 6] publish create2@5 b@6 "
                                  "[7] publish c@7 [8] publish remove@8 d!NoSuchNamespace ");
        g_assert_cmpuint(f->rig.n_wakes, >=, 5);
}

static ChangeSet *access_set(const char *name, uint32_t mode)
{
        ChangeSet *changes = change_set_new(CHANGE_SET_ACCESS);
        g_autofree char *text = NULL;
        NamespaceWish *wish;

        g_assert_cmpint(change_set_add_namespace(changes, name, &wish, &text), ==, 0);
        g_assert_cmpint(change_set_set_mode(changes, mode, &text), ==, 0);
        return changes;
}

static void test_who_changes_a_namespace_often_holds_up_nobody_else(
        Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        submit(f, access_set("a.b", 0640), "one");
        submit(f, access_set("a.b", 0600), "two");
        submit(f, access_set("a.b", 0644), "three");
        set(f, "k", "1", "behind");
        rig_set(&f->rig, f->other, "c.d", "k", "1", "other");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3 4] publish one@3 other@4 ");
        for (int i = 0; i < 3; i++)
                rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[5] publish two@5 [6] publish three@6 [7] publish behind@7 ");
}

static void test_revisions_that_were_not_tried_are_used(Fixture *f,
                                                        gconstpointer unused G_GNUC_UNUSED)
{
        rig_set_revision_limit(&f->rig, 5);
        f->rig.journal_error = -EROFS;
        for (int i = 0; i < 10; i++) {
                set(f, "k", "1", "a");
                rig_run(&f->rig);
                rig_assert_trace(&f->rig, "[3] a!ReadOnly ");
        }
}

static void test_an_unknown_outcome_is_everybody_s(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *changes;

        f->rig.is_asynchronous = true;
        set(f, "k", "1", "a");
        set(f, "k", "1", "no-op");
        changes = changes_new_set("a.b", "k", "2");
        changes->flags = CHANGE_SET_CREATE_ONLY;
        submit(f, changes, "exists");
        changes = changes_new_set("a.b", "k", "2");
        changes->flags = CHANGE_SET_DRY_RUN;
        submit(f, changes, "dry");
        set(f, "k", "2", "b");
        rig_run(&f->rig);
        rig_settle(&f->rig, -EIO);
        rig_assert_trace(&f->rig, "[3 4] a!OutcomeUnknown no-op!OutcomeUnknown "
                                  "exists!OutcomeUnknown dry!OutcomeUnknown b!OutcomeUnknown ");
        g_assert_null(namespace_lookup(state_lookup(f->rig.state, "a.b"), "k"));
        g_assert_cmpuint(state_revision(f->rig.state), ==, 2);
}

static void test_revisions_of_a_failed_batch_are_never_used(Fixture *f,
                                                            gconstpointer unused G_GNUC_UNUSED)
{
        f->rig.journal_error = -EIO;
        set(f, "k", "1", "a");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3] a!OutcomeUnknown ");

        /* Nor told of: what there is, is revision 2. */
        submit(f, changes_new_unset("a.b", "k"), "no-op");
        submit(f, change_set_new(CHANGE_SET_NOTHING), "flush");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "no-op@2= flush@2= ");

        f->rig.journal_error = 0;
        set(f, "k", "1", "b");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[4] publish b@4 ");
}

static void test_what_was_not_tried_is_read_only(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->rig.journal_error = -EROFS;
        set(f, "k", "1", "a");
        set(f, "l", "1", "b");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3 4] a!ReadOnly b!ReadOnly ");
        submit(f, changes_new_create("x.y", 4001), "create");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3] create!ReadOnly ");
        g_assert_null(state_lookup(f->rig.state, "x.y"));
}

static void test_what_found_no_room_is_not_there(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->rig.journal_error = -ENOSPC;
        for (int i = 0; i < 3; i++) {
                set(f, "k", "1", "a");
                submit(f, changes_new_unset("a.b", "l"), "no-op");
                rig_run(&f->rig);
                rig_assert_trace(&f->rig, "[3] a!DiskFull no-op!DiskFull ");
        }
        f->rig.journal_error = 0;
        set(f, "k", "1", "a");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3] publish a@3 ");
}

static void test_a_full_disk_lets_delete(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        const FailureCause cause = { .full_path = "/somewhere" };
        ChangeSet *both = changes_new_set("a.b", "l", "1");

        set(f, "k", "1", "a");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3] publish a@3 ");

        pipeline_set_full(f->rig.pipeline, true, &cause);
        changes_unset(both, "a.b", "k");
        submit(f, both, "both");
        set(f, "k", "1", "no-op");
        submit(f, changes_new_create("x.y", 4001), "create");
        submit(f, changes_new_unset("a.b", "k"), "delete");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[4] publish both!DiskFull no-op@3= create!DiskFull delete@4 ");
        submit(f, changes_new_remove("a.b", 0), "remove");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[5] publish remove@5 ");

        pipeline_set_full(f->rig.pipeline, false, &cause);
        submit(f, changes_new_create("x.y", 4001), "create");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[6] publish create@6 ");
}

/* As the store does when it writes the state anew. */
static void test_revisions_that_were_left_out_are_never_used(Fixture *f,
                                                             gconstpointer unused G_GNUC_UNUSED)
{
        state_set_revision(f->rig.state, 9);
        f->rig.last_revision = 9;
        set(f, "k", "1", "a");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[10] publish a@10 ");
}

static void test_revisions_stay_below_the_limit(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        rig_set_revision_limit(&f->rig, 5);
        g_assert_cmpuint(f->rig.n_wakes, ==, 0);
        for (int i = 0; i < 5; i++) {
                g_autofree char *text = g_strdup_printf("%d", i);

                set(f, "k", text, text);
        }
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3 4] publish 0@3 1@4 ");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "");

        f->rig.n_wakes = 0;
        rig_set_revision_limit(&f->rig, 100);
        g_assert_cmpuint(f->rig.n_wakes, ==, 1);
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[5 6 7] publish 2@5 3@6 4@7 ");
}

static void test_batches_are_bounded(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *mebibyte = g_strdup_printf("'%01000000d'", 1);
        size_t n_batches = 0;

        for (int i = 0; i < 20; i++) {
                g_autofree char *key = g_strdup_printf("k%d", i);

                set(f, key, mebibyte, "x");
        }
        for (; f->rig.n_waiting > 0 && n_batches < 20; n_batches++)
                rig_run(&f->rig);
        g_assert_cmpuint(n_batches, ==, 3);

        for (int i = 0; i < 3000; i++) {
                g_autofree char *key = g_strdup_printf("l%d", i);

                set(f, key, "1", "x");
        }
        for (n_batches = 0; f->rig.n_waiting > 0 && n_batches < 3000; n_batches++)
                rig_run(&f->rig);
        g_assert_cmpuint(n_batches, >, 1);
        g_assert_cmpuint(n_batches, <=, 6);
        g_assert_cmpuint(pipeline_statistics(f->rig.pipeline)->n_batches, ==, 3 + n_batches);
        g_string_truncate(f->rig.trace, 0);
}

/* Answers that write again, as a handler does that is entered anew. */
static void on_answer_submit(Rig *rig, const char *label)
{
        Fixture *f = rig->userdata;

        rig_run(rig);
        if (g_str_equal(label, "again")) {
                Request *reservation;
                g_autoptr(ChangeSet) changes = changes_new_set("a.b", "k", "'again'");

                reservation = pipeline_reserve(f->origin, changes);
                set(f, "k", "'behind'", "behind");
                rig_submit(rig, f->origin, reservation, g_steal_pointer(&changes), "last");
        }
}

static void test_answers_may_write(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->rig.on_answer = on_answer_submit;
        f->rig.userdata = f;
        set(f, "k", "1", "again");
        set(f, "k", "2", "b");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3 4] publish again@3 b@4 ");
        g_assert_cmpuint(f->rig.n_waiting, ==, 2);
        f->rig.n_wakes = 0;
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[5 6] publish last@5 behind@6 ");
        g_assert_cmpuint(f->rig.n_wakes, ==, 0);
}

/* An answer that shows that its connection, or another, has gone. */
static void on_answer_free(Rig *rig, const char *label)
{
        Fixture *f = rig->userdata;

        if (!g_str_equal(label, "goes"))
                return;
        f->origin = pipeline_origin_free(f->origin);
        f->other = pipeline_origin_free(f->other);
}

static void test_answers_may_end_origins(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->rig.is_asynchronous = true;
        f->rig.on_answer = on_answer_free;
        f->rig.userdata = f;
        set(f, "k", "1", "goes");
        set(f, "k", "2", "b");
        rig_set(&f->rig, f->other, "a.b", "k", "3", "c");
        rig_run(&f->rig);
        rig_set(&f->rig, f->other, "a.b", "k", "4", "d");
        rig_settle(&f->rig, 0);
        rig_assert_trace(&f->rig, "[3 4 5] publish goes@3 d!Operation canceled b@4 c@5 ");
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) \
        g_test_add("/pipeline-batches/" #test, Fixture, NULL, set_up, test_##test, tear_down)
        ADD(what_queues_while_one_is_written_is_the_next);
        ADD(answers_wait_for_what_they_were_judged_against);
        ADD(a_batch_without_commits_is_not_written);
        ADD(a_flush_waits_for_the_batch_under_way);
        ADD(a_dry_run_leaves_no_trace);
        ADD(a_batch_changes_one_namespace);
        ADD(who_changes_a_namespace_often_holds_up_nobody_else);
        ADD(revisions_that_were_not_tried_are_used);
        ADD(an_unknown_outcome_is_everybody_s);
        ADD(revisions_of_a_failed_batch_are_never_used);
        ADD(what_was_not_tried_is_read_only);
        ADD(what_found_no_room_is_not_there);
        ADD(a_full_disk_lets_delete);
        ADD(revisions_that_were_left_out_are_never_used);
        ADD(revisions_stay_below_the_limit);
        ADD(batches_are_bounded);
        ADD(answers_may_write);
        ADD(answers_may_end_origins);
        return g_test_run();
}
