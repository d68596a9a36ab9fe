/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Snapshot
 */

#include "snapshot.h"

#include <string.h>

struct Snapshot {
        GTree *namespaces; /* name -> GTree of key -> GVariant */
};

static int compare(gconstpointer a, gconstpointer b, gpointer userdata)
{
        (void) userdata;

        return strcmp(a, b);
}

static void free_tree(gpointer userdata)
{
        g_tree_unref(userdata);
}

static void free_value(gpointer userdata)
{
        g_variant_unref(userdata);
}

Snapshot *snapshot_new(void)
{
        Snapshot *snapshot = g_new0(Snapshot, 1);

        snapshot->namespaces = g_tree_new_full(compare, NULL, g_free, free_tree);
        return snapshot;
}

Snapshot *snapshot_free(Snapshot *snapshot)
{
        if (!snapshot)
                return NULL;

        g_tree_unref(snapshot->namespaces);
        g_free(snapshot);
        return NULL;
}

static GTree *find_or_make(Snapshot *snapshot, const char *ns_name)
{
        GTree *keys = g_tree_lookup(snapshot->namespaces, ns_name);

        if (!keys) {
                keys = g_tree_new_full(compare, NULL, g_free, free_value);
                g_tree_insert(snapshot->namespaces, g_strdup(ns_name), keys);
        }
        return keys;
}

void snapshot_change(Snapshot *snapshot,
                     const char *ns_name,
                     GVariant *changed,
                     const char *const *removed)
{
        GTree *keys = find_or_make(snapshot, ns_name);
        GVariantIter iterator;
        const char *key;
        GVariant *value;

        for (; removed && *removed; removed++)
                g_tree_remove(keys, *removed);
        if (!changed)
                return;
        g_variant_iter_init(&iterator, changed);
        while (g_variant_iter_next(&iterator, "{&sv}", &key, &value))
                g_tree_insert(keys, g_strdup(key), value);
}

bool snapshot_has(const Snapshot *snapshot, const char *ns_name)
{
        return g_tree_lookup(snapshot->namespaces, ns_name) != NULL;
}

void snapshot_drop(Snapshot *snapshot, const char *ns_name)
{
        g_tree_remove(snapshot->namespaces, ns_name);
}

const char **snapshot_names(const Snapshot *snapshot)
{
        const char **names = g_new0(const char *, (gsize) g_tree_nnodes(snapshot->namespaces) + 1);
        gsize n = 0;

        for (GTreeNode *node = g_tree_node_first(snapshot->namespaces); node;
             node = g_tree_node_next(node))
                names[n++] = g_tree_node_key(node);
        return names;
}

GVariant *snapshot_values(const Snapshot *snapshot, const char *ns_name)
{
        GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
        GTree *keys = g_tree_lookup(snapshot->namespaces, ns_name);

        for (GTreeNode *node = keys ? g_tree_node_first(keys) : NULL; node;
             node = g_tree_node_next(node))
                g_variant_builder_add(&builder, "{sv}", g_tree_node_key(node),
                                      (GVariant *) g_tree_node_value(node));
        return g_variant_ref_sink(g_variant_builder_end(&builder));
}
