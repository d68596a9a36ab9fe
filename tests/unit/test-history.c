/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * History: a great deal of changes, bounds, owners and defaults
 *
 * That it tells the truth over everything that may happen is test-store-history's matter.
 */

#include "changes.h"
#include "core/history.h"
#include "core/outcome.h"

#include <errno.h>

#define NS "org.example.Router"

typedef struct Fixture {
        State *state;
        uint64_t revision;
        GString *told; /* "key=value -gone" */
        guint n_told, n_told_max;
} Fixture;

static void apply(Fixture *f, Commit *commit)
{
        state_apply(f->state, commit);
        f->revision = commit->revision;
        commit_free(commit);
}

static void create(Fixture *f, const char *name, uint32_t owner)
{
        apply(f, changes_commit_create(f->revision + 1, name, owner));
}

/* @text NULL: deleted. */
static void put(Fixture *f, const char *name, const char *key, const char *text)
{
        apply(f, changes_commit_entry(f->revision + 1, name, key, text, ENTRY_PERSISTENT));
}

static void set_up(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        *f = (Fixture){ .state = state_new(), .told = g_string_new(NULL), .n_told_max = G_MAXUINT };
        history_begin(f->state, 0);
        create(f, NS, 4001);
}

static void tear_down(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        state_free(f->state);
        g_string_free(f->told, TRUE);
}

static int on_differs(void *userdata, const char *key, Entry *entry)
{
        Fixture *f = userdata;

        if (f->n_told == f->n_told_max)
                return -E2BIG;
        f->n_told++;
        g_string_append_printf(f->told, "%s%s%s", f->told->len > 0 ? " " : "", entry ? "" : "-",
                               key);
        return 0;
}

static int walk(Fixture *f, const char *name, const char *prefix, uint64_t since)
{
        g_string_truncate(f->told, 0);
        f->n_told = 0;
        return history_walk(f->state, state_lookup(f->state, name), prefix, since, on_differs, f);
}

static bool is_known(const Fixture *f, const char *name, uint64_t since)
{
        g_autofree char *text = NULL;
        int r = history_check(f->state, state_lookup(f->state, name), since, &text);

        g_assert_true(r == 0 || (r == CORE_E_HISTORY_LOST && text));
        return r == 0;
}

static void put_many(Fixture *f, unsigned n, const char *text)
{
        Commit *commit = commit_new(f->revision + 1, 1, 0, NULL);
        NamespaceChange *change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, NS);
        g_autoptr(GVariant) value = text ? changes_value(text) : NULL;

        for (unsigned i = 0; i < n; i++) {
                g_autofree char *key = g_strdup_printf("k%06u", i);

                commit_add_entry(commit, change,
                                 value ? entry_new(key, value, ENTRY_PERSISTENT)
                                       : entry_new_tombstone(key, ENTRY_PERSISTENT));
        }
        apply(f, commit);
}

/* More than is sorted: then the keys are gone through, and the answer is the same. */
static void test_many_changes(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        uint64_t since;

        put_many(f, LIMIT_HISTORY_CHANGES, "1");
        put(f, NS, "a", "1");
        put(f, NS, "k000003x", "1");
        since = f->revision;
        put_many(f, LIMIT_HISTORY_CHANGES, "2");
        put(f, NS, "k000003", NULL);
        put(f, NS, "k000003x", NULL);
        put(f, NS, "k00001x", "1");
        put(f, NS, "a", NULL);

        g_assert_cmpint(walk(f, NS, "", since), ==, 0);
        g_assert_cmpuint(f->n_told, ==, LIMIT_HISTORY_CHANGES + 3);
        g_assert_true(g_str_has_prefix(f->told->str, "-a k000000 k000001 k000002 -k000003 "
                                                     "-k000003x k000004 "));
        g_assert_cmpint(walk(f, NS, "k00001", since), ==, 0);
        g_assert_cmpuint(f->n_told, ==, 11);
        g_assert_true(g_str_has_suffix(f->told->str, "k000019 k00001x"));
        g_assert_cmpint(walk(f, NS, "b", since), ==, 0);
        g_assert_cmpstr(f->told->str, ==, "");

        f->n_told_max = 10;
        g_assert_cmpint(walk(f, NS, "", since), ==, -E2BIG);
        /* Fewer are sorted. */
        f->n_told_max = G_MAXUINT;
        g_assert_cmpint(walk(f, NS, "", f->revision - 4), ==, 0);
        g_assert_cmpstr(f->told->str, ==, "-a -k000003 -k000003x k00001x");
}

