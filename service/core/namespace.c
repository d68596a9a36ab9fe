/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Namespace
 *
 * A balanced tree rather than a hash table: lists, prefixes and pages need the order, and a lookup
 * among a million keys costs a hundredth of the bus round trip that asks for it.
 */

#include "core/namespace.h"

#include <string.h>

static int compare_keys(gconstpointer a, gconstpointer b, gpointer unused G_GNUC_UNUSED)
{
        return strcmp(a, b);
}

static void entry_destroy(gpointer entry)
{
        entry_unref(entry);
}

bool namespace_access_equal(const NamespaceAccess *a, const NamespaceAccess *b)
{
        return a->owner == b->owner && a->group == b->group && a->mode == b->mode &&
               a->quota_keys == b->quota_keys && a->quota_bytes == b->quota_bytes;
}

Namespace *namespace_new(const char *name, const NamespaceAccess *access, uint64_t revision)
{
        Namespace *ns = g_new(Namespace, 1);

        *ns = (Namespace){
                .n_refs = 1,
                .name = g_strdup(name),
                .access = *access,
                .created_revision = revision,
                .access_revision = revision,
                .revision = revision,
                .entries = g_tree_new_full(compare_keys, NULL, NULL, entry_destroy),
        };
        return ns;
}

Namespace *namespace_ref(Namespace *ns)
{
        ns->n_refs++;
        return ns;
}

Namespace *namespace_unref(Namespace *ns)
{
        if (!ns || --ns->n_refs > 0)
                return NULL;

        g_tree_unref(ns->entries);
        g_free(ns->name);
        g_free(ns);
        return NULL;
}

Entry *namespace_lookup(const Namespace *ns, const char *key)
{
        return g_tree_lookup(ns->entries, key);
}

uint64_t namespace_n_keys(const Namespace *ns)
{
        return (uint64_t) g_tree_nnodes(ns->entries);
}

static uint64_t quota_or_limit(uint64_t quota, uint64_t limit)
{
        return quota > 0 ? quota : limit;
}

uint64_t namespace_quota_keys(const Namespace *ns, const Limits *limits)
{
        return quota_or_limit(ns->access.quota_keys, limits->namespace_keys);
}

uint64_t namespace_quota_bytes(const Namespace *ns, const Limits *limits)
{
        return quota_or_limit(ns->access.quota_bytes, limits->namespace_bytes);
}

static GTreeNode *node_below(GTreeNode *node, const char *prefix)
{
        return node && g_str_has_prefix(g_tree_node_key(node), prefix) ? node : NULL;
}

GTreeNode *namespace_first(const Namespace *ns, const char *prefix, const char *after)
{
        GTreeNode *node;

        if (*after && strcmp(after, prefix) >= 0)
                node = g_tree_upper_bound(ns->entries, after);
        else
                node = g_tree_lower_bound(ns->entries, prefix);

        return node_below(node, prefix);
}

GTreeNode *namespace_next(GTreeNode *node, const char *prefix)
{
        return node_below(g_tree_node_next(node), prefix);
}

static void account_entry(Namespace *ns, const Entry *entry, int sign)
{
        ns->usage += (uint64_t) sign * entry_usage(entry);
        ns->reply_bytes += (uint64_t) sign * entry_reply_bytes(entry);
}

void namespace_put(Namespace *ns, const Entry *old, Entry *entry)
{
        if (old)
                account_entry(ns, old, -1);
        account_entry(ns, entry, 1);
        /* Replaces the key too: the old one dies with the old entry. */
        g_tree_replace(ns->entries, entry->text, entry_ref(entry));
}

void namespace_drop(Namespace *ns, const Entry *old)
{
        account_entry(ns, old, -1);
        g_tree_remove(ns->entries, entry_key(old));
}
