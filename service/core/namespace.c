/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Namespace
 *
 * A tree rather than a hash table: lists, prefixes and pages need the order, and a lookup among a
 * million keys costs a hundredth of the bus round trip that asks for it.
 */

#include "core/namespace.h"

#include <string.h>

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
                .entries = entry_tree_new(),
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

        entry_tree_free(ns->entries);
        declaration_unref(ns->declaration);
        g_free(ns->name);
        g_free(ns);
        return NULL;
}

Entry *namespace_lookup(const Namespace *ns, const char *key)
{
        return entry_tree_lookup(ns->entries, key);
}

uint64_t namespace_n_keys(const Namespace *ns)
{
        return entry_tree_n_entries(ns->entries);
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

static EntryNode *node_below(EntryNode *node, const char *prefix)
{
        return node && g_str_has_prefix(entry_key(*node), prefix) ? node : NULL;
}

EntryNode *namespace_first(const Namespace *ns, const char *prefix, const char *after)
{
        EntryNode *node;

        if (*after && strcmp(after, prefix) >= 0)
                node = entry_tree_upper_bound(ns->entries, after);
        else
                node = entry_tree_lower_bound(ns->entries, prefix);

        return node_below(node, prefix);
}

EntryNode *namespace_next(EntryNode *node, const char *prefix)
{
        return node_below(entry_node_next(node), prefix);
}

void namespace_prefetch(const Namespace *ns, Entry *const *entries, guint n)
{
        entry_tree_prefetch(ns->entries, entries, MIN(n, ENTRY_TREE_PREFETCH_MAX));
}

static void account_entry(Namespace *ns, const Entry *entry, int sign)
{
        ns->usage += (uint64_t) sign * entry_usage(entry);
        ns->reply_bytes += (uint64_t) sign * entry_reply_bytes(entry);
}

/* The default of @key, which is set now or, with @sign 1, is so no longer. */
static void account_fallback(Namespace *ns, const char *key, int sign)
{
        const Entry *fallback = ns->declaration ? declaration_fallback(ns->declaration, key) : NULL;

        if (fallback)
                ns->fallback_bytes += (uint64_t) sign * entry_reply_bytes(fallback);
}

void namespace_put(Namespace *ns, const Entry *old, Entry *entry)
{
        if (old)
                account_entry(ns, old, -1);
        else
                account_fallback(ns, entry_key(entry), -1);
        account_entry(ns, entry, 1);
        entry_tree_put(ns->entries, entry_ref(entry));
}

void namespace_drop(Namespace *ns, const Entry *old)
{
        account_entry(ns, old, -1);
        account_fallback(ns, entry_key(old), 1);
        entry_tree_remove(ns->entries, entry_key(old));
}

void namespace_set_declaration(Namespace *ns, Declaration *declaration)
{
        declaration_unref(ns->declaration);
        ns->declaration = declaration ? declaration_ref(declaration) : NULL;
        ns->fallback_bytes = 0;
        if (!declaration)
                return;

        for (guint i = 0; i < declaration->fallbacks->len; i++) {
                const char *key = entry_key(declaration->fallbacks->pdata[i]);

                if (!namespace_lookup(ns, key))
                        account_fallback(ns, key, 1);
        }
}