static void test_too_many_changes_end_it(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        uint64_t since;

        put_many(f, LIMIT_HISTORY_KEYS + 1, "1");
        since = f->revision;
        put_many(f, LIMIT_HISTORY_CHANGES + 1, "2");
        g_assert_cmpint(walk(f, NS, "", since), ==, CORE_E_TOO_MANY_CHANGES);
        g_assert_cmpint(walk(f, NS, "k2", since), ==, 0);
        g_assert_cmpuint(f->n_told, ==, 0);
}

static void test_oldest_tombstones_of_the_owner_go_first(Fixture *f,
                                                         gconstpointer unused G_GNUC_UNUSED)
{
        static const char *const other = "org.example.Other", *const hers = "org.example.Hers";
        uint64_t first;

        create(f, other, 4001);
        create(f, hers, 4002);
        for (int i = 0; i < 4; i++) {
                g_autofree char *key = g_strdup_printf("k%d", i);

                put(f, NS, key, "1");
                put(f, other, key, "1");
                put(f, hers, key, "1");
        }
        put(f, hers, "k0", NULL);
        first = f->revision;
        put(f, NS, "k0", NULL);
        /* Room for two. */
        state_set_tombstone_limits(f->state, 100, 2 * (sizeof(Tombstone) + 3 + 64));
        put(f, other, "k0", NULL);
        g_assert_true(is_known(f, NS, first));
        put(f, other, "k1", NULL);
        g_assert_false(is_known(f, NS, first));
        g_assert_true(is_known(f, NS, first + 1));
        g_assert_true(is_known(f, other, first));
        g_assert_true(is_known(f, hers, first - 1));
        g_assert_cmpint(walk(f, other, "", first), ==, 0);
        g_assert_cmpstr(f->told->str, ==, "-k0 -k1");

        /* What is set again gives its room back. */
        put(f, other, "k1", "1");
        put(f, NS, "k1", NULL);
        g_assert_true(is_known(f, other, first));
        /* And what is removed. */
        apply(f, changes_commit_remove(f->revision + 1, other));
        put(f, NS, "k2", NULL);
        g_assert_true(is_known(f, NS, first + 1));
        /* Another owner's room counts from then on. */
        apply(f, changes_commit_create(f->revision + 1, other, 4002));
        put(f, hers, "k1", NULL);
        g_assert_true(is_known(f, hers, first - 1));
        put(f, hers, "k2", NULL);
        g_assert_false(is_known(f, hers, first - 1));
}

static void test_no_tombstones_at_all(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        uint64_t since;

        put(f, NS, "a", "1");
        since = f->revision;
        state_set_tombstone_limits(f->state, 0, 0);
        put(f, NS, "b", "1");
        g_assert_true(is_known(f, NS, since));
        put(f, NS, "a", NULL);
        g_assert_false(is_known(f, NS, since));
        g_assert_true(is_known(f, NS, f->revision));
}

static void test_a_horizon_is_the_end(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        State *state = state_new();
        NamespaceAccess access = { .owner = 4001, .mode = NAMESPACE_MODE_STANDARD };
        Namespace *ns = state_load_namespace(state, NS, &access, 1, 9);

        state_load_tombstone(state, ns, "old", 4, true);
        state_load_tombstone(state, ns, "new", 8, false);
        state_load_tombstone(state, ns, "newer", 9, true);
        state_set_revision(state, 9);
        history_begin(state, 7);
        state_free(f->state);
        f->state = state;

        g_assert_false(is_known(f, NS, 6));
        g_assert_true(is_known(f, NS, 7));
        g_assert_false(is_known(f, NS, 10));
        g_assert_cmpint(walk(f, NS, "", 7), ==, 0);
        g_assert_cmpstr(f->told->str, ==, "-new -newer");
        g_assert_cmpint(walk(f, NS, "", 8), ==, 0);
        g_assert_cmpstr(f->told->str, ==, "-newer");
        g_assert_null(tombstones_lookup(ns, "old"));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
#define TEST(path, function) \
        g_test_add("/history/" path, Fixture, NULL, set_up, function, tear_down)
        TEST("many-changes", test_many_changes);
        TEST("too-many-changes", test_too_many_changes_end_it);
        TEST("owners", test_oldest_tombstones_of_the_owner_go_first);
        TEST("none", test_no_tombstones_at_all);
        TEST("horizon", test_a_horizon_is_the_end);
#undef TEST
        return g_test_run();
}
