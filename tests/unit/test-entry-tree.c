/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entry tree: the same as a GTree of the same keys, whatever is put and removed
 */

#include "core/entry-tree.h"

#include <stdio.h>
#include <string.h>

typedef struct Pair {
        EntryTree *tree;
        GTree *model; /* key (in the entry) -> owned Entry, the same as the tree's */
} Pair;

static int compare_keys(gconstpointer a, gconstpointer b, gpointer unused G_GNUC_UNUSED)
{
        return strcmp(a, b);
}

static void destroy(gpointer entry)
{
        entry_unref(entry);
}

static Pair pair_new(void)
{
        return (Pair){ entry_tree_new(), g_tree_new_full(compare_keys, NULL, NULL, destroy) };
}

static void pair_clear(Pair *pair)
{
        GTreeNode *node = g_tree_node_first(pair->model);

        /* The tree lets go of every entry, once. */
        entry_tree_free(pair->tree);
        for (; node; node = g_tree_node_next(node))
                g_assert_cmpuint(((Entry *) g_tree_node_value(node))->n_refs, ==, 1);
        g_tree_unref(pair->model);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pair, pair_clear)

static void pair_put(Pair *pair, const char *key)
{
        g_autoptr(GVariant) value = g_variant_ref_sink(g_variant_new_uint32(g_random_int()));
        Entry *entry = entry_new(key, value, ENTRY_PERSISTENT);

        g_tree_replace(pair->model, entry->text, entry_ref(entry));
        entry_tree_put(pair->tree, entry);
}

static void pair_remove(Pair *pair, const char *key)
{
        entry_tree_remove(pair->tree, key);
        g_tree_remove(pair->model, key);
}

static void check_node(EntryNode *node, GTreeNode *expected)
{
        g_assert_true((node == NULL) == (expected == NULL));
        if (node)
                g_assert_true(*node == g_tree_node_value(expected));
}

static void check_key(Pair *pair, const char *key)
{
        g_assert_true(entry_tree_lookup(pair->tree, key) == g_tree_lookup(pair->model, key));
        check_node(entry_tree_lower_bound(pair->tree, key), g_tree_lower_bound(pair->model, key));
        check_node(entry_tree_upper_bound(pair->tree, key), g_tree_upper_bound(pair->model, key));
}

static void check_all(Pair *pair)
{
        EntryNode *node = entry_tree_lower_bound(pair->tree, "");
        GTreeNode *expected = g_tree_node_first(pair->model);

        for (; expected; expected = g_tree_node_next(expected)) {
                g_assert_nonnull(node);
                check_node(node, expected);
                check_key(pair, entry_key(*node));
                node = entry_node_next(node);
        }
        g_assert_null(node);
        g_assert_cmpuint(entry_tree_n_entries(pair->tree), ==,
                         (uint64_t) g_tree_nnodes(pair->model));
}

/* Keys of one kind each: alike at first, alike for long, of all lengths, each the beginning of more. */
static void make_key(char *key, gulong size, unsigned kind)
{
        static const char *const roots[] = { "", "a", "b/", "zz", "bench/key-" };
        guint n = (guint) g_test_rand_int_range(0, 4000);
        char fill[256];

        switch (kind) {
        case 0:
                g_snprintf(key, size, "bench/key-%010u", n);
                return;
        case 1: /* more than a node can leave out */
                memset(fill, 'x', sizeof fill);
                g_snprintf(key, size, "%.*s%u", g_test_rand_int_range(60, 90), fill, n);
                return;
        case 2:
                memset(fill, "abc"[n % 3], sizeof fill);
                g_snprintf(key, size, "%.*s", g_test_rand_int_range(1, 256), fill);
                return;
        default:
                g_snprintf(key, size, "%s%x", roots[n % G_N_ELEMENTS(roots)], n);
        }
}

