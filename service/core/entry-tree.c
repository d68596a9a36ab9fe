/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entry tree
 *
 * A B+ tree. What a search costs is the memory it touches, for the keys are all over it; how nodes
 * save that, entry-tree-node.h says.
 *
 *     leaf     n entries
 *     branch   n keys and n + 1 children; child i holds the keys before key i, and child i + 1 those
 *              from it on. Such a key is cut where it still tells the two apart.
 *
 * All leaves are equally far down, and none is empty but the root. A leaf that holds little is merged
 * with a neighbour below the same branch; a branch goes when its last child does.
 */

#include "core/entry-tree.h"

#include "core/entry-tree-node.h"

#include <string.h>

#define SLOTS            ENTRY_TREE_SLOTS
#define SLOTS_FEW        16u
#define CACHE_LINE_BYTES 64u

struct EntryTree {
        Node *root;
        unsigned n_levels; /* of branches */
        uint64_t n_entries;
        Entry **found; /* what was last looked up, for it is often put anew next; NULL: nothing */
};

/* What has come to be beside a node that was full. */
typedef struct Sprout {
        Node *node; /* NULL: nothing */
        char *key;  /* the first that belongs there */
} Sprout;

static Wanted wanted_of(const Entry *entry)
{
        return (Wanted){ entry_key(entry), entry->key_bytes };
}

static Wanted wanted_key(const char *key)
{
        return (Wanted){ key, strlen(key) };
}

/* Of the child that the key belongs to. */
static guint branch_index(const Branch *branch, const Wanted *wanted)
{
        bool is_it;
        guint i = node_find(&branch->node, wanted, &is_it);

        return i + is_it;
}

/* The shortest key that tells two leaves apart. */
static char *key_between(const Leaf *left, const Leaf *right)
{
        const char *last = node_key(&left->node, left->node.n - 1u);
        const char *first = node_key(&right->node, 0);

        return g_strndup(first, node_common_bytes(last, first) + 1);
}

/* Where keys come in order the leaves stay full. */
static Sprout leaf_insert_full(Leaf *leaf, guint i, Entry *entry)
{
        guint at = i == SLOTS && !leaf_next(leaf) ? SLOTS : SLOTS / 2;
        Leaf *right = leaf_split(leaf, at);

        if (i > at || at == SLOTS)
                leaf_insert(right, i - at, entry);
        else
                leaf_insert(leaf, i, entry);
        return (Sprout){ &right->node, key_between(leaf, right) };
}

static Entry *leaf_put(Leaf *leaf, Entry *entry, Sprout *ret_sprout)
{
        bool is_it;
        Wanted wanted = wanted_of(entry);
        guint i = node_find(&leaf->node, &wanted, &is_it);

        *ret_sprout = (Sprout){ 0 };
        if (is_it) {
                Entry *old = leaf->slots[i];

                leaf->slots[i] = entry;
                return old;
        }
        if (leaf->node.n < SLOTS)
                leaf_insert(leaf, i, entry);
        else
                *ret_sprout = leaf_insert_full(leaf, i, entry);
        return NULL;
}

static Branch *branch_new(Node *child)
{
        Branch *branch = g_new(Branch, 1);

        branch->node.is_leaf = false;
        branch->node.n_prefix = 0;
        branch->node.n = 0;
        branch->children[0] = child;
        return branch;
}

/* @sprout comes behind child @i. */
static void branch_insert(Branch *branch, guint i, Sprout sprout)
{
        guint n = branch->node.n;

        memmove(branch->keys + i + 1, branch->keys + i, (n - i) * sizeof branch->keys[0]);
        memmove(branch->children + i + 2, branch->children + i + 1,
                (n - i) * sizeof(branch->children[0]));
        branch->keys[i] = sprout.key;
        branch->children[i + 1] = sprout.node;
        branch->node.n++;
        node_add_head(&branch->node, i);
}

/* The key at @at goes up, and what is behind it to a new branch. */
static Sprout branch_split(Branch *branch, guint at)
{
        Branch *right = branch_new(branch->children[at + 1]);
        guint n = branch->node.n - at - 1u;

        memcpy(right->keys, branch->keys + at + 1, n * sizeof branch->keys[0]);
        memcpy(right->children + 1, branch->children + at + 2, n * sizeof(branch->children[0]));
        node_split_heads(&branch->node, &right->node, at, n);
        return (Sprout){ &right->node, branch->keys[at] };
}

