/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Difference
 *
 * What must be changed to make one state of namespaces into another, and how that is shown.
 */

#include "dump.h"
#include "output.h"

/* Both are borrowed; NULL: not there. One is always there. */
typedef struct DifferenceEntry {
        const DumpEntry *old;
        const DumpEntry *new;
} DifferenceEntry;

/* Of who may do what: "mode", say. */
typedef struct DifferenceAccess {
        const char *what; /* a literal */
        char *old;
        char *new;
} DifferenceAccess;

typedef struct DifferenceNamespace {
        const char *name; /* borrowed */
        bool is_created;  /* it is missing so far */
        GArray *entries;  /* of DifferenceEntry, sorted by key */
        GArray *access;   /* of DifferenceAccess; empty unless both sides say it */
} DifferenceNamespace;

/* Holds only namespaces in which something differs. Refers to what it was made of, which must outlive it. */
typedef struct Difference {
        GPtrArray *namespaces; /* of DifferenceNamespace */
        uint64_t n_set;
        uint64_t n_unset;
} Difference;

Difference *difference_new(void);
Difference *difference_free(Difference *difference);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Difference, difference_free)

/*
 * Adds what differs between @old and @new, which stand for the namespace of @name. Two entries are
 * equal when type, bits and class are. @is_keeping: what @new lacks is no difference. What either
 * says nothing about of the access is none, ever.
 */
void difference_add(Difference *difference,
                    const char *name,
                    const DumpNamespace *old,
                    const DumpNamespace *new,
                    bool is_keeping);

bool difference_is_empty(const Difference *difference);

/* Whether the access of a namespace differs that both sides have. */
bool difference_has_access(const Difference *difference);

/* {NAMESPACE: {"mode": {"old":…, "new":…}}} of those. */
json_object *difference_access_to_json(const Difference *difference);

/*
 * Lines of - and +, or in the JSON modes a document: {NAMESPACE: {KEY: {"old":…, "new":…}}}, with
 * difference_access_to_json() as its member "access" when access differs; no namespace is called so.
 * What is of a kernel release is called KEY@RELEASE; no key has an @ in it.
 */
void difference_print(const Difference *difference, Output *output);

/* That document. */
json_object *difference_to_json(const Difference *difference);
