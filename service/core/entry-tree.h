/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Entry tree
 *
 * Entries in the order of their keys, made for a million of them: looking one up touches little
 * memory beside the entry itself.
 */

#include "core/entry.h"

#include <glib.h>
#include <stdint.h>

typedef struct EntryTree EntryTree;

/* A place in the tree, which holds an entry; it does not outlive a change of the tree. */
typedef Entry *const EntryNode;

EntryTree *entry_tree_new(void);
EntryTree *entry_tree_free(EntryTree *tree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EntryTree, entry_tree_free)

uint64_t entry_tree_n_entries(const EntryTree *tree);

/* Borrows; NULL when there is none. */
Entry *entry_tree_lookup(EntryTree *tree, const char *key);

/*
 * Has the memory brought near that looking up the keys of @entries will touch: for all of them at
 * once, where each lookup would wait for its own.
 */
#define ENTRY_TREE_PREFETCH_MAX 16u
void entry_tree_prefetch(const EntryTree *tree, Entry *const *entries, guint n);

/* Takes @entry; what its key had is unreferenced. */
void entry_tree_put(EntryTree *tree, Entry *entry);

/* Unreferences what @key has, if anything. */
void entry_tree_remove(EntryTree *tree, const char *key);

/* The first entry whose key is not before @key, or is behind it; NULL when there is none. */
EntryNode *entry_tree_lower_bound(const EntryTree *tree, const char *key);
EntryNode *entry_tree_upper_bound(const EntryTree *tree, const char *key);

/* NULL at the end. */
EntryNode *entry_node_next(EntryNode *node);
