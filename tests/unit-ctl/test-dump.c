/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A dump goes to text and comes back the same; a text that is no dump is refused, and where it is wrong is named.
 */

#include "dump.h"

#include "random-value.h"

#include <string.h>

static Dump *parse(const char *text)
{
        g_autoptr(Failure) failure = NULL;
        Dump *dump = NULL;

        if (!dump_parse(text, strlen(text), &dump, &failure))
                g_error("%s: %s", text, failure->text);
        return dump;
}

static DumpNamespace *random_namespace(GRand *random, const char *name)
{
        static const char *const classes[] = { NULL, "runtime", "session" };
        DumpNamespace *ns = dump_namespace_new(name);

        for (int i = g_rand_int_range(random, 0, 30); i > 0; i--) {
                g_autofree char *key =
                        g_strdup_printf("key-%d/%d", g_rand_int_range(random, 0, 1000), i);

                dump_namespace_add(ns, key, random_value(random),
                                   classes[g_rand_int_range(random, 0, G_N_ELEMENTS(classes))]);
        }
        dump_namespace_sort(ns);
        if (g_rand_boolean(random)) {
                ns->access.owner = g_strdup("router");
                ns->access.group = g_strdup("none");
                ns->access.mode = 0640;
                ns->access.has_mode = true;
                ns->access.quota_bytes = G_MAXUINT64;
        }
        return ns;
}

static Dump *random_dump(GRand *random)
{
        Dump *dump = dump_new();

        dump->revision = g_rand_int(random);
        for (int i = g_rand_int_range(random, 0, 5); i > 0; i--) {
                g_autofree char *name = g_strdup_printf("org.example.N%d", i);

                dump_add(dump, random_namespace(random, name));
        }
        dump_sort(dump);
        return dump;
}

static void assert_same_entry(const DumpEntry *got, const DumpEntry *wanted)
{
        g_autoptr(GVariant) normal = g_variant_get_normal_form(wanted->value);
        g_autoptr(GVariant) got_normal = g_variant_get_normal_form(got->value);

        g_assert_cmpstr(got->key, ==, wanted->key);
        g_assert_cmpstr(got->memory_class, ==, wanted->memory_class);
        g_assert_cmpstr(g_variant_get_type_string(got->value), ==,
                        g_variant_get_type_string(wanted->value));
        g_assert_cmpmem(g_variant_get_data(got_normal), g_variant_get_size(got_normal),
                        g_variant_get_data(normal), g_variant_get_size(normal));
}

static void assert_same_namespace(const DumpNamespace *got, const DumpNamespace *wanted)
{
        g_assert_cmpstr(got->name, ==, wanted->name);
        g_assert_cmpstr(got->access.owner, ==, wanted->access.owner);
        g_assert_cmpstr(got->access.group, ==, wanted->access.group);
        g_assert_cmpint(got->access.has_mode, ==, wanted->access.has_mode);
        g_assert_cmpuint(got->access.mode, ==, wanted->access.mode);
        g_assert_cmpuint(got->access.quota_keys, ==, wanted->access.quota_keys);
        g_assert_cmpuint(got->access.quota_bytes, ==, wanted->access.quota_bytes);
        g_assert_cmpuint(got->entries->len, ==, wanted->entries->len);
        for (guint i = 0; i < got->entries->len; i++)
                assert_same_entry(got->entries->pdata[i], wanted->entries->pdata[i]);
}

static void test_dumps_round_trip(void)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(33);

        for (int i = 0; i < 300; i++) {
                g_autoptr(Dump) dump = random_dump(random);
                g_autofree char *text = dump_print(dump, i % 2 == 0);
                g_autoptr(Dump) back = parse(text);

                g_assert_cmpuint(back->revision, ==, dump->revision);
                g_assert_cmpuint(back->namespaces->len, ==, dump->namespaces->len);
                for (guint j = 0; j < dump->namespaces->len; j++)
                        assert_same_namespace(back->namespaces->pdata[j],
                                              dump->namespaces->pdata[j]);
        }
}

static void test_one_entry_a_line_in_order(void)
{
        g_autoptr(Dump) dump = parse(
                "{\"regent-dump\":1,\"revision\":7,\"namespaces\":{\"org.example.B\":{\"entries\":{}},"
                "\"org.example.A\":{\"access\":{\"mode\":\"0640\",\"owner\":\"root\"},\"entries\":{"
                "\"b\":{\"type\":\"ay\",\"data\":[1,2]},\"a\":{\"data\":1,\"type\":\"u\","
                "\"class\":\"runtime\"}}}}}");
        g_autofree char *text = dump_print(dump, false);
        g_autofree char *line = dump_print(dump, true);

        g_assert_cmpstr(text, ==,
                        "{\n"
                        "  \"regent-dump\": 1,\n"
                        "  \"revision\": 7,\n"
                        "  \"namespaces\": {\n"
                        "    \"org.example.A\": {\n"
                        "      \"access\": {\"owner\":\"root\",\"mode\":\"0640\"},\n"
                        "      \"entries\": {\n"
                        "        \"a\": {\"type\":\"u\",\"data\":1,\"class\":\"runtime\"},\n"
                        "        \"b\": {\"type\":\"ay\",\"data\":[1,2]}\n"
                        "      }\n"
                        "    },\n"
                        "    \"org.example.B\": {\n"
                        "      \"entries\": {}\n"
                        "    }\n"
                        "  }\n"
                        "}\n");
        g_assert_cmpuint(strcspn(line, "\n"), ==, strlen(line) - 1);
}

