/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Namespace
 *
 * One application's entries in the order of their keys, and who may do what with them. Plain
 * memory: it changes only through State, when a commit is applied.
 *
 * A place is a key and a kernel release, or none; each holds one entry. Of a key readers see the entry
 * of the running release, else the one of no release. The others are hidden: they count, and are
 * found by their place, or with core/namespace-places.h.
 */

#include "core/access.h"
#include "core/declaration.h"
#include "core/entry-sort.h"
#include "core/entry-table.h"
#include "core/entry.h"
#include "core/limits.h"
#include "core/tombstones.h"

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
        GTree *entries;       /* key (in the entry) -> owned Entry that is seen; no tombstones */
        EntryTable *unsorted; /* while it is loaded: what @entries is to have; NULL: sorted */
        bool is_appended_to;  /* what is put into @entries comes behind all that it has */
        const char *release;  /* the running one; borrowed from the State; NULL: none is */
        GTree *covered; /* likewise: those of no release that are hidden; NULL until there are any */
        GTree *releases; /* owned release -> owned GTree of its entries, seen ones too; or NULL */
        uint64_t n_hidden;
        uint64_t usage;           /* sum of entry_usage(), hidden ones too */
        uint64_t reply_bytes;     /* sum of entry_reply_bytes() of those seen */
        Declaration *declaration; /* NULL: none */
        uint64_t fallback_bytes;  /* as reply_bytes, of defaults whose keys are not set */
        EntryItem *order; /* what is seen by revision, owned; NULL: not known, or not any more */
        bool has_history; /* what is set is linked, for core/history.h */
        Entry *newest;    /* of those linked; borrowed */
        TombstoneList tombstones;
        uint64_t defaults_revision; /* since which the defaults are what they are; 0: always */
} Namespace;

/* @access is copied. */
Namespace *namespace_new(const char *name, const NamespaceAccess *access, uint64_t revision);
Namespace *namespace_ref(Namespace *ns);
Namespace *namespace_unref(Namespace *ns);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Namespace, namespace_unref)

/* The entry that is seen; borrowed, NULL when there is none. */
Entry *namespace_lookup(const Namespace *ns, const char *key);

/* The entry of @release ("": of none), seen or hidden; borrowed, NULL when there is none. */
Entry *namespace_lookup_at(const Namespace *ns, const char *key, const char *release);

/* Whether @entry, or a tombstone, is of the release that runs. */
bool namespace_is_running(const Namespace *ns, const Entry *entry);

/*
 * Whether what was done to @entry's place, set or with a tombstone deleted, may have changed what
 * readers see of its key.
 */
bool namespace_concerns_readers(const Namespace *ns, const Entry *entry);

/* How many releases it has entries of, and whether @release is one of them. */
uint64_t namespace_n_releases(const Namespace *ns);
bool namespace_has_release(const Namespace *ns, const char *release);

/* Those releases, or with @key (may be NULL) those that it has entries of, in order; owned. */
GStrv namespace_releases(const Namespace *ns, const char *key);

/* Whether @key has entries, and none that is seen. */
bool namespace_is_hidden(const Namespace *ns, const char *key);

/* All entries, hidden ones too. */
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
GTreeNode *namespace_first(const Namespace *ns, const char *prefix, const char *after);

/* The next entry below @prefix; NULL at the end. */
GTreeNode *namespace_next(GTreeNode *node, const char *prefix);

static inline Entry *namespace_node_entry(GTreeNode *node)
{
        return g_tree_node_value(node);
}

/* The rule that is declared for @key, or NULL. */
static inline const Rule *namespace_rule(const Namespace *ns, const char *key)
{
        return ns->declaration ? declaration_rule(ns->declaration, key) : NULL;
}

/*
 * For State alone. From the one to the other, entries are put and dropped and looked up in it as ever,
 * many times faster than else if there are many, but it cannot be walked. It is empty when this begins;
 * an entry of a release ends it, too.
 */
void namespace_begin_loading(Namespace *ns);
void namespace_end_loading(Namespace *ns);

/* Between them: takes @entry, of no release, into its entry_table_place(). What was there is the caller's. */
void namespace_fill(Namespace *ns, Entry **place, Entry *entry, uint64_t hash);

/* For State alone, which knows what is there: @old is what the place has, or NULL. */
void namespace_put(Namespace *ns, Entry *old, Entry *entry);
void namespace_drop(Namespace *ns, Entry *old);

/*
 * The same. From then on what is set and seen is linked, the last behind the others; namespace_link()
 * does so with what is there already, in the order of revisions.
 */
void namespace_begin_history(Namespace *ns);
void namespace_link(Namespace *ns, Entry *entry);

/* The same. References @declaration, which may be NULL. */
void namespace_set_declaration(Namespace *ns, Declaration *declaration);
