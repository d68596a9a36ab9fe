/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Namespace
 *
 * A balanced tree rather than a hash table: lists, prefixes and pages need the order, and a lookup
 * among a million keys costs a hundredth of the bus round trip that asks for it.
 */

#include "core/namespace.h"

#include "core/entry-order.h"

#include <string.h>

static int compare_keys(gconstpointer a, gconstpointer b, gpointer unused G_GNUC_UNUSED)
{
        return strcmp(a, b);
}

/* A tree in which something is looked for compares that with what it has. */
static int compare_keys_of(gconstpointer wanted, gconstpointer present, gpointer ns)
{
        return ((const Namespace *) ns)->is_appended_to ? 1 : strcmp(wanted, present);
}

static void entry_destroy(gpointer entry)
{
        entry_unref(entry);
}

static void tree_destroy(gpointer tree)
{
        g_tree_unref(tree);
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
                .entries = g_tree_new_full(compare_keys_of, ns, NULL, entry_destroy),
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

        tombstones_clear(ns);
        g_tree_unref(ns->entries);
        entry_table_free(ns->unsorted);
        g_free(ns->order);
        g_clear_pointer(&ns->covered, g_tree_unref);
        g_clear_pointer(&ns->releases, g_tree_unref);
        declaration_unref(ns->declaration);
        g_free(ns->name);
        g_free(ns);
        return NULL;
}

void namespace_begin_loading(Namespace *ns)
{
        g_assert(namespace_n_keys(ns) == 0 && !ns->has_history);

        if (!ns->unsorted)
                ns->unsorted = entry_table_new();
}

void namespace_end_loading(Namespace *ns)
{
        g_autofree Entry **sorted = NULL;
        EntryOrder *order;
        size_t n = 0;

        if (!ns->unsorted)
                return;

        sorted = entry_table_take_sorted(ns->unsorted, &n);
        order = entry_order_begin(sorted, n);
        ns->is_appended_to = true;
        for (size_t i = 0; i < n; i++)
                g_tree_insert(ns->entries, sorted[i]->text, sorted[i]);
        ns->is_appended_to = false;
        ns->order = entry_order_end(order);
        g_clear_pointer(&ns->unsorted, entry_table_free);
}

Entry *namespace_lookup(const Namespace *ns, const char *key)
{
        return ns->unsorted ? entry_table_lookup(ns->unsorted, key)
                            : g_tree_lookup(ns->entries, key);
}

static Entry *lookup_of_release(const Namespace *ns, const char *key, const char *release)
{
        GTree *tree = ns->releases ? g_tree_lookup(ns->releases, release) : NULL;

        return tree ? g_tree_lookup(tree, key) : NULL;
}

Entry *namespace_lookup_at(const Namespace *ns, const char *key, const char *release)
{
        Entry *seen;

        if (*release)
                return lookup_of_release(ns, key, release);

        seen = namespace_lookup(ns, key);
        if (!seen || seen->class != ENTRY_KERNEL)
                return seen;
        return ns->covered ? g_tree_lookup(ns->covered, key) : NULL;
}

bool namespace_is_running(const Namespace *ns, const Entry *entry)
{
        return ns->release && strcmp(entry_release(entry), ns->release) == 0;
}

bool namespace_concerns_readers(const Namespace *ns, const Entry *entry)
{
        const Entry *seen;

        if (entry->class == ENTRY_KERNEL)
                return namespace_is_running(ns, entry);

        /* What covers it now either did so before, or is told of itself. */
        seen = ns->releases ? namespace_lookup(ns, entry_key(entry)) : NULL;
        return !seen || seen->class != ENTRY_KERNEL;
}

uint64_t namespace_n_releases(const Namespace *ns)
{
        return ns->releases ? (uint64_t) g_tree_nnodes(ns->releases) : 0;
}

bool namespace_has_release(const Namespace *ns, const char *release)
{
        return ns->releases && g_tree_lookup(ns->releases, release);
}

GStrv namespace_releases(const Namespace *ns, const char *key)
{
        GStrv releases = g_new0(char *, namespace_n_releases(ns) + 1);
        GTreeNode *node = ns->releases ? g_tree_node_first(ns->releases) : NULL;

        for (size_t n = 0; node; node = g_tree_node_next(node))
                if (!key || g_tree_lookup(g_tree_node_value(node), key))
                        releases[n++] = g_strdup(g_tree_node_key(node));
        return releases;
}

bool namespace_is_hidden(const Namespace *ns, const char *key)
{
        g_auto(GStrv) releases = NULL;

        if (!ns->releases || namespace_lookup(ns, key))
                return false;

        releases = namespace_releases(ns, key);
        return *releases;
}

