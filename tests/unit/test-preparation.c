/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who is asked about what and when, and what becomes of a request by the answers.
 */

#include "core/veto-text.h"
#include "participants-rig.h"

#include <errno.h>
#include <string.h>

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

static void test_a_reason_is_one_printable_line(void)
{
        static const char *const pairs[][2] = {
                { "no", "no" },
                { "", "no reason given" },
                { "a\033[2J\r\n\tb\x7f", "a?[2J???b?" },
                { "\xff\xfe-\xc3", "?\?-?" },
                { "r\u202el\u200b\u2028", "r?l??" },
                { "gr\u00fc\u00df", "gr\u00fc\u00df" },
        };
        g_autofree char *huge = g_strnfill(1 << 20, 'x');
        g_autofree char *cut = veto_text_clean(huge);

        for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
                g_autofree char *clean = veto_text_clean(pairs[i][0]);

                g_assert_cmpstr(clean, ==, pairs[i][1]);
        }
        g_assert_cmpuint(strlen(cut), ==, LIMIT_VETO_BYTES + 3);
}

/* A model of any order: what is asked, answered, left and written at random. */

#define N_WRITERS 3

typedef struct Model {
        Fixture *f;
        GRand *random;
        uint64_t n_answers;
} Model;

static void on_random_answer(Rig *rig, const char *label G_GNUC_UNUSED)
{
        (*(uint64_t *) rig->userdata)++;
}

static const char *random_name(GRand *random)
{
        return g_rand_boolean(random) ? "a.b" : "c.d";
}

static void random_write(Model *m, Origin *origin)
{
        static const char *const keys[] = { "k", "l", "m" };
        g_autofree char *text = g_strdup_printf("'%d'", g_rand_int_range(m->random, 0, 3));
        ChangeSet *set = changes_new_set(random_name(m->random),
                                         keys[g_rand_int_range(m->random, 0, 3)], text);

        if (g_rand_int_range(m->random, 0, 4) == 0) {
                const NamespaceWish *wish = set->namespaces->pdata[0];

                changes_set(set, g_str_equal(wish->name, "a.b") ? "c.d" : "a.b", "k", text);
        }
        if (g_rand_int_range(m->random, 0, 8) == 0)
                set->flags |= CHANGE_SET_DRY_RUN;
        rig_submit(m->f->rig, origin, NULL, set, "w");
}

static Participant *random_participant(const Model *m)
{
        const GPtrArray *list = participants_of(m->f->p.participants, random_name(m->random));

        return list ? list->pdata[g_rand_int_range(m->random, 0, (gint32) list->len)] : NULL;
}

static void random_step(Model *m, Origin *origins[static N_WRITERS], unsigned n)
{
        ParticipantsRig *p = &m->f->p;
        Origin *origin = origins[g_rand_int_range(m->random, 0, N_WRITERS)];
        g_autofree char *label = g_strdup_printf("p%u", n);
        Participant *participant = random_participant(m);

        switch (g_rand_int_range(m->random, 0, 9)) {
        case 0:
                if (p->participants->n < 8)
                        (void) participants_rig_add(p, label, random_name(m->random),
                                                    g_rand_boolean(m->random) ? "" : "k",
                                                    g_rand_boolean(m->random), origin);
                break;
        case 1:
                if (participant && p->participants->n > 4)
                        participants_remove(participant);
                break;
        case 2:
        case 3:
                if (!pipeline_origin_owes(origin))
                        random_write(m, origin);
                break;
        case 4:
        case 5:
        case 6:
                if (p->asked->len > 0) {
                        Member *member = p->asked->pdata[0];
                        g_autofree char *who = g_strdup(member->participant->address);

                        participants_rig_answer(p, who,
                                                g_rand_int_range(m->random, 0, 4) ? NULL : "no");
                }
                break;
        case 7:
                participants_rig_pass(p, 1000000);
                break;
        default:
                if (pipeline_is_under_way(m->f->rig->pipeline))
                        rig_settle(m->f->rig, g_rand_int_range(m->random, 0, 10) ? 0 : -EIO);
                else
                        rig_run(m->f->rig);
                break;
        }
}

/* Everything that was asked or submitted comes to an end when time passes, whatever has gone before. */
static void test_random_orders_end(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(23);
        Model m = { .f = f, .random = random };

        f->rig->on_answer = on_random_answer;
        f->rig->userdata = &m.n_answers;
        for (unsigned round = 0; round < 300; round++) {
                Origin *origins[N_WRITERS];

                for (int i = 0; i < N_WRITERS; i++)
                        origins[i] = pipeline_origin_new(f->rig->pipeline);
                for (unsigned n = 0; n < 100; n++) {
                        f->rig->is_asynchronous = g_rand_boolean(random);
                        random_step(&m, origins, 100 * round + n);
                        g_string_truncate(f->rig->trace, 0);
                }
                f->rig->is_asynchronous = false;
                for (int i = 0; i < 30; i++) {
                        if (pipeline_is_under_way(f->rig->pipeline))
                                rig_settle(f->rig, 0);
                        f->p.now_usec += 1000000;
                        rig_run(f->rig);
                }
                g_assert_cmpuint(f->rig->n_waiting, ==, 0);
                g_assert_cmpuint(f->p.asked->len, ==, 0);
                g_assert_cmpuint(f->p.wake_usec, ==, UINT64_MAX);
                participants_remove_all(f->p.participants, "a.b", "the round is over");
                participants_remove_all(f->p.participants, "c.d", "the round is over");
                for (int i = 0; i < N_WRITERS; i++) {
                        g_assert_false(pipeline_origin_owes(origins[i]));
                        pipeline_origin_free(origins[i]);
                }
        }
        g_assert_cmpuint(m.n_answers, >, 2000);
        g_assert_cmpuint(f->p.participants->statistics.n_transactions, >, 500);
        g_assert_cmpuint(f->p.participants->statistics.n_vetoed, >, 50);
        g_assert_cmpuint(f->p.participants->statistics.n_late, >, 10);
        f->rig->on_answer = NULL;
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
        ADD(random_orders_end);
#undef ADD
        g_test_add_func("/preparation/a_reason_is_one_printable_line",
                        test_a_reason_is_one_printable_line);
        return g_test_run();
}
