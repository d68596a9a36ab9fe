/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entry pool
 */

#include "core/entry-pool.h"

void entry_pool_clear(EntryPool *pool)
{
        for (size_t i = 0; i < G_N_ELEMENTS(pool->unused); i++)
                while (pool->unused[i]) {
                        Entry *entry = pool->unused[i];

                        pool->unused[i] = entry->older;
                        g_free(entry);
                }
        pool->n_unused = 0;
}

void *entry_pool_take(EntryPool *pool, size_t n_bytes)
{
        Entry *entry;

        if (!pool || n_bytes > ENTRY_POOL_BYTES_MAX || !pool->unused[n_bytes])
                return g_malloc(n_bytes);

        entry = pool->unused[n_bytes];
        pool->unused[n_bytes] = entry->older;
        pool->n_unused--;
        return entry;
}

void entry_pool_give(EntryPool *pool, Entry *entry)
{
        size_t n_bytes = entry ? entry_memory_bytes(entry) : 0;

        if (!entry || entry->n_refs > 1 || n_bytes > ENTRY_POOL_BYTES_MAX ||
            pool->n_unused == ENTRY_POOL_ENTRIES_MAX) {
                entry_unref(entry);
                return;
        }

        entry->older = pool->unused[n_bytes];
        pool->unused[n_bytes] = entry;
        pool->n_unused++;
}