static Sprout branch_insert_full(Branch *branch, guint i, Sprout sprout)
{
        guint at = i == SLOTS ? SLOTS - 1 : SLOTS / 2;
        Sprout own = branch_split(branch, at);

        if (i > at)
                branch_insert(as_branch(own.node), i - at - 1, sprout);
        else
                branch_insert(branch, i, sprout);
        return own;
}

/* Returns what its key had. */
static Entry *node_put(Node *node, Entry *entry, Sprout *ret_sprout)
{
        Branch *branch = as_branch(node);
        Sprout sprout;
        Wanted wanted;
        Entry *old;
        guint i;

        if (node->is_leaf)
                return leaf_put(as_leaf(node), entry, ret_sprout);

        *ret_sprout = (Sprout){ 0 };
        wanted = wanted_of(entry);
        i = branch_index(branch, &wanted);
        old = node_put(branch->children[i], entry, &sprout);
        if (!sprout.node)
                return old;

        if (node->n < SLOTS)
                branch_insert(branch, i, sprout);
        else
                *ret_sprout = branch_insert_full(branch, i, sprout);
        return old;
}

void entry_tree_put(EntryTree *tree, Entry *entry)
{
        Sprout sprout;
        Entry *old;

        if (tree->found && strcmp(entry_key(*tree->found), entry_key(entry)) == 0) {
                entry_unref(*tree->found);
                *tree->found = entry;
                return;
        }

        tree->found = NULL;
        old = node_put(tree->root, entry, &sprout);
        if (sprout.node) {
                Branch *root = branch_new(tree->root);

                branch_insert(root, 0, sprout);
                tree->root = &root->node;
                tree->n_levels++;
        }
        if (!old)
                tree->n_entries++;
        entry_unref(old);
}

/* Forgets child @i, and a key that told it from a neighbour. */
static void branch_drop(Branch *branch, guint i)
{
        guint n = branch->node.n;
        guint key = i > 0 ? i - 1 : 0;

        if (n == 0) {
                branch->children[0] = NULL;
                return;
        }

        g_free(branch->keys[key]);
        node_remove_head(&branch->node, key);
        memmove(branch->keys + key, branch->keys + key + 1, (n - key - 1) * sizeof branch->keys[0]);
        memmove(branch->children + i, branch->children + i + 1,
                (n - i) * sizeof(branch->children[0]));
        branch->node.n--;
}

/* Children @i and @i + 1, two leaves, become one if they are small. */
static void branch_merge(Branch *branch, guint i)
{
        Leaf *left = as_leaf(branch->children[i]);
        Leaf *right = as_leaf(branch->children[i + 1]);

        if (left->node.n + right->node.n > SLOTS / 2)
                return;

        leaf_absorb(left, right);
        branch_drop(branch, i + 1);
}

/* Something of child @i is gone. */
static void branch_tidy(Branch *branch, guint i)
{
        Node *child = branch->children[i];

        if (!child->is_leaf) {
                if (!as_branch(child)->children[0]) {
                        g_free(child);
                        branch_drop(branch, i);
                }
                return;
        }

        if (child->n == 0) {
                leaf_unlink(as_leaf(child));
                branch_drop(branch, i);
        } else if (child->n < SLOTS_FEW) {
                if (i < branch->node.n)
                        branch_merge(branch, i);
                else if (i > 0)
                        branch_merge(branch, i - 1);
        }
}

static Entry *node_take(Node *node, const Wanted *wanted)
{
        Branch *branch = as_branch(node);
        bool is_it;
        Entry *entry;
        guint i;

        if (node->is_leaf) {
                i = node_find(node, wanted, &is_it);
                if (!is_it)
                        return NULL;
                entry = as_leaf(node)->slots[i];
                leaf_remove(as_leaf(node), i);
                return entry;
        }

        i = branch_index(branch, wanted);
        entry = node_take(branch->children[i], wanted);
        if (entry)
                branch_tidy(branch, i);
        return entry;
}

void entry_tree_remove(EntryTree *tree, const char *key)
{
        Wanted wanted = wanted_key(key);
        Entry *entry = node_take(tree->root, &wanted);

        tree->found = NULL;
        if (!entry)
                return;

        tree->n_entries--;
        while (!tree->root->is_leaf && tree->root->n == 0) {
                Branch *root = as_branch(tree->root);

                tree->root = root->children[0] ? root->children[0] : &leaf_new()->node;
                tree->n_levels = root->children[0] ? tree->n_levels - 1 : 0;
                g_free(root);
        }
        entry_unref(entry);
}

