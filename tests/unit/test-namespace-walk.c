/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readers see what is stored and, where nothing is, the defaults: in order, each key once, from
 * wherever they begin.
 */

#include "core/namespace-walk.h"

#include "changes.h"
#include "declared.h"

#include <string.h>

typedef struct Fixture {
        State *state;
        uint64_t revision;
} Fixture;

static const Namespace *ns_of(const Fixture *f)
{
        return state_lookup(f->state, "a.b");
}

static void apply(Fixture *f, Commit *commit)
{
        g_autoptr(Commit) owned = commit;

        state_apply(f->state, owned);
}

/* @text NULL: deletes. */
static void put(Fixture *f, const char *key, const char *text)
{
        apply(f, changes_commit_entry(++f->revision, "a.b", key, text, ENTRY_PERSISTENT));
}

static void set_up(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->state = state_new();
        f->revision = 1;
        apply(f, changes_commit_create(1, "a.b", 4001));
}

static void tear_down(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        state_free(f->state);
}

/* "k=1 l=2*": what a walk meets; the star is for a default. */
static char *walk_all(const Namespace *ns,
                      const char *prefix,
                      const char *after,
                      NamespaceWalkOnly only)
{
        GString *text = g_string_new(NULL);
        NamespaceWalk walk;
        Entry *entry;

        namespace_walk_begin(&walk, ns, prefix, after, only);
        while ((entry = namespace_walk_next(&walk))) {
                g_autoptr(GVariant) value = entry_value(entry);
                g_autofree char *shown = g_variant_print(value, FALSE);

                g_string_append_printf(text, "%s%s=%s%s", text->len > 0 ? " " : "",
                                       entry_key(entry), shown,
                                       entry_is_fallback(entry) ? "*" : "");
        }
        return g_string_free(text, FALSE);
}

static void assert_walk(const Fixture *f,
                        const char *prefix,
                        const char *after,
                        NamespaceWalkOnly only,
                        const char *expected)
{
        g_autofree char *text = walk_all(ns_of(f), prefix, after, only);

        g_assert_cmpstr(text, ==, expected);
}

static void declare_three(Fixture *f)
{
        Declaration *declaration = declared_new();

        declared_add(declaration, "m/b", "2");
        declared_add(declaration, "a", "1");
        declared_add(declaration, "z", "3");
        declared_add(declaration, "q", NULL);
        declared_add(declaration, "m*", NULL);
        declared_put(f->state, "a.b", declaration);
}

static void test_defaults_stand_where_nothing_is_set(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        declare_three(f);
        assert_walk(f, "", "", NAMESPACE_WALK_ALL, "a=1* m/b=2* z=3*");
        put(f, "m/a", "7");
        put(f, "m/b", "8");
        put(f, "zz", "9");
        assert_walk(f, "", "", NAMESPACE_WALK_ALL, "a=1* m/a=7 m/b=8 z=3* zz=9");
        assert_walk(f, "m/", "", NAMESPACE_WALK_ALL, "m/a=7 m/b=8");
        assert_walk(f, "z", "", NAMESPACE_WALK_ALL, "z=3* zz=9");
        assert_walk(f, "", "m/a", NAMESPACE_WALK_ALL, "m/b=8 z=3* zz=9");
        assert_walk(f, "", "z", NAMESPACE_WALK_ALL, "zz=9");
        assert_walk(f, "m", "a", NAMESPACE_WALK_ALL, "m/a=7 m/b=8");
        assert_walk(f, "m", "n", NAMESPACE_WALK_ALL, "");
        assert_walk(f, "b", "", NAMESPACE_WALK_ALL, "");
        put(f, "m/b", NULL);
        assert_walk(f, "m", "", NAMESPACE_WALK_ALL, "m/a=7 m/b=2*");
}

static void test_only_what_is_set_or_changed(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        declare_three(f);
        put(f, "a", "1");
        put(f, "m/b", "5");
        put(f, "n", "6");
        assert_walk(f, "", "", NAMESPACE_WALK_ALL, "a=1 m/b=5 n=6 z=3*");
        assert_walk(f, "", "", NAMESPACE_WALK_SET, "a=1 m/b=5 n=6");
        assert_walk(f, "", "", NAMESPACE_WALK_CHANGED, "m/b=5 n=6");
        g_assert_nonnull(namespace_read(ns_of(f), "a", NAMESPACE_WALK_SET));
        g_assert_null(namespace_read(ns_of(f), "a", NAMESPACE_WALK_CHANGED));
        g_assert_nonnull(namespace_read(ns_of(f), "n", NAMESPACE_WALK_CHANGED));
        g_assert_null(namespace_read(ns_of(f), "z", NAMESPACE_WALK_SET));
        g_assert_true(entry_is_fallback(namespace_read(ns_of(f), "z", NAMESPACE_WALK_ALL)));
        g_assert_null(namespace_read(ns_of(f), "q", NAMESPACE_WALK_ALL));
        /* A value of another type is another value. */
        put(f, "a", "'1'");
        assert_walk(f, "", "", NAMESPACE_WALK_CHANGED, "a='1' m/b=5 n=6");
}

