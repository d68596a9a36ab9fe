/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who is asked about what and when, and what becomes of a request by the answers.
 */

#include "participants-rig.h"

#include <errno.h>

typedef struct Fixture {
        ParticipantsRig p;
        Rig *rig;
        Origin *one, *two;
} Fixture;

static void set_up(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        participants_rig_init(&f->p);
        f->rig = &f->p.rig;
        f->one = pipeline_origin_new(f->rig->pipeline);
        f->two = pipeline_origin_new(f->rig->pipeline);
}

static void tear_down(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        pipeline_origin_free(f->one);
        pipeline_origin_free(f->two);
        participants_rig_clear(&f->p);
}

static void answer(Fixture *f, const char *label, const char *objection)
{
        participants_rig_answer(&f->p, label, objection);
        rig_run(f->rig);
}

static void add(Fixture *f, const char *label, const char *name, const char *prefix)
{
        (void) participants_rig_add(&f->p, label, name, prefix, false, NULL);
}

static void test_all_agree(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        add(f, "P", "a.b", "");
        add(f, "Q", "a.b", "k");
        add(f, "R", "a.b", "other");
        add(f, "S", "c.d", "");
        rig_set(f->rig, f->one, "a.b", "k", "1", "w");
        rig_run(f->rig);
        rig_assert_trace(f->rig, "P?k Q?k ");
        answer(f, "Q", NULL);
        rig_assert_trace(f->rig, "");
        f->rig->n_wakes = 0;
        participants_rig_answer(&f->p, "P", NULL);
        g_assert_cmpuint(f->rig->n_wakes, >, 0);
        rig_run(f->rig);
        rig_assert_trace(f->rig, "[3] publish w@3 P+3 Q+3 ");
}

static void test_the_first_objection_ends_it(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        add(f, "P", "a.b", "");
        add(f, "Q", "a.b", "");
        add(f, "R", "a.b", "");
        rig_set(f->rig, f->one, "a.b", "k", "1", "w");
        rig_set(f->rig, f->two, "a.b", "z", "1", "later");
        rig_run(f->rig);
        answer(f, "Q", NULL);
        rig_assert_trace(f->rig, "P?k Q?k R?k ");
        answer(f, "P", "no");
        rig_assert_trace(f->rig, "Q- R- P?z Q?z R?z w!Vetoed ");
        for (const char *label = "P\0Q\0R\0"; *label; label += 2)
                answer(f, label, NULL);
        rig_assert_trace(f->rig, "[3] publish later@3 P+3 Q+3 R+3 ");
}

static void test_later_ones_wait_and_others_pass(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        add(f, "P", "a.b", "k");
        rig_set(f->rig, f->one, "a.b", "k", "1", "first");
        rig_set(f->rig, f->one, "a.b", "z", "1", "second");
        rig_set(f->rig, f->two, "c.d", "k", "1", "other");
        rig_set(f->rig, f->two, "a.b", "k", "2", "third");
        rig_set(f->rig, f->one, "a.b", "z", "2", "fourth");
        rig_run(f->rig);
        rig_assert_trace(f->rig, "P?k [3] publish other@3 ");
        answer(f, "P", NULL);
        rig_assert_trace(f->rig, "[4 5] publish first@4 P+4 second@5 ");
        rig_run(f->rig);
        rig_assert_trace(f->rig, "P?k ");
        answer(f, "P", NULL);
        rig_assert_trace(f->rig, "[6 7] publish third@6 P+6 fourth@7 ");
}

static void test_all_namespaces_are_taken_at_once(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(ChangeSet) both = changes_new_set("a.b", "k", "1");

        changes_set(both, "c.d", "k", "2");
        add(f, "P", "a.b", "");
        add(f, "Q", "c.d", "");
        rig_set(f->rig, f->one, "a.b", "x", "1", "before");
        rig_submit(f->rig, f->one, NULL, g_steal_pointer(&both), "both");
        rig_set(f->rig, f->two, "c.d", "y", "1", "behind");
        rig_run(f->rig);
        rig_assert_trace(f->rig, "P?x ");
        answer(f, "P", NULL);
        rig_assert_trace(f->rig, "[3] publish before@3 P+3 ");
        rig_run(f->rig);
        rig_assert_trace(f->rig, "P?k Q?k ");
        answer(f, "P", NULL);
        answer(f, "Q", NULL);
        rig_assert_trace(f->rig, "[4] publish both@4 P+4 Q+4 ");
        rig_run(f->rig);
        answer(f, "Q", NULL);
        rig_assert_trace(f->rig, "Q?y [5] publish behind@5 Q+5 ");
}