/* Grows, is overwritten, shrinks to nothing and grows again. */
static void test_model(gconstpointer userdata)
{
        unsigned kind = GPOINTER_TO_UINT(userdata);
        g_auto(Pair) pair = pair_new();

        for (unsigned i = 0; i < 30000; i++) {
                bool is_growing = i / 5000 % 2 == 0;
                char key[256];

                make_key(key, sizeof key, kind < 4 ? kind : (unsigned) g_test_rand_int_range(0, 4));
                if (g_test_rand_int_range(0, 10) < (is_growing ? 8 : 1))
                        pair_put(&pair, key);
                else
                        pair_remove(&pair, key);
                check_key(&pair, key);
                if (i % 2500 == 0)
                        check_all(&pair);
        }
        check_all(&pair);

        while (g_tree_nnodes(pair.model) > 0) {
                GTreeNode *node = g_tree_node_first(pair.model);
                g_autofree char *key = g_strdup(g_tree_node_key(node));

                pair_remove(&pair, key);
                if (g_tree_nnodes(pair.model) % 256 == 0)
                        check_all(&pair);
        }
        pair_put(&pair, "again");
        check_all(&pair);
}

static void put_number(Pair *pair, guint n)
{
        char key[32];

        g_snprintf(key, sizeof key, "key/%08u", n);
        pair_put(pair, key);
}

static void remove_number(Pair *pair, guint n)
{
        char key[32];

        g_snprintf(key, sizeof key, "key/%08u", n);
        pair_remove(pair, key);
}

/* Several levels; whole branches go from the front, from the end, and from within. */
static void test_keys_in_order_come_and_go(void)
{
        enum { N = 40000 };
        g_auto(Pair) pair = pair_new();

        for (guint i = 0; i < N; i++)
                put_number(&pair, i);
        check_all(&pair);
        for (guint i = 0; i < N / 4; i++)
                remove_number(&pair, i);
        check_all(&pair);
        for (guint i = N; i > 3 * N / 4; i--)
                remove_number(&pair, i - 1);
        check_all(&pair);
        for (guint i = 5 * N / 12; i < 7 * N / 12; i++)
                remove_number(&pair, i);
        check_all(&pair);
        for (guint i = N; i > 0; i--)
                put_number(&pair, i - 1);
        check_all(&pair);
        for (guint i = 0; i < N; i++)
                if (i % 100 != 0)
                        remove_number(&pair, i);
        check_all(&pair);
}

/* It reads ahead and changes nothing, whether the keys are there or not, in a tree of any size. */
static void test_prefetching_is_harmless(void)
{
        g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(destroy);
        g_auto(Pair) pair = pair_new();

        for (unsigned i = 0; i < ENTRY_TREE_PREFETCH_MAX; i++) {
                char key[256];

                make_key(key, sizeof key, i % 4);
                g_ptr_array_add(entries, entry_new_tombstone(key, ENTRY_PERSISTENT));
        }
        for (guint i = 0; i < 6000; i++) {
                if (i < 3 || i % 500 == 0)
                        entry_tree_prefetch(pair.tree, (Entry **) entries->pdata, entries->len);
                put_number(&pair, i);
        }
        check_all(&pair);
}

/* What was looked up is remembered until the tree changes. */
static void test_a_lookup_before_a_change_is_forgotten(void)
{
        g_auto(Pair) pair = pair_new();

        for (guint i = 0; i < 200; i++)
                put_number(&pair, i);
        g_assert_nonnull(entry_tree_lookup(pair.tree, "key/00000100"));
        remove_number(&pair, 100);
        put_number(&pair, 100);
        check_all(&pair);

        g_assert_nonnull(entry_tree_lookup(pair.tree, "key/00000150"));
        put_number(&pair, 1000);
        put_number(&pair, 150);
        check_all(&pair);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

        g_test_add_data_func("/entry-tree/model/alike", GUINT_TO_POINTER(0), test_model);
        g_test_add_data_func("/entry-tree/model/alike-for-long", GUINT_TO_POINTER(1), test_model);
        g_test_add_data_func("/entry-tree/model/lengths", GUINT_TO_POINTER(2), test_model);
        g_test_add_data_func("/entry-tree/model/beginnings", GUINT_TO_POINTER(3), test_model);
        g_test_add_data_func("/entry-tree/model/mixed", GUINT_TO_POINTER(4), test_model);
        g_test_add_func("/entry-tree/keys-in-order-come-and-go", test_keys_in_order_come_and_go);
        g_test_add_func("/entry-tree/prefetching-is-harmless", test_prefetching_is_harmless);
        g_test_add_func("/entry-tree/a-lookup-before-a-change-is-forgotten",
                        test_a_lookup_before_a_change_is_forgotten);

        return g_test_run();
}
