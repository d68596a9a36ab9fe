/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Tombstones
 *
 * Which keys of each namespace were deleted lately, and when: what a reader who has an older state
 * must take out of it. A key that has been set again since needs none.
 *
 * They are bounded, in number a namespace and in bytes an owner, and the oldest go first: the
 * namespace remembers in its `floor` up to which revision something is missing. Nobody's push out
 * those of another owner.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Namespace Namespace;
typedef struct TombstoneOwner TombstoneOwner;

typedef struct Tombstone {
        struct Tombstone *older, *newer;             /* of the namespace */
        struct Tombstone *owner_older, *owner_newer; /* of all its owner's */
        Namespace *ns;
        TombstoneOwner *owner;
        uint64_t revision;
        bool is_persistent; /* it is kept with what survives a reboot */
        uint8_t key_bytes;
        char key[];
} Tombstone;

/* Of a namespace; all zero: none. */
typedef struct TombstoneList {
        GTree *by_key; /* key (in the tombstone) -> Tombstone; NULL until there is one */
        Tombstone *oldest, *newest;
        uint64_t floor; /* those of this revision and before are not all there */
} TombstoneList;

typedef struct Tombstones Tombstones;

Tombstones *tombstones_new(void);
/* After all namespaces have gone, or let go of theirs. */
Tombstones *tombstones_free(Tombstones *tombstones);

/* How many a namespace may have, and how many bytes those of one uid (not 0) may take. Shortens nothing yet. */
void tombstones_set_limits(Tombstones *tombstones, uint64_t n_namespace, uint64_t n_owner_bytes);

/* @key was deleted, or what it gives changed without being set. A later one that is there stays. */
void tombstones_put(Tombstones *tombstones,
                    Namespace *ns,
                    const char *key,
                    uint64_t revision,
                    bool is_persistent);

/* @key was set at @revision. */
void tombstones_forget(Namespace *ns, const char *key, uint64_t revision);

/* Borrowed; NULL when there is none. */
const Tombstone *tombstones_lookup(const Namespace *ns, const char *key);

/* All of @ns: it goes, or has got another owner. */
void tombstones_clear(Namespace *ns);
void tombstones_rehome(Tombstones *tombstones, Namespace *ns);

/* Brings them, of all @namespaces (name -> Namespace), into order, and drops those up to @revision. */
void tombstones_sort(Tombstones *tombstones, GTree *namespaces, uint64_t revision);

/* What one counts for with its owner. */
static inline uint64_t tombstone_usage(const Tombstone *tombstone)
{
        /* and a node of the tree */
        return sizeof(Tombstone) + tombstone->key_bytes + 1 + 64;
}