static void test_nobody_is_asked_about_what_is_refused_or_nothing(
        Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        add(f, "P", "a.b", "z");
        rig_set(f->rig, f->one, "a.b", "k", "1", "set");
        rig_run(f->rig);
        rig_assert_trace(f->rig, "[3] publish set@3 ");
        add(f, "Q", "a.b", "");
        rig_set(f->rig, f->one, "a.b", "k", "1", "same");
        rig_set(f->rig, f->one, "x.y", "k", "1", "absent");
        rig_run(f->rig);
        rig_assert_trace(f->rig, "same@3= absent!NoSuchNamespace ");
}

static void test_a_batch_under_way_is_waited_for(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->rig->is_asynchronous = true;
        rig_set(f->rig, f->one, "a.b", "k", "1", "before");
        rig_run(f->rig);
        add(f, "P", "a.b", "");
        rig_set(f->rig, f->two, "a.b", "k", "2", "asked");
        rig_run(f->rig);
        rig_assert_trace(f->rig, "[3] ");
        rig_settle(f->rig, 0);
        rig_assert_trace(f->rig, "publish before@3 P+3 ");
        rig_run(f->rig);
        rig_set(f->rig, f->one, "c.d", "k", "1", "other");
        rig_run(f->rig);
        rig_assert_trace(f->rig, "P?k [4] ");
        answer(f, "P", NULL);
        rig_assert_trace(f->rig, "");
        f->rig->n_wakes = 0;
        rig_settle(f->rig, 0);
        g_assert_cmpuint(f->rig->n_wakes, >, 0);
        rig_run(f->rig);
        rig_assert_trace(f->rig, "publish other@4 [5] ");
        rig_settle(f->rig, 0);
        rig_assert_trace(f->rig, "publish asked@5 P+5 ");
}

static void test_a_failed_write_is_an_abort(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        add(f, "P", "a.b", "");
        rig_set(f->rig, f->one, "a.b", "k", "1", "w");
        rig_run(f->rig);
        f->rig->journal_error = -EIO;
        answer(f, "P", NULL);
        rig_assert_trace(f->rig, "P?k [3] w!OutcomeUnknown P- ");
        f->rig->journal_error = 0;
}

static void test_late_ones_are_unregistered(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        add(f, "P", "a.b", "");
        add(f, "Q", "a.b", "");
        rig_set(f->rig, f->one, "a.b", "k", "1", "w");
        rig_run(f->rig);
        answer(f, "Q", NULL);
        participants_rig_pass(&f->p, PARTICIPANT_TIMEOUT_USEC - 1);
        rig_assert_trace(f->rig, "P?k Q?k ");
        participants_rig_pass(&f->p, 1);
        rig_assert_trace(f->rig, "P! P- Q- w!Timeout ");
        g_assert_cmpuint(participants_of(f->p.participants, "a.b")->len, ==, 1);
}

static void test_only_who_was_asked_can_be_late(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        add(f, "P", "a.b", "");
        f->p.is_full = true;
        rig_set(f->rig, f->one, "a.b", "k", "1", "w");
        rig_run(f->rig);
        participants_rig_pass(&f->p, PARTICIPANT_TIMEOUT_USEC);
        rig_assert_trace(f->rig, "P?k w!Timeout ");
        g_assert_cmpuint(participants_of(f->p.participants, "a.b")->len, ==, 1);

        /* Once it is asked it has all of its time. */
        rig_set(f->rig, f->one, "a.b", "k", "1", "w");
        rig_run(f->rig);
        participants_rig_pass(&f->p, PARTICIPANT_TIMEOUT_USEC - 1);
        transaction_asked(f->p.asked->pdata[0]);
        participants_rig_pass(&f->p, PARTICIPANT_TIMEOUT_USEC - 1);
        rig_assert_trace(f->rig, "P?k ");
        participants_rig_pass(&f->p, 1);
        rig_assert_trace(f->rig, "P! P- w!Timeout ");
        g_assert_null(participants_of(f->p.participants, "a.b"));
}

static void test_ten_seconds_in_all(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        add(f, "P", "a.b", "k");
        add(f, "Q", "a.b", "q");
        rig_set(f->rig, f->one, "a.b", "k", "1", "first");
        rig_set(f->rig, f->one, "a.b", "k", "2", "second");
        rig_set(f->rig, f->one, "a.b", "q", "3", "third");
        rig_set(f->rig, f->two, "a.b", "z", "4", "fourth");
        rig_run(f->rig);
        participants_rig_pass(&f->p, 4000000);
        answer(f, "P", NULL);
        rig_run(f->rig);
        participants_rig_pass(&f->p, 4000000);
        answer(f, "P", NULL);
        rig_run(f->rig);
        rig_assert_trace(f->rig, "P?k [3] publish first@3 P+3 P?k [4] publish second@4 P+4 Q?q ");
        /* It has not had its own time, and stays. */
        participants_rig_pass(&f->p, 2000000);
        rig_run(f->rig);
        rig_assert_trace(f->rig, "Q- [5] publish fourth@5 third!Timeout ");
        g_assert_cmpuint(participants_of(f->p.participants, "a.b")->len, ==, 2);
}