static void test_without_a_declaration_there_is_what_is_set(Fixture *f,
                                                            gconstpointer unused G_GNUC_UNUSED)
{
        put(f, "a", "1");
        assert_walk(f, "", "", NAMESPACE_WALK_ALL, "a=1");
        assert_walk(f, "", "", NAMESPACE_WALK_CHANGED, "a=1");
        g_assert_null(namespace_read(ns_of(f), "z", NAMESPACE_WALK_ALL));
        g_assert_nonnull(namespace_read(ns_of(f), "a", NAMESPACE_WALK_CHANGED));
}

static void test_a_declaration_comes_and_goes(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        put(f, "a", "5");
        declare_three(f);
        apply(f, changes_commit_remove(++f->revision, "a.b"));
        apply(f, changes_commit_create(++f->revision, "a.b", 4001));
        assert_walk(f, "", "", NAMESPACE_WALK_ALL, "a=1* m/b=2* z=3*");
        put(f, "a", "5");
        declared_put(f->state, "c.d", declared_new());
        assert_walk(f, "", "", NAMESPACE_WALK_ALL, "a=5");
        g_assert_cmpuint(ns_of(f)->fallback_bytes, ==, 0);
}

static uint64_t sum_of_reply_bytes(const Namespace *ns)
{
        uint64_t sum = 0;
        NamespaceWalk walk;
        Entry *entry;

        namespace_walk_begin(&walk, ns, "", "", NAMESPACE_WALK_ALL);
        while ((entry = namespace_walk_next(&walk)))
                sum += entry_reply_bytes(entry);
        return sum;
}

/* Keys "aa" to "dd", by their number. */
static char *key_of(int i)
{
        return g_strdup_printf("%c%c", 'a' + i / 4, 'a' + i % 4);
}

typedef struct Model {
        int defaults[16]; /* -1: none */
        int stored[16];
} Model;

static char *walk_model(const Model *model,
                        const char *prefix,
                        const char *after,
                        NamespaceWalkOnly only)
{
        GString *text = g_string_new(NULL);

        for (int i = 0; i < 16; i++) {
                g_autofree char *key = key_of(i);
                bool is_stored = model->stored[i] >= 0;
                int value = is_stored ? model->stored[i] : model->defaults[i];

                if (value < 0 || !g_str_has_prefix(key, prefix) || strcmp(key, after) <= 0)
                        continue;
                if (only != NAMESPACE_WALK_ALL && !is_stored)
                        continue;
                if (only == NAMESPACE_WALK_CHANGED && value == model->defaults[i])
                        continue;
                g_string_append_printf(text, "%s%s=%d%s", text->len > 0 ? " " : "", key, value,
                                       is_stored ? "" : "*");
        }
        return g_string_free(text, FALSE);
}

static void declare_randomly(Fixture *f, Model *model, GRand *random)
{
        Declaration *declaration = declared_new();

        for (int i = 0; i < 16; i++) {
                g_autofree char *key = key_of(i);
                g_autofree char *text = NULL;

                model->defaults[i] = g_rand_int_range(random, -1, 3);
                text = g_strdup_printf("%d", model->defaults[i]);
                if (model->defaults[i] >= 0)
                        declared_add(declaration, key, text);
        }
        declared_put(f->state, "a.b", declaration);
}

static void store_randomly(Fixture *f, Model *model, GRand *random)
{
        int i = g_rand_int_range(random, 0, 16), value = g_rand_int_range(random, -1, 3);
        g_autofree char *key = key_of(i);
        g_autofree char *text = g_strdup_printf("%d", value);

        if (value >= 0 || model->stored[i] >= 0)
                put(f, key, value < 0 ? NULL : text);
        model->stored[i] = value;
}

static void test_walks_are_those_of_a_model(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        static const char *const places[] = { "", "a", "b", "ba", "bz", "c", "cd", "d", "dd", "e" };
        g_autoptr(GRand) random = g_rand_new_with_seed(11);
        Model model;

        for (int i = 0; i < 16; i++)
                model.defaults[i] = model.stored[i] = -1;

        for (int i = 0; i < 3000; i++) {
                const char *prefix = places[g_rand_int_range(random, 0, G_N_ELEMENTS(places))];
                const char *after = places[g_rand_int_range(random, 0, G_N_ELEMENTS(places))];

                if (i % 50 == 49)
                        declare_randomly(f, &model, random);
                store_randomly(f, &model, random);
                for (int only = NAMESPACE_WALK_ALL; only <= NAMESPACE_WALK_CHANGED; only++) {
                        g_autofree char *expected =
                                walk_model(&model, prefix, after, (NamespaceWalkOnly) only);

                        assert_walk(f, prefix, after, (NamespaceWalkOnly) only, expected);
                }
                g_assert_cmpuint(namespace_reply_bytes(ns_of(f)), ==, sum_of_reply_bytes(ns_of(f)));
        }
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) \
        g_test_add("/namespace-walk/" #test, Fixture, NULL, set_up, test_##test, tear_down)
        ADD(defaults_stand_where_nothing_is_set);
        ADD(only_what_is_set_or_changed);
        ADD(without_a_declaration_there_is_what_is_set);
        ADD(a_declaration_comes_and_goes);
        ADD(walks_are_those_of_a_model);
        return g_test_run();
}