uint64_t namespace_n_keys(const Namespace *ns)
{
        uint64_t n_unsorted = ns->unsorted ? entry_table_size(ns->unsorted) : 0;

        return n_unsorted + (uint64_t) g_tree_nnodes(ns->entries) + ns->n_hidden;
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

        g_assert(!ns->unsorted);
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

/* The default of @key, which is seen now or, with @sign -1, is so no longer. */
static void account_fallback(Namespace *ns, const char *key, int sign)
{
        const Entry *fallback = ns->declaration ? declaration_fallback(ns->declaration, key) : NULL;

        if (fallback)
                ns->fallback_bytes += (uint64_t) sign * entry_reply_bytes(fallback);
}

void namespace_begin_history(Namespace *ns)
{
        ns->has_history = true;
}

void namespace_link(Namespace *ns, Entry *entry)
{
        if (!ns->has_history)
                return;

        entry->older = ns->newest;
        entry->newer = NULL;
        if (ns->newest)
                ns->newest->newer = entry;
        ns->newest = entry;
}

/* What was uncovered is not linked, nor is what was there before the history. */
static void unlink_seen(Namespace *ns, Entry *entry)
{
        if (!ns->has_history || (!entry->older && !entry->newer && ns->newest != entry))
                return;

        if (entry->older)
                entry->older->newer = entry->newer;
        *(entry->newer ? &entry->newer->older : &ns->newest) = entry->older;
        entry->older = entry->newer = NULL;
}

/* Of a key that has @before so far, or NULL. */
static void account_shown(Namespace *ns, const Entry *before, const Entry *after)
{
        if (before)
                ns->reply_bytes -= entry_reply_bytes(before);
        else
                account_fallback(ns, entry_key(after), -1);
        ns->reply_bytes += entry_reply_bytes(after);
}

static void show(Namespace *ns, Entry *before, Entry *after)
{
        g_clear_pointer(&ns->order, g_free);
        if (before)
                unlink_seen(ns, before);
        account_shown(ns, before, after);
        /* Replaces the key too: the old one dies with the old entry. */
        if (ns->unsorted)
                entry_table_put(ns->unsorted, after);
        else
                g_tree_replace(ns->entries, after->text, entry_ref(after));
}

void namespace_fill(Namespace *ns, Entry **place, Entry *entry, uint64_t hash)
{
        ns->usage += entry_usage(entry) - (*place ? entry_usage(*place) : 0);
        account_shown(ns, *place, entry);
        entry_table_fill(ns->unsorted, place, entry, hash);
}

static void unshow(Namespace *ns, Entry *seen)
{
        g_clear_pointer(&ns->order, g_free);
        unlink_seen(ns, seen);
        ns->reply_bytes -= entry_reply_bytes(seen);
        account_fallback(ns, entry_key(seen), 1);
        if (ns->unsorted)
                entry_table_remove(ns->unsorted, entry_key(seen));
        else
                g_tree_remove(ns->entries, entry_key(seen));
}

static void cover(Namespace *ns, const Entry *old, Entry *entry)
{
        if (!ns->covered)
                ns->covered = g_tree_new_full(compare_keys, NULL, NULL, entry_destroy);
        ns->n_hidden += !old;
        g_tree_replace(ns->covered, entry->text, entry_ref(entry));
}

static void uncover(Namespace *ns, const Entry *entry)
{
        g_tree_remove(ns->covered, entry_key(entry));
        ns->n_hidden--;
}

static void put_of_release(Namespace *ns, const Entry *old, Entry *entry)
{
        GTree *tree;

        if (!ns->releases)
                ns->releases = g_tree_new_full(compare_keys, NULL, g_free, tree_destroy);
        tree = g_tree_lookup(ns->releases, entry_release(entry));
        if (!tree) {
                tree = g_tree_new_full(compare_keys, NULL, NULL, entry_destroy);
                g_tree_insert(ns->releases, g_strdup(entry_release(entry)), tree);
        }
        ns->n_hidden += !old && !namespace_is_running(ns, entry);
        g_tree_replace(tree, entry->text, entry_ref(entry));
}

static void drop_of_release(Namespace *ns, const Entry *old)
{
        GTree *tree = g_tree_lookup(ns->releases, entry_release(old));

        ns->n_hidden -= !namespace_is_running(ns, old);
        g_tree_remove(tree, entry_key(old));
        if (g_tree_nnodes(tree) == 0)
                g_tree_remove(ns->releases, entry_release(old));
}

/* Whether it is seen, with what was seen before, or NULL. */
static bool put_kernel(Namespace *ns, const Entry *old, Entry *entry, Entry **ret_seen)
{
        Entry *seen = namespace_lookup(ns, entry_key(entry));

        put_of_release(ns, old, entry);
        if (!namespace_is_running(ns, entry))
                return false;
        if (seen && seen->class != ENTRY_KERNEL)
                cover(ns, NULL, seen);
        *ret_seen = seen;
        return true;
}

void namespace_put(Namespace *ns, Entry *old, Entry *entry)
{
        /* Only where there are releases, what is seen may be another than what the place has. */
        Entry *seen = ns->releases ? namespace_lookup(ns, entry_key(entry)) : old;

        ns->usage += entry_usage(entry) - (old ? entry_usage(old) : 0);
        if (entry->class == ENTRY_KERNEL) {
                namespace_end_loading(ns);
                if (!put_kernel(ns, old, entry, &seen))
                        return;
        } else if (seen && seen->class == ENTRY_KERNEL) {
                cover(ns, old, entry);
                return;
        }

        show(ns, seen, entry);
        namespace_link(ns, entry);
}

void namespace_drop(Namespace *ns, Entry *old)
{
        g_autoptr(Entry) entry = entry_ref(old); /* the trees let go of it */
        Entry *covered = ns->covered ? g_tree_lookup(ns->covered, entry_key(entry)) : NULL;

        ns->usage -= entry_usage(entry);
        if (entry->class == ENTRY_KERNEL) {
                drop_of_release(ns, entry);
                if (!namespace_is_running(ns, entry))
                        return;
        }

        if (covered == entry)
                uncover(ns, entry);
        else if (covered) {
                show(ns, entry, covered);
                uncover(ns, covered);
        } else
                unshow(ns, entry);
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