static void test_waiting_for_the_disk_counts(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        add(f, "P", "a.b", "");
        f->rig->is_asynchronous = true;
        rig_set(f->rig, f->one, "c.d", "k", "1", "before");
        rig_run(f->rig);
        rig_set(f->rig, f->two, "a.b", "k", "1", "first");
        participants_rig_pass(&f->p, 4000000);
        rig_set(f->rig, f->two, "a.b", "k", "2", "second");
        participants_rig_pass(&f->p, 6000000);
        rig_settle(f->rig, 0);
        rig_run(f->rig);
        rig_run(f->rig);
        rig_assert_trace(f->rig, "[3] publish before@3 first!Timeout P?k ");
        participants_rig_pass(&f->p, 4000000 - 1);
        rig_assert_trace(f->rig, "");
        participants_rig_pass(&f->p, 1);
        rig_run(f->rig);
        rig_assert_trace(f->rig, "P- second!Timeout ");
        g_assert_cmpuint(participants_of(f->p.participants, "a.b")->len, ==, 1);
}

static void test_who_leaves_objects_or_is_absent(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        Participant *p = participants_rig_add(&f->p, "P", "a.b", "", true, NULL);
        Participant *q = participants_rig_add(&f->p, "Q", "a.b", "", false, NULL);

        rig_set(f->rig, f->one, "a.b", "k", "1", "w");
        rig_run(f->rig);
        participants_remove(p);
        answer(f, "Q", NULL);
        rig_assert_trace(f->rig, "P?k Q?k [3] publish w@3 Q+3 ");
        rig_set(f->rig, f->one, "a.b", "k", "2", "w");
        rig_run(f->rig);
        participants_remove(q);
        rig_run(f->rig);
        rig_assert_trace(f->rig, "Q?k w!Vetoed ");
}

static void test_the_writer_leaves(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        Origin *origin = pipeline_origin_new(f->rig->pipeline);

        add(f, "P", "a.b", "k");
        rig_set(f->rig, origin, "a.b", "k", "1", "w");
        rig_set(f->rig, f->one, "a.b", "z", "1", "waiting");
        rig_run(f->rig);
        f->rig->n_wakes = 0;
        pipeline_origin_free(origin);
        g_assert_cmpuint(f->rig->n_wakes, >, 0);
        rig_run(f->rig);
        rig_assert_trace(f->rig, "P?k w!Operation canceled P- [3] publish waiting@3 ");
}

static void test_who_owes_an_answer_is_busy(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        (void) participants_rig_add(&f->p, "P", "a.b", "", false, f->one);
        (void) participants_rig_add(&f->p, "Q", "c.d", "", false, f->two);
        rig_set(f->rig, f->two, "a.b", "k", "1", "two");
        rig_set(f->rig, f->one, "c.d", "k", "1", "one");
        rig_set(f->rig, f->one, "a.b", "z", "1", "waiting");
        rig_run(f->rig);
        g_assert_true(pipeline_origin_owes(f->one));
        g_assert_false(pipeline_origin_owes(f->two));
        rig_assert_trace(f->rig, "P?k one!Busy waiting!Busy ");
        answer(f, "P", NULL);
        g_assert_false(pipeline_origin_owes(f->one));
        rig_assert_trace(f->rig, "[3] publish two@3 P+3 ");
}

static void test_a_dry_run_waits_for_all(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = changes_new_set("a.b", "k", "1");

        set->flags |= CHANGE_SET_DRY_RUN;
        add(f, "P", "a.b", "");
        add(f, "Q", "a.b", "");
        rig_submit(f->rig, f->one, NULL, set, "dry");
        rig_run(f->rig);
        answer(f, "P", "no");
        rig_assert_trace(f->rig, "P?k Q?k ");
        answer(f, "Q", NULL);
        rig_assert_trace(f->rig, "dry@2? Q- ");
}

static void test_what_cannot_be_asked(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        add(f, "P", "a.b", "");
        f->p.cannot_ask = PARTICIPANT_E_NO_ROOM;
        rig_set(f->rig, f->one, "a.b", "k", "1", "w");
        rig_run(f->rig);
        rig_run(f->rig);
        rig_assert_trace(f->rig, "w!Busy ");
        f->p.cannot_ask = PARTICIPANT_E_DEAF;
        rig_set(f->rig, f->one, "a.b", "k", "1", "w");
        rig_run(f->rig);
        rig_run(f->rig);
        rig_assert_trace(f->rig, "P! w!Timeout ");
        add(f, "Q", "a.b", "");
        f->p.may_not = true;
        rig_set(f->rig, f->one, "a.b", "k", "1", "w");
        rig_run(f->rig);
        rig_assert_trace(f->rig, "Q! Q- [3] publish w@3 ");
        g_assert_cmpuint(f->p.participants->statistics.n_dropped, ==, 2);
}

