/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tombstones
 *
 * Each is in two lists, its namespace's and its owner's, both in the order of revisions, for commits
 * come in that order. During recovery they do not: the persistent side is read before the runtime
 * side, and tombstones_sort() follows.
 */

#include "core/tombstones.h"

#include "core/limits.h"
#include "core/namespace.h"

#include <string.h>

struct TombstoneOwner {
        Tombstone *oldest, *newest;
        uint64_t n_bytes;
        bool is_bounded;
};

struct Tombstones {
        GHashTable *owners; /* uid -> owned TombstoneOwner */
        uint64_t n_namespace, n_owner_bytes;
};

static int compare_keys(gconstpointer a, gconstpointer b, gpointer unused G_GNUC_UNUSED)
{
        return strcmp(a, b);
}

Tombstones *tombstones_new(void)
{
        Tombstones *tombstones = g_new(Tombstones, 1);
        Limits limits;

        limits_init(&limits);
        *tombstones = (Tombstones){
                .owners = g_hash_table_new_full(NULL, NULL, NULL, g_free),
                .n_namespace = limits.namespace_tombstones,
                .n_owner_bytes = limits.uid_tombstone_bytes,
        };
        return tombstones;
}

Tombstones *tombstones_free(Tombstones *tombstones)
{
        if (!tombstones)
                return NULL;

        g_hash_table_unref(tombstones->owners);
        g_free(tombstones);
        return NULL;
}

void tombstones_set_limits(Tombstones *tombstones, uint64_t n_namespace, uint64_t n_owner_bytes)
{
        tombstones->n_namespace = n_namespace;
        tombstones->n_owner_bytes = n_owner_bytes;
}

/* Stays, empty, when its last one goes: there are as many as uids that own something. */
static TombstoneOwner *owner_of(Tombstones *tombstones, const Namespace *ns)
{
        gpointer uid = GUINT_TO_POINTER(ns->access.owner);
        TombstoneOwner *owner = g_hash_table_lookup(tombstones->owners, uid);

        if (!owner) {
                owner = g_new(TombstoneOwner, 1);
                *owner = (TombstoneOwner){ .is_bounded = ns->access.owner != 0 };
                g_hash_table_insert(tombstones->owners, uid, owner);
        }
        return owner;
}

static void join_owner(TombstoneOwner *owner, Tombstone *tombstone)
{
        tombstone->owner = owner;
        tombstone->owner_older = owner->newest;
        tombstone->owner_newer = NULL;
        *(owner->newest ? &owner->newest->owner_newer : &owner->oldest) = tombstone;
        owner->newest = tombstone;
        owner->n_bytes += tombstone_usage(tombstone);
}

static void leave_owner(const Tombstone *tombstone)
{
        TombstoneOwner *owner = tombstone->owner;
        Tombstone *older = tombstone->owner_older, *newer = tombstone->owner_newer;

        *(older ? &older->owner_newer : &owner->oldest) = newer;
        *(newer ? &newer->owner_older : &owner->newest) = older;
        owner->n_bytes -= tombstone_usage(tombstone);
}

static void join_namespace(Tombstone *tombstone)
{
        TombstoneList *list = &tombstone->ns->tombstones;

        tombstone->older = list->newest;
        tombstone->newer = NULL;
        *(list->newest ? &list->newest->newer : &list->oldest) = tombstone;
        list->newest = tombstone;
}

static void leave_namespace(const Tombstone *tombstone)
{
        TombstoneList *list = &tombstone->ns->tombstones;
        Tombstone *older = tombstone->older, *newer = tombstone->newer;

        *(older ? &older->newer : &list->oldest) = newer;
        *(newer ? &newer->older : &list->newest) = older;
}

static void remove_one(Tombstone *tombstone)
{
        leave_owner(tombstone);
        leave_namespace(tombstone);
        g_tree_remove(tombstone->ns->tombstones.by_key, tombstone->key);
        g_free(tombstone);
}

static void drop(Tombstone *tombstone)
{
        TombstoneList *list = &tombstone->ns->tombstones;

        list->floor = MAX(list->floor, tombstone->revision);
        remove_one(tombstone);
}

