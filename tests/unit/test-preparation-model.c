/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stage of preparation against any order: what is asked, answered, left and written at random.
 */

#include "participants-rig.h"

#include <errno.h>

#define N_WRITERS 3

typedef struct Model {
        ParticipantsRig *p;
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
        rig_submit(&m->p->rig, origin, NULL, set, "w");
}

static Participant *random_participant(const Model *m)
{
        const GPtrArray *list = participants_of(m->p->participants, random_name(m->random));

        return list ? list->pdata[g_rand_int_range(m->random, 0, (gint32) list->len)] : NULL;
}

static void random_step(Model *m, Origin *origins[static N_WRITERS], unsigned n)
{
        ParticipantsRig *p = m->p;
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
                if (pipeline_is_under_way(m->p->rig.pipeline))
                        rig_settle(&m->p->rig, g_rand_int_range(m->random, 0, 10) ? 0 : -EIO);
                else
                        rig_run(&m->p->rig);
                break;
        }
}

/* Everything that was asked or submitted comes to an end when time passes, whatever has gone before. */
static void test_random_orders_end(void)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(23);
        ParticipantsRig p;
        Rig *rig = &p.rig;
        Model m = { .p = &p, .random = random };

        participants_rig_init(&p);
        rig->on_answer = on_random_answer;
        rig->userdata = &m.n_answers;
        for (unsigned round = 0; round < 300; round++) {
                Origin *origins[N_WRITERS];

                for (int i = 0; i < N_WRITERS; i++)
                        origins[i] = pipeline_origin_new(rig->pipeline);
                for (unsigned n = 0; n < 100; n++) {
                        rig->is_asynchronous = g_rand_boolean(random);
                        random_step(&m, origins, 100 * round + n);
                        g_string_truncate(rig->trace, 0);
                }
                rig->is_asynchronous = false;
                for (int i = 0; i < 30; i++) {
                        if (pipeline_is_under_way(rig->pipeline))
                                rig_settle(rig, 0);
                        p.now_usec += 1000000;
                        rig_run(rig);
                }
                g_assert_cmpuint(rig->n_waiting, ==, 0);
                g_assert_cmpuint(p.asked->len, ==, 0);
                g_assert_cmpuint(p.wake_usec, ==, UINT64_MAX);
                participants_remove_all(p.participants, "a.b", "the round is over");
                participants_remove_all(p.participants, "c.d", "the round is over");
                for (int i = 0; i < N_WRITERS; i++) {
                        g_assert_false(pipeline_origin_owes(origins[i]));
                        pipeline_origin_free(origins[i]);
                }
        }
        g_assert_cmpuint(m.n_answers, >, 2000);
        g_assert_cmpuint(p.participants->statistics.n_transactions, >, 500);
        g_assert_cmpuint(p.participants->statistics.n_vetoed, >, 50);
        g_assert_cmpuint(p.participants->statistics.n_late, >, 10);
        participants_rig_clear(&p);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/preparation-model/random_orders_end", test_random_orders_end);
        return g_test_run();
}