static void test_removal_tells_and_ends(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = change_set_new(CHANGE_SET_REMOVE_NAMESPACE);
        g_autofree char *text = NULL;
        NamespaceWish *wish;

        g_assert_cmpint(change_set_add_namespace(set, "a.b", &wish, &text), ==, 0);
        add(f, "P", "a.b", "");
        add(f, "Q", "c.d", "");
        rig_set(f->rig, f->one, "a.b", "k", "1", "first");
        rig_submit(f->rig, f->two, NULL, set, "remove");
        rig_run(f->rig);
        rig_assert_trace(f->rig, "P?k ");
        answer(f, "P", "no");
        rig_run(f->rig);
        rig_assert_trace(f->rig, "[3] publish remove@3 P+3 P! first!Vetoed ");
        g_assert_cmpuint(f->p.participants->n, ==, 1);
}

static void submit_of_namespace(Fixture *f, ChangeSetKind kind, const char *name, const char *label)
{
        ChangeSet *set = change_set_new(kind);
        g_autofree char *text = NULL;
        NamespaceWish *wish;

        g_assert_cmpint(change_set_add_namespace(set, name, &wish, &text), ==, 0);
        rig_submit(f->rig, f->two, NULL, set, label);
}

/* It must be alone in its batch, and is not overtaken by what is prepared meanwhile. */
static void test_removal_of_another_has_its_turn(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        add(f, "P", "a.b", "");
        add(f, "Q", "c.d", "");
        submit_of_namespace(f, CHANGE_SET_CREATE_NAMESPACE, "e.f", "create");
        rig_run(f->rig);
        rig_assert_trace(f->rig, "[3] publish create@3 ");
        rig_set(f->rig, f->one, "a.b", "k", "1", "first");
        rig_run(f->rig);
        submit_of_namespace(f, CHANGE_SET_REMOVE_NAMESPACE, "e.f", "remove");
        rig_set(f->rig, f->one, "c.d", "k", "1", "second");
        answer(f, "P", NULL);
        rig_assert_trace(f->rig, "P?k [4] publish first@4 P+4 ");
        rig_run(f->rig);
        rig_assert_trace(f->rig, "[5] publish remove@5 ");
        rig_run(f->rig);
        answer(f, "Q", NULL);
        rig_assert_trace(f->rig, "Q?k [6] publish second@6 Q+6 ");
}

static void submit_5_mb(Fixture *f, const char *name, const char *label)
{
        g_autofree char *value = g_strdup_printf("'%01000000d'", 1);
        ChangeSet *set = changes_new_set(name, "k", value);

        for (const char *key = "k1\0k2\0k3\0k4\0"; *key; key += 3)
                changes_set(set, name, key, value);
        rig_submit(f->rig, f->one, NULL, set, label);
}

/* Also when there is no room for it in the batch that it could have joined. */
static void test_what_is_agreed_is_not_overtaken(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        add(f, "P", "a.b", "k");
        add(f, "Q", "c.d", "k");
        submit_5_mb(f, "a.b", "a");
        submit_5_mb(f, "c.d", "c");
        rig_run(f->rig);
        rig_set(f->rig, f->one, "c.d", "z", "1", "behind");
        participants_rig_answer(&f->p, "P", NULL);
        answer(f, "Q", NULL);
        rig_assert_trace(f->rig, "P?k Q?k [3] publish a@3 P+3 ");
        rig_run(f->rig);
        rig_assert_trace(f->rig, "[4 5] publish c@4 Q+4 behind@5 ");
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add("/preparation/" #test, Fixture, NULL, set_up, test_##test, tear_down)
        ADD(all_agree);
        ADD(the_first_objection_ends_it);
        ADD(later_ones_wait_and_others_pass);
        ADD(all_namespaces_are_taken_at_once);
        ADD(nobody_is_asked_about_what_is_refused_or_nothing);
        ADD(a_batch_under_way_is_waited_for);
        ADD(a_failed_write_is_an_abort);
        ADD(late_ones_are_unregistered);
        ADD(only_who_was_asked_can_be_late);
        ADD(ten_seconds_in_all);
        ADD(waiting_for_the_disk_counts);
        ADD(who_leaves_objects_or_is_absent);
        ADD(the_writer_leaves);
        ADD(who_owes_an_answer_is_busy);
        ADD(a_dry_run_waits_for_all);
        ADD(what_cannot_be_asked);
        ADD(removal_tells_and_ends);
        ADD(removal_of_another_has_its_turn);
        ADD(what_is_agreed_is_not_overtaken);
#undef ADD
        return g_test_run();
}
