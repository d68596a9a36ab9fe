/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Entry sort
 *
 * Entries in the order of a number that each has, which is kept beside the entry: that is somewhere else
 * in memory.
 */

#include "core/entry.h"

#include <stddef.h>

typedef struct EntryItem {
        uint64_t number;
        Entry *entry;
} EntryItem;

/* Those of the same number stay in the order they have. @spare: room for as many more, to work with; or NULL. */
void entry_sort(EntryItem *items, size_t n, EntryItem *spare);
