/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Namespace walk
 *
 * Two sequences in the order of keys, merged. Without a declaration the second is empty and costs
 * one comparison of a pointer.
 */

#include "core/namespace-walk.h"

#include <string.h>

void namespace_walk_begin(NamespaceWalk *walk,
                          const Namespace *ns,
                          const char *prefix,
                          const char *after,
                          NamespaceWalkOnly only)
{
        *walk = (NamespaceWalk){
                .ns = ns,
                .prefix = prefix,
                .only = only,
                .node = namespace_first(ns, prefix, after),
        };
        if (!ns->declaration)
                return;

        walk->i_fallback = *after && strcmp(after, prefix) >= 0
                                   ? declaration_first_fallback(ns->declaration, after, true)
                                   : declaration_first_fallback(ns->declaration, prefix, false);
}

static Entry *take_stored(NamespaceWalk *walk)
{
        Entry *entry = walk->node ? namespace_node_entry(walk->node) : NULL;

        if (entry)
                walk->node = namespace_next(walk->node, walk->prefix);
        return entry;
}

/* The next default, unless the prefix ends before it. */
static Entry *peek_fallback(const NamespaceWalk *walk)
{
        const GPtrArray *fallbacks = walk->ns->declaration->fallbacks;
        Entry *fallback =
                walk->i_fallback < fallbacks->len ? fallbacks->pdata[walk->i_fallback] : NULL;

        return fallback && g_str_has_prefix(entry_key(fallback), walk->prefix) ? fallback : NULL;
}

static bool is_left_out(const NamespaceWalk *walk, const Entry *stored, const Entry *fallback)
{
        if (!stored)
                return walk->only != NAMESPACE_WALK_ALL;
        return fallback && walk->only == NAMESPACE_WALK_CHANGED &&
               entry_value_equal(stored, fallback);
}

Entry *namespace_walk_next(NamespaceWalk *walk)
{
        Entry *stored, *fallback;
        int order;

        if (!walk->ns->declaration)
                return take_stored(walk);

        do {
                fallback = peek_fallback(walk);
                stored = walk->node ? namespace_node_entry(walk->node) : NULL;
                if (!stored && !fallback)
                        return NULL;

                if (stored && fallback)
                        order = strcmp(entry_key(stored), entry_key(fallback));
                else
                        order = stored ? -1 : 1;
                if (order <= 0)
                        stored = take_stored(walk);
                else
                        stored = NULL;
                if (order >= 0)
                        walk->i_fallback++;
                else
                        fallback = NULL;
        } while (is_left_out(walk, stored, fallback));

        return stored ? stored : fallback;
}

Entry *namespace_read(const Namespace *ns, const char *key, NamespaceWalkOnly only)
{
        Entry *stored = namespace_lookup(ns, key), *fallback;

        if (!ns->declaration || (stored && only != NAMESPACE_WALK_CHANGED))
                return stored;

        fallback = declaration_fallback(ns->declaration, key);
        if (!stored)
                return only == NAMESPACE_WALK_ALL ? fallback : NULL;
        return fallback && entry_value_equal(stored, fallback) ? NULL : stored;
}

GPtrArray *namespace_walk_keys(const Namespace *ns, uint64_t n_bytes_max)
{
        g_autoptr(GPtrArray) keys = g_ptr_array_new();
        NamespaceWalk walk;
        uint64_t n_bytes = 0;
        const Entry *entry;

        namespace_walk_begin(&walk, ns, "", "", NAMESPACE_WALK_ALL);
        while (n_bytes < n_bytes_max && (entry = namespace_walk_next(&walk))) {
                n_bytes += NAMESPACE_WALK_KEY_BYTES + (uint64_t) entry->key_bytes;
                g_ptr_array_add(keys, (gpointer) (uintptr_t) entry_key(entry));
        }
        return g_steal_pointer(&keys);
}
