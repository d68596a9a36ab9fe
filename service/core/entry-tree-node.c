/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nodes of an entry tree
 */

#include "core/entry-tree-node.h"

#include <string.h>

const char *node_key(const Node *node, guint i)
{
        return node->is_leaf ? entry_key(((const Leaf *) node)->slots[i])
                             : ((const Branch *) node)->keys[i];
}

size_t node_common_bytes(const char *a, const char *b)
{
        size_t n = 0;

        while (a[n] == b[n] && a[n] != '\0')
                n++;
        return n;
}

/* Of what follows the first @n_prefix bytes. Zeros stand for what is not there, as in strcmp(). */
static uint64_t head_of(const char *key, size_t n_bytes, size_t n_prefix)
{
        uint64_t head = 0;

        if (n_bytes - n_prefix >= sizeof head)
                memcpy(&head, key + n_prefix, sizeof head);
        else
                for (size_t i = n_prefix; i < n_bytes; i++)
                        ((char *) &head)[i - n_prefix] = key[i];
        return GUINT64_FROM_BE(head);
}

static void set_head(Node *node, guint i)
{
        const char *key = node_key(node, i);

        node->heads[i] = head_of(key, strlen(key), node->n_prefix);
}

/* How many bytes all keys begin with, as far as there is room for them. */
static size_t prefix_bytes(const Node *node)
{
        size_t n = node_common_bytes(node_key(node, 0), node_key(node, node->n - 1u));

        return MIN(n, ENTRY_TREE_PREFIX_BYTES);
}

void node_make_heads(Node *node)
{
        node->n_prefix = 0;
        if (node->n == 0)
                return;

        node->n_prefix = (uint8_t) prefix_bytes(node);
        memcpy(node->prefix, node_key(node, 0), node->n_prefix);
        for (guint i = 0; i < node->n; i++)
                set_head(node, i);
}

void node_add_head(Node *node, guint i)
{
        guint last = node->n - 1u;

        /* Only the first and the last key can begin unlike the others. */
        if (last == 0 || ((i == 0 || i == last) && prefix_bytes(node) < node->n_prefix)) {
                node_make_heads(node);
                return;
        }
        memmove(node->heads + i + 1, node->heads + i, (last - i) * sizeof node->heads[0]);
        set_head(node, i);
}

void node_remove_head(Node *node, guint i)
{
        memmove(node->heads + i, node->heads + i + 1, (node->n - i - 1u) * sizeof node->heads[0]);
}

static void cut_heads(Node *node, guint n)
{
        node->n = (uint16_t) n;
        if (n == 0 || prefix_bytes(node) > node->n_prefix)
                node_make_heads(node);
}

void node_split_heads(Node *node, Node *right, guint at, guint n_right)
{
        right->n_prefix = node->n_prefix;
        memcpy(right->prefix, node->prefix, node->n_prefix);
        memcpy(right->heads, node->heads + node->n - n_right, n_right * sizeof node->heads[0]);
        cut_heads(node, at);
        cut_heads(right, n_right);
}

/* The first head that is not before @head. Without a branch that could be guessed wrong. */
static guint search_heads(const Node *node, uint64_t head)
{
        const uint64_t *base = node->heads;

        if (node->n == 0)
                return 0;

        for (guint n = node->n; n > 1; n -= n / 2)
                base += base[n / 2 - 1] < head ? n / 2 : 0;
        return (guint) (base - node->heads) + (*base < head);
}

/* Among keys with equal heads, from @low on. */
static guint search_keys(const Node *node, guint low, const Wanted *wanted, bool *ret_is_it)
{
        uint64_t head = node->heads[low];
        guint high = head == UINT64_MAX ? node->n : search_heads(node, head + 1);

        while (low < high) {
                guint middle = (low + high) / 2;
                int order = strcmp(node_key(node, middle), wanted->key);

                if (order == 0) {
                        *ret_is_it = true;
                        return middle;
                }
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }

        return low;
}

guint node_find(const Node *node, const Wanted *wanted, bool *ret_is_it)
{
        int order = strncmp(wanted->key, node->prefix, node->n_prefix);
        uint64_t head;
        guint i;

        *ret_is_it = false;
        if (order != 0)
                return order < 0 ? 0 : node->n;

        head = head_of(wanted->key, wanted->n_bytes, node->n_prefix);
        i = search_heads(node, head);
        return i < node->n && node->heads[i] == head ? search_keys(node, i, wanted, ret_is_it) : i;
}

guint node_find_head(const Node *node, const Wanted *wanted)
{
        if (wanted->n_bytes < node->n_prefix)
                return 0;
        return search_heads(node, head_of(wanted->key, wanted->n_bytes, node->n_prefix));
}

static Entry *mark_leaf(Leaf *leaf)
{
        return (Entry *) ((uintptr_t) leaf | 1);
}

static Leaf *marked_leaf(const Entry *slot)
{
        return (Leaf *) ((uintptr_t) slot & ~(uintptr_t) 1);
}

bool leaf_slot_is_entry(EntryNode *slot)
{
        return !((uintptr_t) *slot & 1);
}

EntryNode *leaf_slot(EntryNode *slot)
{
        Leaf *next;

        if (leaf_slot_is_entry(slot))
                return slot;

        next = marked_leaf(*slot);
        return next ? next->slots : NULL;
}

Leaf *leaf_new(void)
{
        Leaf *leaf = g_new(Leaf, 1);

        leaf->node.is_leaf = true;
        leaf->node.n_prefix = 0;
        leaf->node.n = 0;
        leaf->previous = NULL;
        leaf->slots[0] = mark_leaf(NULL);
        return leaf;
}

Leaf *leaf_next(const Leaf *leaf)
{
        return marked_leaf(leaf->slots[leaf->node.n]);
}

static void set_next(Leaf *leaf, Leaf *next)
{
        leaf->slots[leaf->node.n] = mark_leaf(next);
        if (next)
                next->previous = leaf;
}

void leaf_insert(Leaf *leaf, guint i, Entry *entry)
{
        memmove(leaf->slots + i + 1, leaf->slots + i,
                (leaf->node.n - i + 1u) * sizeof leaf->slots[0]);
        leaf->slots[i] = entry;
        leaf->node.n++;
        node_add_head(&leaf->node, i);
}

void leaf_remove(Leaf *leaf, guint i)
{
        node_remove_head(&leaf->node, i);
        memmove(leaf->slots + i, leaf->slots + i + 1, (leaf->node.n - i) * sizeof leaf->slots[0]);
        leaf->node.n--;
}

Leaf *leaf_split(Leaf *leaf, guint at)
{
        guint n_right = leaf->node.n - at;
        Leaf *next = leaf_next(leaf);
        Leaf *right = leaf_new();

        memcpy(right->slots, leaf->slots + at, n_right * sizeof right->slots[0]);
        node_split_heads(&leaf->node, &right->node, at, n_right);
        set_next(right, next);
        set_next(leaf, right);
        return right;
}

void leaf_unlink(Leaf *leaf)
{
        Leaf *next = leaf_next(leaf);

        if (leaf->previous)
                set_next(leaf->previous, next);
        else if (next)
                next->previous = NULL;
        g_free(leaf);
}

void leaf_absorb(Leaf *leaf, Leaf *right)
{
        guint n = leaf->node.n;

        memcpy(leaf->slots + n, right->slots, right->node.n * sizeof leaf->slots[0]);
        leaf->node.n = (uint16_t) (n + right->node.n);
        leaf_unlink(right);
        node_make_heads(&leaf->node);
}
