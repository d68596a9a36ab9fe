/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What has to be authorized anew: requests that were held back, and those whose namespace has got
 * another access since.
 */

#include "pipeline-rig.h"

typedef struct Fixture {
        Rig rig;
        Origin *origin, *other;
} Fixture;

static void set_up(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        rig_init_reconsidering(&f->rig);
        f->origin = pipeline_origin_new(f->rig.pipeline);
        f->other = pipeline_origin_new(f->rig.pipeline);
}

static void tear_down(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        pipeline_origin_free(f->origin);
        pipeline_origin_free(f->other);
        rig_clear(&f->rig);
}

/* A set of @key in a.b, by somebody who was authorized for the access that a.b has now. */
static ChangeSet *authorized(Fixture *f, const char *key)
{
        ChangeSet *changes = changes_new_set("a.b", key, "1");
        NamespaceWish *wish = changes->namespaces->pdata[0];

        wish->access_revision = state_lookup(f->rig.state, "a.b")->access_revision;
        return changes;
}

static ChangeSet *access_change(Fixture *f, uint32_t mode)
{
        ChangeSet *changes = change_set_new(CHANGE_SET_ACCESS);
        g_autofree char *text = NULL;
        NamespaceWish *wish;

        g_assert_cmpint(change_set_add_namespace(changes, "a.b", &wish, &text), ==, 0);
        g_assert_cmpint(change_set_set_mode(changes, mode, &text), ==, 0);
        wish->access_revision = state_lookup(f->rig.state, "a.b")->access_revision;
        return changes;
}

static void test_what_was_held_has_its_turn_in_its_place(Fixture *f,
                                                         gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(ChangeSet) names = authorized(f, "k");
        Request *first = pipeline_reserve(f->origin, names);

        rig_submit(&f->rig, f->origin, NULL, authorized(f, "second"), "second");
        rig_submit(&f->rig, f->origin, NULL, authorized(f, "third"), "third");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "");

        rig_submit(&f->rig, f->origin, first, authorized(f, "first"), "first");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "again second [3] publish first@3 ");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "");

        /* The third waits for what the second comes to. */
        rig_submit(&f->rig, f->origin, f->rig.returned, authorized(f, "second"), "second");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "again third [4] publish second@4 ");
        pipeline_cancel(f->rig.returned);
}

static void test_another_access_asks_again(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->rig.is_asynchronous = true;
        rig_submit(&f->rig, f->other, NULL, access_change(f, 0600), "access");
        rig_run(&f->rig);
        rig_submit(&f->rig, f->origin, NULL, authorized(f, "k"), "write");
        rig_submit(&f->rig, f->origin, NULL, authorized(f, "l"), "behind");
        rig_settle(&f->rig, 0);
        rig_run(&f->rig);
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3] publish access@3 again write again behind ");
        g_assert_null(namespace_lookup(state_lookup(f->rig.state, "a.b"), "k"));

        /* Who may not any more cancels; what is behind it goes on by itself. */
        rig_submit(&f->rig, f->origin, f->rig.returned, authorized(f, "l"), "behind");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "");
}

static void test_an_origin_that_goes_is_not_asked(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->rig.is_asynchronous = true;
        rig_submit(&f->rig, f->other, NULL, access_change(f, 0600), "access");
        rig_run(&f->rig);
        rig_submit(&f->rig, f->origin, NULL, authorized(f, "k"), "write");
        rig_settle(&f->rig, 0);
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3] publish access@3 ");
        f->origin = pipeline_origin_free(f->origin);
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "write!Operation canceled ");
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) \
        g_test_add("/pipeline-reconsider/" #test, Fixture, NULL, set_up, test_##test, tear_down)
        ADD(what_was_held_has_its_turn_in_its_place);
        ADD(another_access_asks_again);
        ADD(an_origin_that_goes_is_not_asked);
        return g_test_run();
}
