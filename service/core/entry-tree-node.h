/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Nodes of an entry tree
 *
 * For core/entry-tree.c alone, which says what they are. A node has of each key a head: the eight
 * bytes that follow what all keys of the node begin with, as a number that is larger the later the
 * key comes. A search among heads stays within the node, and a key itself is read only where heads
 * are equal, which is mostly at the one that is looked for.
 */

#include "core/entry-tree.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENTRY_TREE_SLOTS        64u
#define ENTRY_TREE_PREFIX_BYTES 64u

typedef struct Node {
        bool is_leaf;
        uint8_t n_prefix;
        uint16_t n;
        char prefix[ENTRY_TREE_PREFIX_BYTES]; /* what all keys begin with, or a part of that */
        uint64_t heads[ENTRY_TREE_SLOTS];
} Node;

typedef struct Leaf Leaf;

struct Leaf {
        Node node;
        Leaf *previous;
        Entry *slots[ENTRY_TREE_SLOTS + 1]; /* behind the last entry the next leaf, marked */
};

typedef struct Branch {
        Node node;
        char *keys[ENTRY_TREE_SLOTS];
        Node *children[ENTRY_TREE_SLOTS + 1]; /* the first is NULL when there are none left */
} Branch;

static inline Leaf *as_leaf(Node *node)
{
        return (Leaf *) node;
}

static inline Branch *as_branch(Node *node)
{
        return (Branch *) node;
}

/* A key that is looked for. */
typedef struct Wanted {
        const char *key;
        size_t n_bytes;
} Wanted;

/* The first key of @node that is not before the wanted one, and whether it is that. */
guint node_find(const Node *node, const Wanted *wanted, bool *ret_is_it);

/* The same by its head alone: one that is equal, or may be. */
guint node_find_head(const Node *node, const Wanted *wanted);

size_t node_common_bytes(const char *a, const char *b);
const char *node_key(const Node *node, guint i);

/* All keys are new. */
void node_make_heads(Node *node);

/* A key has come to stand at @i, and is counted. */
void node_add_head(Node *node, guint i);

/* The one at @i goes; it is still counted. */
void node_remove_head(Node *node, guint i);

/* The keys from @at on have been given to @right as well, and are to be its alone. */
void node_split_heads(Node *node, Node *right, guint at, guint n_right);

Leaf *leaf_new(void);

/* NULL: there is none. */
Leaf *leaf_next(const Leaf *leaf);

/* The entry's place, or where the next leaf begins when @slot is behind the last; NULL at the end. */
EntryNode *leaf_slot(EntryNode *slot);
bool leaf_slot_is_entry(EntryNode *slot);

/* Takes @entry. There must be room for it. */
void leaf_insert(Leaf *leaf, guint i, Entry *entry);

/* Forgets the entry at @i. */
void leaf_remove(Leaf *leaf, guint i);

/* What is at @at and behind goes to a new leaf. */
Leaf *leaf_split(Leaf *leaf, guint at);

/* Takes all that @right has, the leaf behind it, for which there must be room, and frees that. */
void leaf_absorb(Leaf *leaf, Leaf *right);

/* Takes the leaf from among its neighbours and frees it. */
void leaf_unlink(Leaf *leaf);
