/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Namespace
 *
 * One application's entries in the order of their keys, and who may do what with them. Plain
 * memory: it changes only through State, when a commit is applied.
 */

#include "core/access.h"
#include "core/declaration.h"
#include "core/entry-tree.h"
#include "core/entry.h"
#include "core/limits.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Namespace {
        uint32_t n_refs;
        bool is_removed; /* no longer part of the state; whoever held a reference may still walk it */
        char *name;
        NamespaceAccess access;
        uint64_t created_revision;
        uint64_t access_revision; /* another one: another access, or another namespace */
        uint64_t revision;        /* of the last commit that changed it */
        EntryTree *entries;       /* no tombstones */
        uint64_t usage;           /* sum of entry_usage() */
        uint64_t reply_bytes;     /* sum of entry_reply_bytes() */
        Declaration *declaration; /* NULL: none */
        uint64_t fallback_bytes;  /* as reply_bytes, of defaults whose keys are not set */
} Namespace;

/* @access is copied. */
Namespace *namespace_new(const char *name, const NamespaceAccess *access, uint64_t revision);
Namespace *namespace_ref(Namespace *ns);
Namespace *namespace_unref(Namespace *ns);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Namespace, namespace_unref)

/* Borrows; NULL when there is none. */
Entry *namespace_lookup(const Namespace *ns, const char *key);

uint64_t namespace_n_keys(const Namespace *ns);
uint64_t namespace_quota_keys(const Namespace *ns, const Limits *limits);
uint64_t namespace_quota_bytes(const Namespace *ns, const Limits *limits);

/*
 * Whether everyone may read it, its owner and group too, so that it may be spoken of in broadcasts.
 */
static inline bool namespace_is_public(const Namespace *ns)
{
        return (ns->access.mode & 0444) == 0444;
}

/*
 * The first entry whose key is @prefix's or follows it, and that comes after @after; NULL when
 * there is none. "" stands for no prefix and for the beginning. Go on with namespace_next().
 */
EntryNode *namespace_first(const Namespace *ns, const char *prefix, const char *after);

/* The next entry below @prefix; NULL at the end. */
EntryNode *namespace_next(EntryNode *node, const char *prefix);

static inline Entry *namespace_node_entry(EntryNode *node)
{
        return *node;
}

/* The rule that is declared for @key, or NULL. */
static inline const Rule *namespace_rule(const Namespace *ns, const char *key)
{
        return ns->declaration ? declaration_rule(ns->declaration, key) : NULL;
}

/* Has the memory brought near that putting the first of these @n entries will touch. */
void namespace_prefetch(const Namespace *ns, Entry *const *entries, guint n);

/* For State alone, which knows what is there: @old is what the key has, or NULL. */
void namespace_put(Namespace *ns, const Entry *old, Entry *entry);
void namespace_drop(Namespace *ns, const Entry *old);

/* The same. References @declaration, which may be NULL. */
void namespace_set_declaration(Namespace *ns, Declaration *declaration);
