/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watch delta
 *
 * The keys are in order, so what is below a prefix lies together and its beginning is found by
 * halving: groups that a commit does not concern cost next to nothing, however many keys it has.
 */

#include "bus/watch-delta.h"

#include "core/namespace-walk.h"

#include <string.h>

/* What a key takes in an array of strings. */
#define NAME_FRAME_BYTES 8u

void watch_delta_init(WatchDelta *delta, const Limits *limits)
{
        *delta = (WatchDelta){ limits, g_array_new(FALSE, FALSE, sizeof(WatchKey)) };
}

void watch_delta_clear(WatchDelta *delta)
{
        g_clear_pointer(&delta->keys, g_array_unref);
}

static void add(WatchDelta *delta, const char *key, Entry *entry)
{
        const WatchKey watch_key = { key, entry };

        g_array_append_val(delta->keys, watch_key);
}

void watch_delta_add_change(WatchDelta *delta, const Namespace *ns, const NamespaceChange *change)
{
        for (guint i = 0; i < change->entries->len; i++) {
                const Entry *entry = change->entries->pdata[i];

                if (namespace_concerns_readers(ns, entry))
                        add(delta, entry_key(entry),
                            namespace_read(ns, entry_key(entry), NAMESPACE_WALK_ALL));
        }
}

void watch_delta_add_all(WatchDelta *delta, const Namespace *ns)
{
        uint64_t n_bytes = 0;
        NamespaceWalk walk;
        Entry *entry;

        namespace_walk_begin(&walk, ns, "", "", NAMESPACE_WALK_ALL);
        while (n_bytes <= WATCH_NAMES_BYTES_MAX && (entry = namespace_walk_next(&walk))) {
                n_bytes += NAME_FRAME_BYTES + (uint64_t) entry->key_bytes;
                add(delta, entry_key(entry), entry);
        }
}

void watch_delta_add_defaults(WatchDelta *delta, const Namespace *ns, const Declaration *before)
{
        const Declaration *now = ns->declaration;

        for (guint i = 0; now && i < now->fallbacks->len; i++) {
                Entry *entry = now->fallbacks->pdata[i];
                const Entry *other = before ? declaration_fallback(before, entry_key(entry)) : NULL;

                if (!namespace_lookup(ns, entry_key(entry)) &&
                    !(other && entry_value_equal(entry, other)))
                        add(delta, entry_key(entry), entry);
        }
        for (guint i = 0; before && i < before->fallbacks->len; i++) {
                const Entry *entry = before->fallbacks->pdata[i];

                if (!namespace_lookup(ns, entry_key(entry)) &&
                    !(now && declaration_fallback(now, entry_key(entry))))
                        add(delta, entry_key(entry), NULL);
        }
}

static int compare(const void *a, const void *b)
{
        return strcmp(((const WatchKey *) a)->key, ((const WatchKey *) b)->key);
}

void watch_delta_complete(WatchDelta *delta)
{
        WatchKey *keys = (WatchKey *) (void *) delta->keys->data;
        guint kept = 0;

        if (delta->keys->len < 2)
                return;

        /* A key that goes from one class to another is deleted and set in one commit. */
        qsort(keys, delta->keys->len, sizeof *keys, compare);
        for (guint i = 0; i < delta->keys->len; i++)
                if (kept == 0 || strcmp(keys[kept - 1].key, keys[i].key) != 0)
                        keys[kept++] = keys[i];
        g_array_set_size(delta->keys, kept);
}

void watch_cut_init(WatchCut *cut)
{
        *cut = (WatchCut){
                .changed = g_ptr_array_new(),
                .removed = g_ptr_array_new(),
                .invalidated = g_ptr_array_new(),
        };
}

void watch_cut_clear(WatchCut *cut)
{
        g_clear_pointer(&cut->changed, g_ptr_array_unref);
        g_clear_pointer(&cut->removed, g_ptr_array_unref);
        g_clear_pointer(&cut->invalidated, g_ptr_array_unref);
}

/* The first key that is @prefix or behind it. */
static guint find_first(const WatchDelta *delta, const char *prefix)
{
        guint first = 0, end = delta->keys->len;

        while (*prefix && first < end) {
                guint middle = first + (end - first) / 2;

                if (strcmp(g_array_index(delta->keys, WatchKey, middle).key, prefix) < 0)
                        first = middle + 1;
                else
                        end = middle;
        }

        return first;
}

static void put(const WatchDelta *delta, WatchCut *cut, const WatchKey *key, uint64_t *n_values)
{
        uint64_t n_bytes = key->entry ? entry_reply_bytes(key->entry) : 0;

        if (key->entry && key->entry->value_bytes <= delta->limits->changed_value_bytes &&
            *n_values + n_bytes <= delta->limits->changed_bytes) {
                *n_values += n_bytes;
                cut->n_bytes += n_bytes;
                g_ptr_array_add(cut->changed, key->entry);
                return;
        }

        cut->n_bytes += NAME_FRAME_BYTES + strlen(key->key);
        g_ptr_array_add(key->entry ? cut->invalidated : cut->removed,
                        (gpointer) (uintptr_t) key->key);
}

bool watch_delta_cut(const WatchDelta *delta, const char *prefix, WatchCut *cut)
{
        size_t length = strlen(prefix);
        uint64_t n_values = 0;
        guint i = find_first(delta, prefix), first = i;

        g_ptr_array_set_size(cut->changed, 0);
        g_ptr_array_set_size(cut->removed, 0);
        g_ptr_array_set_size(cut->invalidated, 0);
        cut->n_bytes = 0;
        cut->is_too_large = false;

        for (; i < delta->keys->len && !cut->is_too_large; i++) {
                const WatchKey *key = &g_array_index(delta->keys, WatchKey, i);

                if (strncmp(key->key, prefix, length) != 0)
                        break;
                put(delta, cut, key, &n_values);
                cut->is_too_large = cut->n_bytes - n_values > WATCH_NAMES_BYTES_MAX;
        }

        return i > first;
}
