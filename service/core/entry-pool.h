/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Entry pool
 *
 * The memory of small entries that are needed no more, for others as large as they. A start makes many
 * entries of which only what they say is kept, in the place of the one before; then there is next to
 * nothing to be allocated, and what is written to is still at hand. One thread's.
 */

#include "core/entry.h"

#include <glib.h>
#include <stddef.h>

#define ENTRY_POOL_BYTES_MAX   512u  /* of an entry */
#define ENTRY_POOL_ENTRIES_MAX 8192u /* so it takes no more than 4 MiB */

typedef struct EntryPool {
        Entry *unused[ENTRY_POOL_BYTES_MAX + 1]; /* by their size, linked by @older */
        size_t n_unused;
} EntryPool;

void entry_pool_clear(EntryPool *pool);

/* Memory to be freed with g_free(), or given to any pool when it is an entry. @pool may be NULL. */
void *entry_pool_take(EntryPool *pool, size_t n_bytes);

/* In place of entry_unref(); NULL is nothing. */
void entry_pool_give(EntryPool *pool, Entry *entry);
