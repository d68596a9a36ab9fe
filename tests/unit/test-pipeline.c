/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In which order requests are sequenced, whatever order they are authorized in, and what becomes of
 * them when their origin goes.
 */

#include "pipeline-rig.h"

typedef struct Fixture {
        Rig rig;
        Origin *one, *two;
} Fixture;

static void set_up(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        rig_init(&f->rig);
        f->one = pipeline_origin_new(f->rig.pipeline);
        f->two = pipeline_origin_new(f->rig.pipeline);
}

static void tear_down(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        pipeline_origin_free(f->one);
        pipeline_origin_free(f->two);
        rig_clear(&f->rig);
}

static Request *reserve(Origin *origin, const char *name)
{
        g_autoptr(ChangeSet) set = changes_new_set(name, "k", "1");

        return pipeline_reserve(origin, set);
}

static void test_a_write_is_journaled_published_answered(Fixture *f,
                                                         gconstpointer unused G_GNUC_UNUSED)
{
        rig_set(&f->rig, f->one, "a.b", "k", "1", "set");
        g_assert_cmpuint(f->rig.n_wakes, ==, 1);
        rig_assert_trace(&f->rig, "");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3] publish set@3 ");
        g_assert_false(pipeline_is_under_way(f->rig.pipeline));
        g_assert_nonnull(namespace_lookup(state_lookup(f->rig.state, "a.b"), "k"));
}

static void test_origins_go_in_the_order_they_are_ready(Fixture *f,
                                                        gconstpointer unused G_GNUC_UNUSED)
{
        Request *reservation = reserve(f->one, "a.b");

        rig_set(&f->rig, f->two, "a.b", "k", "2", "two");
        rig_submit(&f->rig, f->one, reservation, changes_new_set("a.b", "k", "1"), "one");
        rig_set(&f->rig, f->two, "a.b", "k", "3", "three");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3 4 5] publish two@3 one@4 three@5 ");
}

static void test_one_origin_keeps_its_order(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        Request *first = reserve(f->one, "a.b");
        Request *second = reserve(f->one, "a.b");

        rig_set(&f->rig, f->one, "a.b", "k", "3", "third");
        rig_submit(&f->rig, f->one, second, changes_new_set("a.b", "k", "2"), "second");
        g_assert_cmpuint(f->rig.n_wakes, ==, 0);
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "");

        rig_submit(&f->rig, f->one, first, changes_new_set("a.b", "k", "1"), "first");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3 4 5] publish first@3 second@4 third@5 ");
}

static void test_other_namespaces_pass(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        Request *first = reserve(f->one, "a.b");
        g_autoptr(ChangeSet) both = changes_new_set("a.b", "k", "1");
        Request *reserved_both;

        rig_set(&f->rig, f->one, "c.d", "k", "1", "passes");
        changes_set(both, "c.d", "k", "2");
        reserved_both = pipeline_reserve(f->one, both);
        rig_set(&f->rig, f->one, "c.d", "k", "3", "waits");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3] publish passes@3 ");

        rig_submit(&f->rig, f->one, reserved_both, g_steal_pointer(&both), "both");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "");
        rig_submit(&f->rig, f->one, first, changes_new_set("a.b", "k", "9"), "first");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[4 5 6] publish first@4 both@5 waits@6 ");
}

static void test_a_cancelled_reservation_lets_others_go(Fixture *f,
                                                        gconstpointer unused G_GNUC_UNUSED)
{
        Request *first = reserve(f->one, "a.b");
        Request *second = reserve(f->one, "a.b");

        rig_set(&f->rig, f->one, "a.b", "k", "3", "third");
        pipeline_cancel(first);
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "");
        pipeline_cancel(second);
        g_assert_cmpuint(f->rig.n_wakes, ==, 1);
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3] publish third@3 ");
}

static void test_a_reservation_of_another_origin_holds_up_nobody(Fixture *f,
                                                                 gconstpointer unused G_GNUC_UNUSED)
{
        Request *reservation = reserve(f->one, "a.b");

        rig_set(&f->rig, f->two, "a.b", "k", "1", "two");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3] publish two@3 ");
        pipeline_cancel(reservation);
}

static void test_creation_and_first_write_keep_their_order(Fixture *f,
                                                           gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(ChangeSet) create = changes_new_create("x.y", 4001);
        Request *reservation = pipeline_reserve(f->one, create);

        rig_set(&f->rig, f->one, "x.y", "k", "1", "set");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "");
        rig_submit(&f->rig, f->one, reservation, g_steal_pointer(&create), "create");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3] publish create@3 ");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[4] publish set@4 ");
}

