/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Namespaces are walked in order from wherever one likes, and know what they hold.
 */

#include "core/namespace.h"

#include "changes.h"

#include <string.h>

static const NamespaceAccess access_of_alice = {
        .owner = 4001,
        .group = NAMESPACE_NO_GROUP,
        .mode = NAMESPACE_MODE_STANDARD,
};

static void put(Namespace *ns, const char *key, const char *text)
{
        g_autoptr(GVariant) value = changes_value(text);
        g_autoptr(Entry) entry = entry_new(key, value, ENTRY_PERSISTENT);

        namespace_put(ns, namespace_lookup(ns, entry_key(entry)), entry);
}

/* "a b c": the keys that a walk meets. */
static char *walk(const Namespace *ns, const char *prefix, const char *after)
{
        GString *keys = g_string_new(NULL);

        for (EntryNode *node = namespace_first(ns, prefix, after); node;
             node = namespace_next(node, prefix))
                g_string_append_printf(keys, "%s%s", keys->len > 0 ? " " : "",
                                       entry_key(namespace_node_entry(node)));
        return g_string_free(keys, FALSE);
}

static void assert_walk(const Namespace *ns,
                        const char *prefix,
                        const char *after,
                        const char *expected)
{
        g_autofree char *keys = walk(ns, prefix, after);

        g_assert_cmpstr(keys, ==, expected);
}

static void test_walks_begin_and_end_at_the_prefix(void)
{
        static const char *const keys[] = { "net.b", "net", "a", "net/x", "z",
                                            "neu",   "Z",   "1", "net.a" };
        g_autoptr(Namespace) ns = namespace_new("a.b", &access_of_alice, 1);

        assert_walk(ns, "", "", "");
        assert_walk(ns, "x", "y", "");
        for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
                put(ns, keys[i], "1");

        assert_walk(ns, "", "", "1 Z a net net.a net.b net/x neu z");
        assert_walk(ns, "net", "", "net net.a net.b net/x");
        assert_walk(ns, "net.", "", "net.a net.b");
        assert_walk(ns, "net.a", "", "net.a");
        assert_walk(ns, "ne", "", "net net.a net.b net/x neu");
        assert_walk(ns, "q", "", "");
        assert_walk(ns, "zz", "", "");
        assert_walk(ns, "0", "", "");
}

static void test_walks_go_on_after_a_key(void)
{
        static const char *const keys[] = { "a", "b", "ba", "bb", "c" };
        g_autoptr(Namespace) ns = namespace_new("a.b", &access_of_alice, 1);

        for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
                put(ns, keys[i], "1");

        assert_walk(ns, "", "a", "b ba bb c");
        assert_walk(ns, "", "aa", "b ba bb c");
        assert_walk(ns, "", "c", "");
        assert_walk(ns, "b", "a", "b ba bb");
        assert_walk(ns, "b", "b", "ba bb");
        assert_walk(ns, "b", "ba", "bb");
        assert_walk(ns, "b", "bab", "bb");
        assert_walk(ns, "b", "bb", "");
        assert_walk(ns, "b", "c", "");
        assert_walk(ns, "b", "z", "");
        assert_walk(ns, "c", "a", "c");
}

static int compare(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Pages of a few keys each, against a sorted array. */
static void test_pages_cover_everything_once(void)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(5);
        g_autoptr(GPtrArray) sorted = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(Namespace) ns = namespace_new("a.b", &access_of_alice, 1);
        const char *after = "";
        guint n_walked = 0;

        for (int i = 0; i < 500; i++) {
                char *key = g_strdup_printf("%x", g_rand_int(random) % 100000);

                if (namespace_lookup(ns, key)) {
                        g_free(key);
                        continue;
                }
                put(ns, key, "1");
                g_ptr_array_add(sorted, key);
        }
        g_ptr_array_sort(sorted, compare);

        for (;;) {
                EntryNode *node = namespace_first(ns, "", after);

                if (!node)
                        break;
                for (int i = 0; i < 7 && node; i++, node = namespace_next(node, "")) {
                        after = entry_key(namespace_node_entry(node));
                        g_assert_cmpstr(after, ==, sorted->pdata[n_walked++]);
                }
        }
        g_assert_cmpuint(n_walked, ==, sorted->len);
}

