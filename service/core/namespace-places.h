/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Namespace places
 *
 * All that is stored in a namespace, hidden entries too, in an order that no commit changes.
 */

#include "core/namespace.h"

#include <glib.h>
#include <stdbool.h>

/* It lives for one walk, during which the namespace does not change. */
typedef struct NamespacePlaces {
        const Namespace *ns;
        const char *prefix;
        bool is_running_seen; /* entries of the running release come with those of none */
        GTreeNode *seen;      /* the next of what is seen */
        GTreeNode *covered;   /* the next of what is covered by that */
        GTreeNode *release;   /* the one that is walked then; NULL: none */
        GTreeNode *entry;     /* the next of it */
} NamespacePlaces;

/*
 * All entries: first those of no release and of the running one, by key, then those of each other
 * release. @after: the first comes after the place of this one, which need not be there; NULL: it is
 * the very first. No step looks at more than one entry.
 */
void namespace_places_begin(NamespacePlaces *places, const Namespace *ns, const Entry *after);

/* The same, but the running release has its place among the others; so it does not matter which it is. */
void namespace_places_begin_by_release(NamespacePlaces *places, const Namespace *ns);

/* The entries of @release ("": of none) alone; @prefix and @after as for namespace_first(). */
void namespace_places_begin_of(NamespacePlaces *places,
                               const Namespace *ns,
                               const char *release,
                               const char *prefix,
                               const char *after);

/* Borrowed; NULL at the end. */
Entry *namespace_places_next(NamespacePlaces *places);

/* < 0, 0, > 0 as @a comes before @b in the order of namespace_places_begin(). */
int namespace_places_compare(const Namespace *ns, const Entry *a, const Entry *b);

/* The same in that of namespace_places_begin_by_release(). */
int entry_compare_places(const Entry *a, const Entry *b);
