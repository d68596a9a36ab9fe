/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The overlay shows what a batch will have done, and the state does not notice.
 */

#include "core/overlay.h"

#include "changes.h"

typedef struct Fixture {
        State *state;
        Overlay *overlay;
        Namespace *ns;
        GPtrArray *commits;
} Fixture;

static void commit_destroy(gpointer commit)
{
        commit_free(commit);
}

static void set_up(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(Commit) create = changes_commit_create(1, "a.b", 4001);
        g_autoptr(Commit) other = changes_commit_create(2, "c.d", 4001);
        g_autoptr(Commit) set = changes_commit_entry(3, "a.b", "k", "'text'", ENTRY_PERSISTENT);

        f->state = state_new();
        state_apply(f->state, create);
        state_apply(f->state, other);
        state_apply(f->state, set);
        f->ns = state_lookup(f->state, "a.b");
        f->overlay = overlay_new(f->state);
        f->commits = g_ptr_array_new_with_free_func(commit_destroy);
}

static void tear_down(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        overlay_free(f->overlay);
        state_free(f->state);
        g_ptr_array_unref(f->commits);
}

static void add(Fixture *f, Commit *commit)
{
        g_ptr_array_add(f->commits, commit);
        overlay_add(f->overlay, commit);
}

static void assert_revision(const Fixture *f, const char *key, uint64_t revision)
{
        const Entry *entry = overlay_lookup(f->overlay, f->ns, key);

        g_assert_cmpuint(entry ? entry->revision : 0, ==, revision);
}

static void assert_sums(const Fixture *f, uint64_t n_keys, uint64_t usage, uint64_t owned)
{
        g_assert_cmpuint(overlay_n_keys(f->overlay, f->ns), ==, n_keys);
        g_assert_cmpuint(overlay_usage(f->overlay, f->ns), ==, usage);
        g_assert_cmpuint(overlay_owned_bytes(f->overlay, 4001), ==, owned);
}

static void test_an_empty_overlay_is_the_state(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        assert_revision(f, "k", 3);
        assert_revision(f, "l", 0);
        assert_sums(f, 1, 6, 6);
        g_assert_cmpuint(overlay_owned_bytes(f->overlay, 4002), ==, 0);
}

static void test_later_commits_cover_earlier_ones(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        add(f, changes_commit_entry(4, "a.b", "l", "byte 1", ENTRY_PERSISTENT));
        assert_revision(f, "l", 4);
        assert_sums(f, 2, 6 + 2, 8);
        add(f, changes_commit_entry(5, "a.b", "k", "'te'", ENTRY_PERSISTENT));
        assert_revision(f, "k", 5);
        assert_sums(f, 2, 4 + 2, 6);
        add(f, changes_commit_entry(6, "a.b", "k", NULL, ENTRY_PERSISTENT));
        assert_revision(f, "k", 0);
        assert_sums(f, 1, 2, 2);
        add(f, changes_commit_entry(7, "a.b", "k", "byte 7", ENTRY_RUNTIME));
        assert_revision(f, "k", 7);
        assert_sums(f, 2, 4, 4);
        add(f, changes_commit_entry(8, "c.d", "k", "byte 8", ENTRY_PERSISTENT));
        assert_revision(f, "k", 7);
        assert_sums(f, 2, 4, 6);

        /* None of which is so yet. */
        g_assert_cmpuint(namespace_lookup(f->ns, "k")->revision, ==, 3);
        g_assert_cmpuint(namespace_n_keys(f->ns), ==, 1);
        g_assert_cmpuint(f->ns->usage, ==, 6);
}

static void test_a_change_of_class_counts_once(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        Commit *commit = changes_commit_entry(4, "a.b", "k", NULL, ENTRY_PERSISTENT);
        g_autoptr(GVariant) value = changes_value("byte 1");

        commit_add_entry(commit, commit->changes->pdata[0], entry_new("k", value, ENTRY_RUNTIME));
        add(f, commit);
        assert_revision(f, "k", 4);
        assert_sums(f, 1, 2, 2);
}

static void test_clearing_forgets(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        add(f, changes_commit_entry(4, "a.b", "l", "1", ENTRY_PERSISTENT));
        add(f, changes_commit_entry(5, "a.b", "k", NULL, ENTRY_PERSISTENT));
        overlay_clear(f->overlay);
        assert_revision(f, "k", 3);
        assert_revision(f, "l", 0);
        assert_sums(f, 1, 6, 6);
        overlay_clear(f->overlay);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add("/overlay/" #test, Fixture, NULL, set_up, test_##test, tear_down)
        ADD(an_empty_overlay_is_the_state);
        ADD(later_commits_cover_earlier_ones);
        ADD(a_change_of_class_counts_once);
        ADD(clearing_forgets);
        return g_test_run();
}