static void test_sums_follow_what_is_put_and_dropped(void)
{
        g_autoptr(Namespace) ns = namespace_new("a.b", &access_of_alice, 1);
        g_autofree char *long_text = g_strdup_printf("'%0500d'", 1);

        put(ns, "a", "'text'");
        g_assert_cmpuint(ns->usage, ==, 1 + 5);
        put(ns, "a", long_text);
        g_assert_cmpuint(ns->usage, ==, 1 + 501);
        put(ns, "b", "int64 1");
        g_assert_cmpuint(ns->usage, ==, 1 + 501 + 1 + 8);
        g_assert_cmpuint(namespace_n_keys(ns), ==, 2);
        g_assert_cmpuint(ns->reply_bytes, ==,
                         entry_reply_bytes(namespace_lookup(ns, "a")) +
                                 entry_reply_bytes(namespace_lookup(ns, "b")));
        namespace_drop(ns, namespace_lookup(ns, "a"));
        namespace_drop(ns, namespace_lookup(ns, "b"));
        g_assert_cmpuint(ns->usage, ==, 0);
        g_assert_cmpuint(ns->reply_bytes, ==, 0);
        g_assert_cmpuint(namespace_n_keys(ns), ==, 0);
        g_assert_null(namespace_lookup(ns, "a"));
}

static void test_readers_keep_what_they_saw(void)
{
        g_autoptr(Namespace) ns = namespace_new("a.b", &access_of_alice, 1);
        g_autoptr(Entry) seen = NULL;
        g_autoptr(GVariant) value = NULL;

        put(ns, "a", "1");
        seen = entry_ref(namespace_lookup(ns, "a"));
        put(ns, "a", "2");
        value = entry_value(seen);
        g_assert_cmpint(g_variant_get_int32(value), ==, 1);
}

static void test_a_quota_of_0_is_the_limit(void)
{
        NamespaceAccess access = access_of_alice;
        g_autoptr(Namespace) standard = namespace_new("a.b", &access, 1);
        g_autoptr(Namespace) own = NULL;

        access.quota_keys = 7;
        access.quota_bytes = 9;
        own = namespace_new("a.b", &access, 1);
        g_assert_cmpuint(namespace_quota_keys(standard, changes_limits()), ==,
                         changes_limits()->namespace_keys);
        g_assert_cmpuint(namespace_quota_bytes(standard, changes_limits()), ==,
                         changes_limits()->namespace_bytes);
        g_assert_cmpuint(namespace_quota_keys(own, changes_limits()), ==, 7);
        g_assert_cmpuint(namespace_quota_bytes(own, changes_limits()), ==, 9);
}

/* Like a file that others may read and its group may not: the group is kept out. */
static void test_public_is_what_everyone_may_read(void)
{
        static const struct {
                uint32_t mode;
                bool is_public;
        } cases[] = { { 0644, true },  { 0664, true },  { 0444, true },  { 0604, false },
                      { 0044, false }, { 0640, false }, { 0600, false }, { 0, false } };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                const NamespaceAccess access = { .mode = cases[i].mode };
                g_autoptr(Namespace) ns = namespace_new("a.b", &access, 1);

                g_assert_true(namespace_is_public(ns) == cases[i].is_public);
        }
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add_func("/namespace/" #test, test_##test)
        ADD(walks_begin_and_end_at_the_prefix);
        ADD(walks_go_on_after_a_key);
        ADD(pages_cover_everything_once);
        ADD(sums_follow_what_is_put_and_dropped);
        ADD(readers_keep_what_they_saw);
        ADD(a_quota_of_0_is_the_limit);
        ADD(public_is_what_everyone_may_read);
        return g_test_run();
}
