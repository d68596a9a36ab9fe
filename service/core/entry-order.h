/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Entry order
 *
 * Entries in the order of their revisions, found out by a thread of its own: at a start that needs no more
 * than to look at them, so it is done while a tree is made of the same.
 */

#include "core/entry-sort.h"

#include <stddef.h>

typedef struct EntryOrder EntryOrder;

/*
 * Begins with @entries, which are borrowed, and must stay as they are, until entry_order_end(). NULL
 * when they are so few, or there can be no thread, that it is not worth it.
 */
EntryOrder *entry_order_begin(Entry *const *entries, size_t n_entries);

/* As many items, numbered by revision and in its order; those of the same one in that they had. Owned; NULL of NULL. */
EntryItem *entry_order_end(EntryOrder *order);
