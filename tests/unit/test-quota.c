/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Quotas stop growth, and nothing else.
 */

#include "changes.h"
#include "core/sequencer.h"

#include <string.h>

typedef struct Fixture {
        State *state;
        Overlay *overlay;
        Limits limits;
        uint64_t revision;
} Fixture;

static int resolve(Fixture *f, ChangeSet *set, const char *why)
{
        g_autoptr(ChangeSet) owned = set;
        g_autoptr(Commit) commit = NULL;
        g_autofree char *text = NULL;
        int r;

        r = sequencer_resolve(f->state, f->overlay, &f->limits, owned, f->revision + 1, 1000,
                              &commit, &text);
        if (r != 0) {
                g_assert_nonnull(strstr(text, why));
                return r;
        }
        if (commit) {
                f->revision++;
                state_apply(f->state, commit);
        }
        return 0;
}

static void assert_done(Fixture *f, ChangeSet *set)
{
        g_assert_cmpint(resolve(f, set, ""), ==, 0);
}

static void assert_over(Fixture *f, ChangeSet *set, const char *why)
{
        g_assert_cmpint(resolve(f, set, why), ==, CORE_E_QUOTA_EXCEEDED);
}

static void set_up(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->state = state_new();
        f->overlay = overlay_new(f->state);
        limits_init(&f->limits);
        assert_done(f, changes_new_create("a.b", 4001));
        assert_done(f, changes_new_create("c.d", 4001));
        assert_done(f, changes_new_create("e.f", 0));
        /* 9 bytes each. */
        assert_done(f, changes_new_set("a.b", "k", "int64 1"));
        assert_done(f, changes_new_set("a.b", "l", "int64 1"));
        assert_done(f, changes_new_set("c.d", "m", "int64 1"));
}

static void tear_down(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        overlay_free(f->overlay);
        state_free(f->state);
}

static void test_keys_of_a_namespace_are_bounded(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set;

        f->limits.namespace_keys = 2;
        assert_over(f, changes_new_set("a.b", "n", "1"), "'a.b' would have 3 keys");
        assert_done(f, changes_new_set("a.b", "l", "'larger than it was before'"));
        assert_done(f, changes_new_set("c.d", "n", "1"));

        /* One for another, in one commit. */
        set = changes_new_set("a.b", "n", "1");
        changes_unset(set, "a.b", "k");
        assert_done(f, set);
        set = changes_new_set("a.b", "o", "1");
        changes_set(set, "a.b", "p", "1");
        changes_unset(set, "a.b", "l");
        assert_over(f, set, "keys");
}

static void test_bytes_of_a_namespace_are_bounded(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->limits.namespace_bytes = 20;
        assert_over(f, changes_new_set("a.b", "n", "int16 1"), "'a.b' would have 21 bytes");
        assert_done(f, changes_new_set("a.b", "n", "byte 1"));
        assert_over(f, changes_new_set("a.b", "k", "'12345678'"), "bytes");
        assert_done(f, changes_new_set("a.b", "k", "'1234567'"));
        /* uid 0 too has the limits of a namespace. */
        assert_over(f, changes_new_set("e.f", "n", "'a text of more than 20 bytes'"), "bytes");
}

static void test_what_is_over_may_shrink(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->limits.namespace_keys = 1;
        f->limits.namespace_bytes = 10;
        f->limits.uid_bytes = 10;
        assert_done(f, changes_new_set("a.b", "k", "int64 2"));
        assert_done(f, changes_new_set("a.b", "k", "byte 2"));
        assert_over(f, changes_new_set("a.b", "k", "int16 2"), "bytes");
        assert_done(f, changes_new_unset("a.b", "l"));
        assert_done(f, changes_new_unset("a.b", "k"));
        assert_done(f, changes_new_unset("c.d", "m"));
        g_assert_cmpuint(state_usage(f->state), ==, 0);
}

static void test_bytes_of_an_owner_are_bounded(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set;

        f->limits.uid_bytes = 30;
        assert_over(f, changes_new_set("c.d", "n", "'123'"), "uid 4001 would own 32 bytes");
        assert_done(f, changes_new_set("c.d", "n", "int16 1"));
        assert_done(f, changes_new_set("e.f", "n", "'a text of more than 30 bytes, of uid 0'"));
        assert_done(f, changes_new_unset("c.d", "n"));

        /* A little in each of two namespaces. */
        set = changes_new_set("a.b", "n", "byte 1");
        changes_set(set, "c.d", "n", "byte 1");
        assert_over(f, set, "uid 4001 would own 31 bytes");
}

static void test_an_owner_s_namespaces_are_summed_up(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set;

        /* In whichever order they are named, what counts is what the commit does. */
        f->limits.uid_bytes = 27;
        set = changes_new_unset("c.d", "m");
        changes_set(set, "a.b", "n", "'1234567'");
        assert_done(f, set);
        set = changes_new_set("c.d", "m", "int64 1");
        changes_unset(set, "a.b", "n");
        assert_done(f, set);
        g_assert_cmpuint(state_usage(f->state), ==, 27);
}

static void test_a_namespace_s_own_quota_counts(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = changes_new_access("a.b");

        set->access.quota_keys = 2;
        set->access.quota_bytes = 25;
        set->access_fields = ACCESS_QUOTA_KEYS | ACCESS_QUOTA_BYTES;
        assert_done(f, set);
        assert_over(f, changes_new_set("a.b", "n", "1"), "its quota is 2");
        assert_over(f, changes_new_set("a.b", "k", "'123456789012345'"), "its quota is 25");
        assert_done(f, changes_new_set("c.d", "n", "'123456789012345'"));
}

static void test_the_batch_counts_too(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(Commit) first =
                changes_commit_entry(f->revision + 1, "a.b", "n", "byte 1", ENTRY_PERSISTENT);

        overlay_add(f->overlay, first);
        f->limits.namespace_keys = 3;
        assert_over(f, changes_new_set("a.b", "o", "byte 1"), "would have 4 keys");
        f->limits.namespace_keys = 100;
        f->limits.uid_bytes = 30;
        assert_over(f, changes_new_set("c.d", "o", "byte 1"), "would own 31 bytes");
        overlay_clear(f->overlay);
        assert_done(f, changes_new_set("c.d", "o", "byte 1"));
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add("/quota/" #test, Fixture, NULL, set_up, test_##test, tear_down)
        ADD(keys_of_a_namespace_are_bounded);
        ADD(bytes_of_a_namespace_are_bounded);
        ADD(what_is_over_may_shrink);
        ADD(bytes_of_an_owner_are_bounded);
        ADD(an_owner_s_namespaces_are_summed_up);
        ADD(a_namespace_s_own_quota_counts);
        ADD(the_batch_counts_too);
        return g_test_run();
}