static Tombstone *lookup(const Namespace *ns, const char *key)
{
        return ns->tombstones.by_key ? g_tree_lookup(ns->tombstones.by_key, key) : NULL;
}

const Tombstone *tombstones_lookup(const Namespace *ns, const char *key)
{
        return lookup(ns, key);
}

/* The list of the namespace may be empty afterwards: a bound may be none at all. */
static void shorten(const Tombstones *tombstones, const Namespace *ns, const TombstoneOwner *owner)
{
        const TombstoneList *list = &ns->tombstones;

        while ((uint64_t) g_tree_nnodes(list->by_key) > tombstones->n_namespace)
                drop(list->oldest);
        while (owner->is_bounded && owner->n_bytes > tombstones->n_owner_bytes)
                drop(owner->oldest);
}

void tombstones_put(Tombstones *tombstones,
                    Namespace *ns,
                    const char *key,
                    uint64_t revision,
                    bool is_persistent)
{
        TombstoneOwner *owner = owner_of(tombstones, ns);
        Tombstone *tombstone = lookup(ns, key);
        size_t key_bytes = strlen(key);

        if (tombstone && tombstone->revision >= revision)
                return;
        if (tombstone)
                remove_one(tombstone);

        g_assert(key_bytes <= LIMIT_KEY_BYTES);
        tombstone = g_malloc(sizeof *tombstone + key_bytes + 1);
        *tombstone = (Tombstone){
                .ns = ns,
                .revision = revision,
                .is_persistent = is_persistent,
                .key_bytes = (uint8_t) key_bytes,
        };
        memcpy(tombstone->key, key, key_bytes + 1);

        if (!ns->tombstones.by_key)
                ns->tombstones.by_key = g_tree_new_full(compare_keys, NULL, NULL, NULL);
        g_tree_insert(ns->tombstones.by_key, tombstone->key, tombstone);
        join_namespace(tombstone);
        join_owner(owner, tombstone);
        shorten(tombstones, ns, owner);
}

void tombstones_forget(Namespace *ns, const char *key, uint64_t revision)
{
        Tombstone *tombstone = lookup(ns, key);

        if (tombstone && tombstone->revision <= revision)
                remove_one(tombstone);
}

void tombstones_clear(Namespace *ns)
{
        while (ns->tombstones.oldest)
                remove_one(ns->tombstones.oldest);
        g_clear_pointer(&ns->tombstones.by_key, g_tree_unref);
}

/* They come last among those of the new owner, whatever their revisions: that is fair enough. */
void tombstones_rehome(Tombstones *tombstones, Namespace *ns)
{
        TombstoneOwner *owner;

        if (!ns->tombstones.oldest)
                return;

        owner = owner_of(tombstones, ns);
        if (owner == ns->tombstones.oldest->owner)
                return;
        for (Tombstone *each = ns->tombstones.oldest; each; each = each->newer) {
                leave_owner(each);
                join_owner(owner, each);
        }
        shorten(tombstones, ns, owner);
}

static gboolean take_apart(gpointer name G_GNUC_UNUSED, gpointer value, gpointer all)
{
        Namespace *ns = value;

        while (ns->tombstones.oldest) {
                Tombstone *tombstone = ns->tombstones.oldest;

                leave_owner(tombstone);
                leave_namespace(tombstone);
                g_ptr_array_add(all, tombstone);
        }
        return FALSE;
}

static gint compare_revisions(gconstpointer a, gconstpointer b)
{
        const Tombstone *first = *(const Tombstone *const *) a;
        const Tombstone *second = *(const Tombstone *const *) b;

        return first->revision < second->revision ? -1 : first->revision > second->revision;
}

void tombstones_sort(Tombstones *tombstones, GTree *namespaces, uint64_t revision)
{
        g_autoptr(GPtrArray) all = g_ptr_array_new();

        g_tree_foreach(namespaces, take_apart, all);
        g_ptr_array_sort(all, compare_revisions);
        for (guint i = 0; i < all->len; i++) {
                Tombstone *tombstone = all->pdata[i];

                join_namespace(tombstone);
                join_owner(owner_of(tombstones, tombstone->ns), tombstone);
                if (tombstone->revision <= revision)
                        remove_one(tombstone);
        }
}