static Leaf *leaf_of(const EntryTree *tree, const Wanted *wanted)
{
        Node *node = tree->root;

        /* Without asking the node, for a leaf may be far away. */
        for (unsigned i = 0; i < tree->n_levels; i++)
                node = as_branch(node)->children[branch_index(as_branch(node), wanted)];
        return as_leaf(node);
}

Entry *entry_tree_lookup(EntryTree *tree, const char *key)
{
        Wanted wanted = wanted_key(key);
        Leaf *leaf = leaf_of(tree, &wanted);
        bool is_it;
        guint i = node_find(&leaf->node, &wanted, &is_it);

        tree->found = is_it ? &leaf->slots[i] : NULL;
        return is_it ? leaf->slots[i] : NULL;
}

static void prefetch(const void *memory, size_t n_bytes)
{
        for (size_t i = 0; i < n_bytes; i += CACHE_LINE_BYTES)
                __builtin_prefetch((const char *) memory + i);
}

void entry_tree_prefetch(const EntryTree *tree, Entry *const *entries, guint n)
{
        const Leaf *leaves[ENTRY_TREE_PREFETCH_MAX];
        EntryNode *slots[ENTRY_TREE_PREFETCH_MAX];

        g_assert(n <= ENTRY_TREE_PREFETCH_MAX);

        for (guint i = 0; i < n; i++) {
                Wanted wanted = wanted_of(entries[i]);

                leaves[i] = leaf_of(tree, &wanted);
                prefetch(leaves[i], sizeof(Node));
        }
        for (guint i = 0; i < n; i++) {
                Wanted wanted = wanted_of(entries[i]);

                slots[i] = leaves[i]->slots + node_find_head(&leaves[i]->node, &wanted);
                prefetch(slots[i], sizeof *slots[i]);
        }
        for (guint i = 0; i < n; i++)
                if (leaf_slot_is_entry(slots[i]))
                        prefetch(*slots[i], offsetof(Entry, text) + CACHE_LINE_BYTES);
}

static EntryNode *bound(const EntryTree *tree, const char *key, bool is_behind)
{
        Wanted wanted = wanted_key(key);
        const Leaf *leaf = leaf_of(tree, &wanted);
        bool is_it;
        guint i = node_find(&leaf->node, &wanted, &is_it);

        return leaf_slot(leaf->slots + i + (is_it && is_behind));
}

EntryNode *entry_tree_lower_bound(const EntryTree *tree, const char *key)
{
        return bound(tree, key, false);
}

EntryNode *entry_tree_upper_bound(const EntryTree *tree, const char *key)
{
        return bound(tree, key, true);
}

/* Whoever walks is likely to go on: all that the next leaf holds is fetched when it is entered. */
static void prefetch_leaf(EntryNode *first)
{
        for (EntryNode *slot = first; leaf_slot_is_entry(slot); slot++)
                prefetch(*slot, 2 * (size_t) CACHE_LINE_BYTES);
}

EntryNode *entry_node_next(EntryNode *node)
{
        EntryNode *next = leaf_slot(node + 1);

        if (next && next != node + 1)
                prefetch_leaf(next);
        return next;
}

uint64_t entry_tree_n_entries(const EntryTree *tree)
{
        return tree->n_entries;
}

EntryTree *entry_tree_new(void)
{
        EntryTree *tree = g_new(EntryTree, 1);

        *tree = (EntryTree){ .root = &leaf_new()->node };
        return tree;
}

static void node_free(Node *node)
{
        Branch *branch = as_branch(node);

        if (node->is_leaf) {
                for (guint i = 0; i < node->n; i++)
                        entry_unref(as_leaf(node)->slots[i]);
        } else {
                for (guint i = 0; i < node->n; i++)
                        g_free(branch->keys[i]);
                for (guint i = 0; i <= node->n; i++)
                        node_free(branch->children[i]);
        }
        g_free(node);
}

EntryTree *entry_tree_free(EntryTree *tree)
{
        if (!tree)
                return NULL;

        node_free(tree->root);
        g_free(tree);
        return NULL;
}
