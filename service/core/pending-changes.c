/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pending changes
 */

#include "core/pending-changes.h"

/* Which changes hold keys of one namespace. */
typedef struct Locks {
        GHashTable *keys; /* borrowed key -> borrowed PendingChange */
} Locks;

struct PendingChanges {
        GPtrArray *all;    /* owned PendingChange, in order of revision */
        GHashTable *locks; /* owned name -> owned Locks */
        uint64_t n_bytes;
};

static void change_destroy(gpointer change)
{
        pending_change_unref(change);
}

static void locks_free(gpointer userdata)
{
        Locks *locks = userdata;

        g_hash_table_unref(locks->keys);
        g_free(locks);
}

PendingChanges *pending_changes_new(void)
{
        PendingChanges *changes = g_new(PendingChanges, 1);

        *changes = (PendingChanges){
                .all = g_ptr_array_new_with_free_func(change_destroy),
                .locks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, locks_free),
        };
        return changes;
}

PendingChanges *pending_changes_free(PendingChanges *changes)
{
        if (!changes)
                return NULL;

        g_hash_table_unref(changes->locks);
        g_ptr_array_unref(changes->all);
        g_free(changes);
        return NULL;
}

static void lock_keys(PendingChanges *changes, PendingChange *change, const WayBack *way_back)
{
        Locks *locks = g_hash_table_lookup(changes->locks, way_back->name);

        if (!locks) {
                locks = g_new(Locks, 1);
                locks->keys = g_hash_table_new(g_str_hash, g_str_equal);
                g_hash_table_insert(changes->locks, g_strdup(way_back->name), locks);
        }
        for (guint i = 0; i < way_back->entries->len; i++) {
                Entry *entry = way_back->entries->pdata[i];

                g_hash_table_replace(locks->keys, entry->text, change);
        }
}

static void unlock_keys(PendingChanges *changes, const WayBack *way_back)
{
        Locks *locks = g_hash_table_lookup(changes->locks, way_back->name);

        if (!locks)
                return; /* another one had the same keys, as only a damaged file can say */
        for (guint i = 0; i < way_back->entries->len; i++)
                g_hash_table_remove(locks->keys, entry_key(way_back->entries->pdata[i]));
        if (g_hash_table_size(locks->keys) == 0)
                g_hash_table_remove(changes->locks, way_back->name);
}

/* The index of the first that is not before @revision. */
static guint find_place(const PendingChanges *changes, uint64_t revision)
{
        guint i = changes->all->len;

        while (i > 0 && ((PendingChange *) changes->all->pdata[i - 1])->revision >= revision)
                i--;
        return i;
}

void pending_changes_add(PendingChanges *changes, PendingChange *change)
{
        guint place = find_place(changes, change->revision);

        g_ptr_array_insert(changes->all, (gint) place, pending_change_ref(change));
        changes->n_bytes += change->n_bytes;
        for (guint i = 0; i < change->ways_back->len; i++)
                lock_keys(changes, change, change->ways_back->pdata[i]);
}

PendingChange *pending_changes_remove(PendingChanges *changes, uint64_t revision)
{
        PendingChange *change = pending_changes_lookup(changes, revision);

        if (!change)
                return NULL;

        for (guint i = 0; i < change->ways_back->len; i++)
                unlock_keys(changes, change->ways_back->pdata[i]);
        changes->n_bytes -= change->n_bytes;
        return g_ptr_array_steal_index(changes->all, find_place(changes, revision));
}

const GPtrArray *pending_changes_all(const PendingChanges *changes)
{
        return changes->all;
}

uint64_t pending_changes_bytes(const PendingChanges *changes)
{
        return changes->n_bytes;
}

PendingChange *pending_changes_lookup(const PendingChanges *changes, uint64_t revision)
{
        guint i = find_place(changes, revision);
        PendingChange *change = i < changes->all->len ? changes->all->pdata[i] : NULL;

        return change && change->revision == revision ? change : NULL;
}

const PendingChange *pending_changes_of_key(const PendingChanges *changes,
                                            const char *name,
                                            const char *key)
{
        const Locks *locks;

        if (changes->all->len == 0)
                return NULL;

        locks = g_hash_table_lookup(changes->locks, name);
        return locks ? g_hash_table_lookup(locks->keys, key) : NULL;
}

const PendingChange *pending_changes_of_namespace(const PendingChanges *changes, const char *name)
{
        const Locks *locks = g_hash_table_lookup(changes->locks, name);
        GHashTableIter iter;
        gpointer change;

        if (!locks)
                return NULL;

        g_hash_table_iter_init(&iter, locks->keys);
        return g_hash_table_iter_next(&iter, NULL, &change) ? change : NULL;
}

static bool is_digest(const PendingChange *change, const uint8_t *digest)
{
        unsigned difference = 0;

        for (size_t i = 0; i < PENDING_DIGEST_BYTES; i++)
                difference |= (unsigned) (change->digest[i] ^ digest[i]);
        return difference == 0;
}

PendingChange *pending_changes_find(const PendingChanges *changes, const uint8_t *digest)
{
        PendingChange *found = NULL;

        for (guint i = 0; i < changes->all->len; i++) {
                PendingChange *change = changes->all->pdata[i];

                if (is_digest(change, digest))
                        found = change;
        }
        return found;
}
