/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Namespace walk
 *
 * What readers see of a namespace: the entries that are stored and, where a key has none, the
 * default that its declaration gives it. A default has revision 0. What counts, is checked and is
 * kept are the stored entries alone; those are in core/namespace.h.
 */

#include "core/namespace.h"

#include <glib.h>
#include <stdbool.h>

typedef enum NamespaceWalkOnly {
        NAMESPACE_WALK_ALL,
        NAMESPACE_WALK_SET,     /* stored entries */
        NAMESPACE_WALK_CHANGED, /* stored entries that are not what the default is */
} NamespaceWalkOnly;

/* It lives for one walk, during which the namespace does not change. */
typedef struct NamespaceWalk {
        const Namespace *ns;
        const char *prefix;
        NamespaceWalkOnly only;
        GTreeNode *node;  /* of the next stored entry */
        guint i_fallback; /* of the next default */
} NamespaceWalk;

/* Borrows; begins as namespace_first() does. */
void namespace_walk_begin(NamespaceWalk *walk,
                          const Namespace *ns,
                          const char *prefix,
                          const char *after,
                          NamespaceWalkOnly only);

/* In the order of keys; borrowed, NULL at the end. */
Entry *namespace_walk_next(NamespaceWalk *walk);

/* The same for one key; NULL when there is nothing. */
Entry *namespace_read(const Namespace *ns, const char *key, NamespaceWalkOnly only);

/* Whether an entry that was read is a default. */
static inline bool entry_is_fallback(const Entry *entry)
{
        return entry->revision == 0;
}

/* What all that is read of @ns takes at most in an a{sv}. */
static inline uint64_t namespace_reply_bytes(const Namespace *ns)
{
        return ns->reply_bytes + ns->fallback_bytes;
}

/* What a key takes in a message, beside its text. */
#define NAMESPACE_WALK_KEY_BYTES 8u

/* The keys from the first one on, borrowed, until they take so many bytes. */
GPtrArray *namespace_walk_keys(const Namespace *ns, uint64_t n_bytes_max);
