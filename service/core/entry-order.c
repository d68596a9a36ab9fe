/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entry order
 */

#include "core/entry-order.h"

#define ENTRIES_MIN   ((size_t) 16384)
#define FETCHED_AHEAD 16u

struct EntryOrder {
        GThread *thread;
        Entry *const *entries; /* borrowed */
        size_t n_entries;
        EntryItem *items;
};

static gpointer find_order(gpointer userdata)
{
        EntryOrder *order = userdata;
        size_t n = order->n_entries;

        for (size_t i = 0; i < n; i++) {
                if (i + FETCHED_AHEAD < n)
                        __builtin_prefetch(order->entries[i + FETCHED_AHEAD]);
                order->items[i] = (EntryItem){ order->entries[i]->revision, order->entries[i] };
        }
        entry_sort(order->items, n, NULL);
        return NULL;
}

EntryOrder *entry_order_begin(Entry *const *entries, size_t n_entries)
{
        EntryOrder *begun;

        if (n_entries < ENTRIES_MIN)
                return NULL;

        begun = g_new(EntryOrder, 1);
        *begun = (EntryOrder){ .entries = entries, .n_entries = n_entries };
        begun->items = g_new(EntryItem, n_entries);
        begun->thread = g_thread_try_new("order", find_order, begun, NULL);
        if (begun->thread)
                return begun;

        g_free(begun->items);
        g_free(begun);
        return NULL;
}

EntryItem *entry_order_end(EntryOrder *order)
{
        EntryItem *items;

        if (!order)
                return NULL;

        g_thread_join(order->thread);
        items = order->items;
        g_free(order);
        return items;
}
