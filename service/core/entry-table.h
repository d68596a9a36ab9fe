/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Entry table
 *
 * Entries by key: what a namespace is loaded into. A search reads three places of memory, where one in a
 * tree of a million keys reads forty; the order of keys is made at last, of all at once. What comes in
 * that order costs next to nothing.
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
Entry *entry_table_lookup(EntryTable *table, const char *key);

/* References @entry, in place of one of the same key. */
void entry_table_put(EntryTable *table, Entry *entry);

/*
 * The same for many. Has the memory fetched in which each of up to ENTRY_TABLE_FETCHED @entries will be
 * looked up, which comes while the others are, and leaves what to call the other two with.
 */
#define ENTRY_TABLE_FETCHED 32u
void entry_table_fetch(EntryTable *table,
                       Entry *const *entries,
                       size_t n_entries,
                       uint64_t *ret_hashes);

/* Has the memory of an entry fetched, as much as one of a short value takes; of NULL, nothing. */
static inline void entry_table_fetch_entry(const Entry *entry)
{
        if (!entry)
                return;

        __builtin_prefetch(entry);
        __builtin_prefetch((const char *) entry + 63);
        __builtin_prefetch((const char *) entry + 112);
}

/* The place of @entry's key, until something is put or removed elsewhere; what is there, or NULL. */
Entry **entry_table_place(EntryTable *table, const Entry *entry, uint64_t hash);

/* Takes @entry into that place; the one there before is its caller's. */
void entry_table_fill(EntryTable *table, Entry **place, Entry *entry, uint64_t hash);

/* What has @key goes, if anything does. */
void entry_table_remove(EntryTable *table, const char *key);

/* Takes all entries out, in the order of their keys; the references and the array are the caller's. */
Entry **entry_table_take_sorted(EntryTable *table, size_t *ret_n);
