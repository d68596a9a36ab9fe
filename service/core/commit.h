/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Commit
 *
 * What one commit does to the state, with every question answered: no expectation is left, nothing
 * in it is without effect, and each entry bears the commit's revision. The pipeline makes commits,
 * the journal keeps them, recovery reads them back, and State applies them.
 */

#include "core/entry.h"
#include "core/namespace.h"
#include "core/pending-change.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The numbers are part of the format on disk. */
typedef enum NamespaceChangeKind {
        NAMESPACE_CHANGE_ENTRIES = 1,
        NAMESPACE_CHANGE_CREATE = 2,
        NAMESPACE_CHANGE_REMOVE = 3, /* with whatever it holds */
        NAMESPACE_CHANGE_ACCESS = 4,
} NamespaceChangeKind;

typedef struct NamespaceChange {
        NamespaceChangeKind kind;
        char *name;             /* behind it, in the same piece of memory */
        NamespaceAccess access; /* of CREATE and ACCESS */
        GPtrArray *entries;     /* of ENTRIES: owned Entry, set or, a tombstone, deleted */
} NamespaceChange;

/* A copy of the state on disk. */
typedef struct CommitSource {
        uint64_t revision; /* that it is of; 0: none */
        uint8_t id[16];
} CommitSource;

/* What a commit does to a change that waits for a confirmation. */
typedef enum CommitSettlement {
        COMMIT_SETTLES_NOTHING,
        COMMIT_CONFIRMS, /* and changes nothing */
        COMMIT_UNDOES,
} CommitSettlement;

typedef struct Commit {
        uint64_t revision;
        uint64_t time_usec; /* since 1970 */
        uint32_t writer_uid;
        char *reason; /* NULL: none given */
        bool is_lazy; /* nobody waits for it to be on disk */
        GPtrArray *
                changes; /* owned NamespaceChange, at most one a namespace, if no @source is given */
        CommitSource
                source; /* what the changes take the state back to; the journal names it alone */
        PendingChange *pending; /* owned: it waits for a confirmation; NULL: for none */
        CommitSettlement settlement;
        uint64_t settles; /* the revision of the change that ends with it; 0: none */
} Commit;

Commit *commit_new(uint64_t revision, uint64_t time_usec, uint32_t writer_uid, const char *reason);
Commit *commit_free(Commit *commit);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Commit, commit_free)

/* Whether it does nothing but delete. */
bool commit_only_deletes(const Commit *commit);

/* Adds a change of @name and returns it, borrowed, for the caller to fill. */
NamespaceChange *commit_add(Commit *commit, NamespaceChangeKind kind, const char *name);

/* Takes @entry, and gives it the commit's revision, time and writer. */
void commit_add_entry(Commit *commit, NamespaceChange *change, Entry *entry);
