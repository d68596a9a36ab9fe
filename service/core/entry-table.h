/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Entry table
 *
 * Entries by key, in no order: what a namespace is loaded into. A search reads two places of memory,
 * where one in a tree of a million keys reads forty; the order is made at last, of all at once.
 */

#include "core/entry.h"

#include <glib.h>
#include <stddef.h>

typedef struct EntryTable EntryTable;

EntryTable *entry_table_new(void);
EntryTable *entry_table_free(EntryTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EntryTable, entry_table_free)

size_t entry_table_size(const EntryTable *table);

/* Borrowed; NULL when there is none. */
Entry *entry_table_lookup(const EntryTable *table, const char *key);

/*
 * Has the memory fetched in which each of @entries, up to ENTRY_TABLE_FETCHED of them, will be looked up.
 * It comes while others are looked for, and one would have to wait for it.
 */
#define ENTRY_TABLE_FETCHED 32u
void entry_table_fetch(const EntryTable *table, Entry *const *entries, size_t n_entries);

/* References @entry, in place of one of the same key. */
void entry_table_put(EntryTable *table, Entry *entry);

/* What has @key goes, if anything does. */
void entry_table_remove(EntryTable *table, const char *key);

/* Takes all entries out, in the order of their keys; owned references in an array without a free function. */
GPtrArray *entry_table_take_sorted(EntryTable *table);
