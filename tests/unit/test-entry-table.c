/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entry table: against a tree, with keys that begin alike, that are another's beginning, and many
 */

#include "core/entry-table.h"

#include <string.h>

#define N_SEEDS   20u
#define N_CHANGES 4000u

static int compare_keys(gconstpointer a, gconstpointer b, gpointer unused G_GNUC_UNUSED)
{
        return strcmp(a, b);
}

static void entry_destroy(gpointer entry)
{
        entry_unref(entry);
}

static Entry *entry_of(const char *key, uint64_t revision)
{
        g_autoptr(GVariant) value = g_variant_ref_sink(g_variant_new_string("v"));
        Entry *entry = entry_new(key, value, ENTRY_PERSISTENT);

        entry->revision = revision;
        return entry;
}

/* Short ones are often equal; long ones differ in their last byte, or in one of the first. */
static void random_key(GRand *random, char *ret_key)
{
        static const char letters[] = "aZ09-_./:";
        size_t n_begin = (size_t) g_rand_int_range(random, 0, 4) * 9;
        size_t n = n_begin + (size_t) g_rand_int_range(random, 1, 5);

        memset(ret_key, 'm', n_begin);
        for (size_t i = n_begin; i < n; i++)
                ret_key[i] = letters[g_rand_int_range(random, 0, sizeof letters - 1)];
        ret_key[n] = '\0';
}

static void put(EntryTable *table, GTree *tree, const char *key, uint64_t revision)
{
        Entry *entry = entry_of(key, revision);

        if (revision % 2 == 0) {
                entry_table_put(table, entry);
        } else {
                uint64_t hash;
                Entry **place;
                g_autoptr(Entry) before = NULL;

                entry_table_fetch(table, &entry, 1, &hash);
                place = entry_table_place(table, entry, hash);
                before = *place;
                g_assert_true(before == g_tree_lookup(tree, key));
                entry_table_fill(table, place, entry_ref(entry), hash);
        }
        g_tree_replace(tree, entry->text, entry);
}

static void assert_sorted(EntryTable *table, GTree *tree)
{
        GTreeNode *node = g_tree_node_first(tree);
        size_t n;
        g_autofree Entry **sorted = entry_table_take_sorted(table, &n);

        g_assert_cmpuint(n, ==, (guint) g_tree_nnodes(tree));
        for (size_t i = 0; i < n; i++, node = g_tree_node_next(node)) {
                g_assert_true(sorted[i] == g_tree_node_value(node));
                entry_unref(sorted[i]);
        }
        g_assert_cmpuint(entry_table_size(table), ==, 0);
        g_assert_null(entry_table_lookup(table, "m"));
}

static void test_it_is_what_a_tree_is(void)
{
        for (guint32 seed = 0; seed < N_SEEDS; seed++) {
                GRand *random = g_rand_new_with_seed(seed);
                g_autoptr(EntryTable) table = entry_table_new();
                g_autoptr(GTree) tree = g_tree_new_full(compare_keys, NULL, NULL, entry_destroy);
                guint n_changes = N_CHANGES >> (seed % 5 * 2);

                for (unsigned i = 0; i < n_changes; i++) {
                        char key[64];

                        random_key(random, key);
                        if (g_rand_int_range(random, 0, 3) > 0) {
                                put(table, tree, key, i + 1);
                        } else {
                                entry_table_remove(table, key);
                                g_tree_remove(tree, key);
                        }
                        random_key(random, key);
                        g_assert_true(entry_table_lookup(table, key) == g_tree_lookup(tree, key));
                        g_assert_cmpuint(entry_table_size(table), ==, (guint) g_tree_nnodes(tree));
                }
                assert_sorted(table, tree);
                g_rand_free(random);
        }
}

static void test_an_empty_one_is_sorted(void)
{
        g_autoptr(EntryTable) table = entry_table_new();
        g_autoptr(GTree) tree = g_tree_new_full(compare_keys, NULL, NULL, entry_destroy);

        entry_table_remove(table, "k");
        assert_sorted(table, tree);

        put(table, tree, "k", 1);
        put(table, tree, "k", 2);
        entry_table_remove(table, "l");
        assert_sorted(table, tree);
}

static void test_what_comes_in_order_stays_in_order(void)
{
        for (unsigned n = 0; n < 40; n++) {
                g_autoptr(EntryTable) table = entry_table_new();
                g_autoptr(GTree) tree = g_tree_new_full(compare_keys, NULL, NULL, entry_destroy);

                for (unsigned i = 0; i < n; i++) {
                        g_autofree char *key = g_strdup_printf("key-%03u", i);

                        g_assert_null(entry_table_lookup(table, key));
                        put(table, tree, key, 2 * i);
                        g_assert_true(entry_table_lookup(table, key) == g_tree_lookup(tree, key));
                }
                if (n % 4 == 1)
                        put(table, tree, "key-000", 3);
                if (n % 4 == 2)
                        put(table, tree, "key-0000", 4);
                if (n % 4 == 3) {
                        entry_table_remove(table, "key-001");
                        g_tree_remove(tree, "key-001");
                }
                assert_sorted(table, tree);
        }
}

static void test_many_are_sorted(void)
{
        g_autoptr(EntryTable) table = entry_table_new();
        g_autoptr(GTree) tree = g_tree_new_full(compare_keys, NULL, NULL, entry_destroy);

        for (unsigned i = 0; i < 20000; i++) {
                g_autofree char *key = g_strdup_printf("key-%u", i * 7919 % 20011);

                put(table, tree, key, i + 1);
        }
        assert_sorted(table, tree);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/entry-table/it-is-what-a-tree-is", test_it_is_what_a_tree_is);
        g_test_add_func("/entry-table/an-empty-one-is-sorted", test_an_empty_one_is_sorted);
        g_test_add_func("/entry-table/what-comes-in-order-stays-in-order",
                        test_what_comes_in_order_stays_in_order);
        g_test_add_func("/entry-table/many-are-sorted", test_many_are_sorted);

        return g_test_run();
}