static void test_an_origin_takes_what_it_has_not_got_through(Fixture *f,
                                                             gconstpointer unused G_GNUC_UNUSED)
{
        Origin *origin = pipeline_origin_new(f->rig.pipeline);

        f->rig.is_asynchronous = true;
        rig_set(&f->rig, origin, "a.b", "k", "1", "in-batch");
        rig_run(&f->rig);
        rig_set(&f->rig, origin, "a.b", "k", "2", "ready");
        (void) reserve(origin, "a.b");
        rig_set(&f->rig, origin, "a.b", "k", "3", "held");
        rig_set(&f->rig, f->two, "a.b", "k", "4", "two");
        rig_assert_trace(&f->rig, "[3] ");

        pipeline_origin_free(origin);
        rig_assert_trace(&f->rig, "ready!Operation canceled held!Operation canceled ");
        rig_settle(&f->rig, 0);
        rig_assert_trace(&f->rig, "publish in-batch@3 ");
        rig_run(&f->rig);
        rig_settle(&f->rig, 0);
        rig_assert_trace(&f->rig, "[4] publish two@4 ");
}

static void test_a_settled_request_may_be_followed_at_once(Fixture *f,
                                                           gconstpointer unused G_GNUC_UNUSED)
{
        for (int i = 0; i < 100; i++) {
                Request *reservation = reserve(f->one, "a.b");

                rig_submit(&f->rig, f->one, reservation,
                           changes_new_set("a.b", "k", i % 2 ? "1" : "2"), "a");
                rig_run(&f->rig);
        }
        g_assert_cmpuint(state_revision(f->rig.state), ==, 102);
}

static void test_statistics_count(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        const PipelineStatistics *statistics = pipeline_statistics(f->rig.pipeline);

        rig_set(&f->rig, f->one, "a.b", "k", "1", "a");
        rig_set(&f->rig, f->one, "a.b", "l", "1", "b");
        rig_set(&f->rig, f->one, "a.b", "l", "1", "c");
        rig_set(&f->rig, f->one, "x.y", "l", "1", "d");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3 4] publish a@3 b@4 c@4= d!NoSuchNamespace ");
        g_assert_cmpuint(statistics->n_commits, ==, 2);
        g_assert_cmpuint(statistics->n_batches, ==, 1);
        g_assert_cmpuint(statistics->n_unchanged, ==, 1);
        g_assert_cmpuint(statistics->n_refused, ==, 1);
}

typedef struct Place {
        Request *reservation;
        unsigned name;
} Place;

#define N_PLACES 12

/* Answers of one namespace come in the order of their places. */
static void on_random_answer(Rig *rig, const char *label)
{
        int *last = rig->userdata;
        unsigned name = (unsigned) label[0] - '0';
        int place = (int) g_ascii_strtoll(label + 1, NULL, 10);

        g_assert_cmpint(place, >, last[name]);
        last[name] = place;
}

/* Submits or cancels one of the places that are left. */
static void settle_place(Fixture *f, GRand *random, Place places[static N_PLACES], int round)
{
        static const char *const names[] = { "a.b", "c.d" };
        int i = g_rand_int_range(random, 0, N_PLACES);
        g_autofree char *label = NULL;
        g_autofree char *text = NULL;

        while (!places[i].reservation)
                i = (i + 1) % N_PLACES;

        label = g_strdup_printf("%u%d", places[i].name, i);
        text = g_strdup_printf("'%d %d'", round, i);
        if (g_rand_int_range(random, 0, 4) == 0)
                pipeline_cancel(places[i].reservation);
        else
                rig_submit(&f->rig, f->one, places[i].reservation,
                           changes_new_set(names[places[i].name], "k", text), label);
        places[i].reservation = NULL;
}

static void test_random_orders_are_kept(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        static const char *const names[] = { "a.b", "c.d" };
        g_autoptr(GRand) random = g_rand_new_with_seed(11);

        f->rig.on_answer = on_random_answer;
        for (int round = 0; round < 1000; round++) {
                Place places[N_PLACES];
                int last[2] = { -1, -1 };

                f->rig.userdata = last;
                for (int i = 0; i < N_PLACES; i++) {
                        places[i].name = (unsigned) g_rand_int_range(random, 0, 2);
                        places[i].reservation = reserve(f->one, names[places[i].name]);
                }
                for (int i = 0; i < N_PLACES; i++) {
                        settle_place(f, random, places, round);
                        if (g_rand_int_range(random, 0, 4) == 0)
                                rig_run(&f->rig);
                }
                rig_run(&f->rig);
                g_assert_cmpuint(f->rig.n_waiting, ==, 0);
        }
        f->rig.on_answer = NULL;
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add("/pipeline/" #test, Fixture, NULL, set_up, test_##test, tear_down)
        ADD(a_write_is_journaled_published_answered);
        ADD(origins_go_in_the_order_they_are_ready);
        ADD(one_origin_keeps_its_order);
        ADD(other_namespaces_pass);
        ADD(a_cancelled_reservation_lets_others_go);
        ADD(a_reservation_of_another_origin_holds_up_nobody);
        ADD(creation_and_first_write_keep_their_order);
        ADD(an_origin_takes_what_it_has_not_got_through);
        ADD(a_settled_request_may_be_followed_at_once);
        ADD(statistics_count);
        ADD(random_orders_are_kept);
        return g_test_run();
}
