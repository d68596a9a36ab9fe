/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is said to differ makes the one state into the other, and is the least that does.
 */

#include "difference.h"

#include "random-value.h"

#include <json-c/json.h>
#include <string.h>

static GVariant *gvariant(const char *text)
{
        g_autoptr(GError) error = NULL;
        GVariant *value = g_variant_parse(NULL, text, NULL, NULL, &error);

        g_assert_no_error(error);
        return value;
}

/* "KEY=VALUE" in GVariant's text format; a key that begins with ! is of class runtime. */
static DumpNamespace *make(const char *const *entries)
{
        DumpNamespace *ns = dump_namespace_new("org.example.Test");

        for (; *entries; entries++) {
                const char *equals = strchr(*entries, '=');
                bool is_runtime = **entries == '!';
                const char *begin = *entries + (is_runtime ? 1 : 0);
                g_autofree char *key = g_strndup(begin, (size_t) (equals - begin));
                g_autoptr(GVariant) value = gvariant(equals + 1);

                dump_namespace_add(ns, key, value, is_runtime ? "runtime" : NULL);
        }
        dump_namespace_sort(ns);
        return ns;
}

static char *describe(const DumpNamespace *old, const DumpNamespace *new, bool is_keeping)
{
        g_autoptr(Difference) difference = difference_new();
        GString *text = g_string_new(NULL);

        difference_add(difference, old->name, old, new, is_keeping);
        for (guint i = 0; i < difference->namespaces->len; i++) {
                const DifferenceNamespace *ns = difference->namespaces->pdata[i];

                g_string_append(text, ns->is_created ? "*" : "");
                for (guint j = 0; j < ns->entries->len; j++) {
                        const DifferenceEntry *entry =
                                &g_array_index(ns->entries, DifferenceEntry, j);

                        g_string_append_printf(text, "%s%s%s ", entry->old ? "-" : "",
                                               entry->new ? "+" : "",
                                               entry->new ? entry->new->key : entry->old->key);
                }
        }
        return g_string_free(text, FALSE);
}

#define ENTRIES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NONE         ((const char *const[]){ NULL })

static void assert_difference(const char *const *old, const char *const *new, const char *wanted)
{
        g_autoptr(DumpNamespace) from = make(old);
        g_autoptr(DumpNamespace) to = make(new);
        g_autofree char *got = describe(from, to, false);

        g_assert_cmpstr(got, ==, wanted);
}

static void test_everything_that_differs_is_found(void)
{
        assert_difference(NONE, NONE, "");
        assert_difference(ENTRIES("a=1", "b=2"), ENTRIES("a=1", "b=2"), "");
        assert_difference(NONE, ENTRIES("a=1", "b=2"), "+a +b ");
        assert_difference(ENTRIES("a=1", "b=2"), NONE, "-a -b ");
        assert_difference(ENTRIES("a=1", "c=2", "e=3"), ENTRIES("b=1", "c=3", "d=4"),
                          "-a +b -+c +d -e ");
}

static void test_types_and_bits_and_classes_count(void)
{
        assert_difference(ENTRIES("a=1"), ENTRIES("a=uint32 1"), "-+a ");
        assert_difference(ENTRIES("a=@as []"), ENTRIES("a=@ai []"), "-+a ");
        assert_difference(ENTRIES("a=''"), ENTRIES("a=objectpath '/'"), "-+a ");
        assert_difference(ENTRIES("a=0.0"), ENTRIES("a=-0.0"), "-+a ");
        assert_difference(ENTRIES("a=nan"), ENTRIES("a=nan"), "");
        assert_difference(ENTRIES("a=1"), ENTRIES("!a=1"), "-+a ");
        assert_difference(ENTRIES("a=<1>"), ENTRIES("a=<uint32 1>"), "-+a ");
        assert_difference(ENTRIES("a={'x': <1>}"), ENTRIES("a={'x': <1>}"), "");
}

static void test_what_is_kept_is_no_difference(void)
{
        g_autoptr(DumpNamespace) old = make(ENTRIES("a=1", "b=2"));
        g_autoptr(DumpNamespace) new = make(ENTRIES("b=3"));
        g_autofree char *got = describe(old, new, true);

        g_assert_cmpstr(got, ==, "-+b ");
}