static void test_lookups_find_what_is_there(void)
{
        g_autoptr(Dump) dump = parse("{\"regent-dump\":1,\"namespaces\":{\"c.c\":{\"entries\":{"
                                     "\"k3\":{\"type\":\"i\",\"data\":3},\"k1\":{\"type\":\"i\","
                                     "\"data\":1}}},\"a.a\":{},\"b.b\":{}}}");
        const DumpNamespace *ns = dump_find(dump, "c.c");

        g_assert_nonnull(ns);
        g_assert_nonnull(dump_find(dump, "a.a"));
        g_assert_nonnull(dump_find(dump, "b.b"));
        g_assert_null(dump_find(dump, "b.a"));
        g_assert_null(dump_find(dump, ""));
        g_assert_cmpint(g_variant_get_int32(dump_namespace_find(ns, "k3")->value), ==, 3);
        g_assert_cmpint(g_variant_get_int32(dump_namespace_find(ns, "k1")->value), ==, 1);
        g_assert_null(dump_namespace_find(ns, "k2"));
        g_assert_null(dump_namespace_find(dump_find(dump, "a.a"), "k1"));
}

typedef struct Wrong {
        const char *namespaces; /* what stands in "namespaces" */
        const char *why;        /* a part of the error */
} Wrong;

static void test_what_is_no_dump_is_refused(void)
{
        static const Wrong wrong[] = {
                { "[]", "namespaces: expected an object of namespaces" },
                { "{\"a.b\":1}", "namespaces: a.b: expected an object" },
                { "{\"a.b\":{\"x\":1}}", "a.b: x: this name is not expected" },
                { "{\"a.b\":{\"entries\":[]}}", "entries: expected an object of entries" },
                { "{\"a.b\":{\"entries\":{\"k\":1}}}", "a.b: entries: k: expected a value as" },
                { "{\"a.b\":{\"entries\":{\"k\":{\"type\":\"u\",\"data\":-1}}}}", "k: -1 is out" },
                { "{\"a.b\":{\"entries\":{\"k\":{\"type\":\"u\",\"data\":1,\"class\":\"x\"}}}}",
                  "'x' is no class" },
                { "{\"a.b\":{\"entries\":{\"k\":{\"type\":\"u\",\"data\":1,\"class\":1}}}}",
                  "expected a class" },
                { "{\"a.b\":{\"entries\":{\"k\":{\"type\":\"u\",\"data\":1,\"revision\":1}}}}",
                  "expected a value as" },
                { "{\"a.b\":{\"access\":{\"mode\":420}}}", "access: mode: expected a string" },
                { "{\"a.b\":{\"access\":{\"mode\":\"0999\"}}}", "'0999' is no mode" },
                { "{\"a.b\":{\"access\":{\"quota-keys\":-1}}}", "expected a number" },
                { "{\"a.b\":{\"access\":{\"other\":1}}}", "not expected" },
        };
        static const char *const documents[] = {
                "1",
                "{}",
                "{\"regent-dump\":1}",
                "{\"namespaces\":{}}",
                "{\"regent-dump\":2,\"namespaces\":{}}",
                "{\"regent-dump\":\"1\",\"namespaces\":{}}",
                "{\"regent-dump\":1,\"namespaces\":{},\"more\":1}",
                "{\"regent-dump\":1,\"namespaces\":{},\"revision\":-1}",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autofree char *text = g_strdup_printf("{\"regent-dump\":1,\"namespaces\":%s}",
                                                        wrong[i].namespaces);
                g_autoptr(Failure) failure = NULL;
                Dump *dump = NULL;

                if (dump_parse(text, strlen(text), &dump, &failure))
                        g_error("%s was taken", text);
                g_assert_cmpint(failure->status, ==, EXIT_INVALID);
                if (!strstr(failure->text, wrong[i].why))
                        g_error("%s: %s", text, failure->text);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(documents); i++) {
                g_autoptr(Failure) failure = NULL;
                Dump *dump = NULL;

                if (dump_parse(documents[i], strlen(documents[i]), &dump, &failure))
                        g_error("%s was taken", documents[i]);
                g_assert_cmpint(failure->status, ==, EXIT_INVALID);
        }
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add_func("/dump/" #test, test_##test)
        ADD(dumps_round_trip);
        ADD(one_entry_a_line_in_order);
        ADD(lookups_find_what_is_there);
        ADD(what_is_no_dump_is_refused);
        return g_test_run();
}