static void test_an_absent_namespace_differs_from_an_empty_one(void)
{
        g_autoptr(DumpNamespace) absent = make(NONE);
        g_autoptr(DumpNamespace) empty = make(NONE);
        g_autofree char *created = NULL;
        g_autofree char *gone = NULL;

        absent->is_absent = true;
        created = describe(absent, empty, false);
        gone = describe(empty, absent, false);
        g_assert_cmpstr(created, ==, "*");
        g_assert_cmpstr(gone, ==, "");
}

/* A key twice, with a value that is one of few, so that some are equal. */
static DumpNamespace *random_namespace(GRand *random)
{
        static const char *const values[] = { "1", "2", "'x'" };
        DumpNamespace *ns = dump_namespace_new("org.example.Test");

        for (int i = 0; i < 40; i++) {
                g_autofree char *key = g_strdup_printf("k%d", i);

                if (g_rand_boolean(random))
                        dump_namespace_add(ns, key,
                                           gvariant(values[g_rand_int_range(random, 0, 3)]),
                                           g_rand_boolean(random) ? "runtime" : NULL);
        }
        dump_namespace_sort(ns);
        return ns;
}

static bool is_same(const DumpEntry *a, const DumpEntry *b)
{
        if (!a || !b)
                return a == b;
        return g_variant_equal(a->value, b->value) && a->memory_class == b->memory_class;
}

static void test_random_states_are_made_into_each_other(void)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(34);

        for (int i = 0; i < 500; i++) {
                g_autoptr(DumpNamespace) old = random_namespace(random);
                g_autoptr(DumpNamespace) new = random_namespace(random);
                g_autoptr(Difference) difference = difference_new();
                const DifferenceNamespace *ns;
                guint n = 0;

                difference_add(difference, old->name, old, new, false);
                g_assert_cmpuint(difference->namespaces->len, ==, 1);
                ns = difference->namespaces->pdata[0];
                for (int j = 0; j < 40; j++) {
                        g_autofree char *key = g_strdup_printf("k%d", j);

                        n += !is_same(dump_namespace_find(old, key), dump_namespace_find(new, key));
                }
                g_assert_cmpuint(ns->entries->len, ==, n);
                g_assert_cmpuint(difference->n_set + difference->n_unset, ==, n);
                for (guint j = 0; j < ns->entries->len; j++) {
                        const DifferenceEntry *entry =
                                &g_array_index(ns->entries, DifferenceEntry, j);
                        const char *key = entry->new ? entry->new->key : entry->old->key;

                        g_assert_true(entry->old == dump_namespace_find(old, key));
                        g_assert_true(entry->new == dump_namespace_find(new, key));
                }
        }
}

static void test_the_document_has_both_sides(void)
{
        g_autoptr(DumpNamespace) old = make(ENTRIES("a=1", "b=2"));
        g_autoptr(DumpNamespace) new = make(ENTRIES("!b=2", "c=3"));
        g_autoptr(Difference) difference = difference_new();
        json_object *document;

        difference_add(difference, old->name, old, new, false);
        document = difference_to_json(difference);
        g_assert_cmpstr(json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN), ==,
                        "{\"org.example.Test\":{"
                        "\"a\":{\"old\":{\"type\":\"i\",\"data\":1},\"new\":null},"
                        "\"b\":{\"old\":{\"type\":\"i\",\"data\":2},"
                        "\"new\":{\"type\":\"i\",\"data\":2,\"class\":\"runtime\"}},"
                        "\"c\":{\"old\":null,\"new\":{\"type\":\"i\",\"data\":3}}}}");
        json_object_put(document);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add_func("/difference/" #test, test_##test)
        ADD(everything_that_differs_is_found);
        ADD(types_and_bits_and_classes_count);
        ADD(what_is_kept_is_no_difference);
        ADD(an_absent_namespace_differs_from_an_empty_one);
        ADD(random_states_are_made_into_each_other);
        ADD(the_document_has_both_sides);
        return g_test_run();
}
