/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entry table
 *
 * The entries stand in the order they came, which is that of their keys when they come of a checkpoint. As
 * long as it is, nothing else is kept. Else slots say where each one is. Open addressing: it is in the first
 * slot from that of its hash on that was free, so what is removed has those behind it move up. The hash has
 * a seed, as whoever chooses keys could have them all meet in one slot otherwise.
 *
 * Sorting: eight bytes of each key are one number, kept beside the entry, for an entry is somewhere else
 * in memory. Only those that are equal in them are looked at again, eight bytes on.
 */

#include "core/entry-table.h"

#include "core/entry-sort.h"

#include <string.h>
#include <xxhash.h>

#define SLOTS_MIN   ((size_t) 16)
#define ENTRIES_MIN ((size_t) 16)
#define LINE_BYTES  64u

typedef struct Slot {
        uint32_t hash; /* the lower half */
        uint32_t at;   /* the entry's index + 1; 0: free */
} Slot;

struct EntryTable {
        uint64_t seed;
        Entry **entries; /* owned, NULL where one was removed; there is always room for one more */
        size_t n_used, n_allocated;
        size_t n_entries;
        Slot *slots;    /* NULL: the entries are in the order of their keys, with no gap */
        size_t n_slots; /* a power of two, more than a quarter of them free; or 0 */
};

static void make_room(EntryTable *table)
{
        if (table->n_used < table->n_allocated)
                return;

        table->n_allocated = MAX(2 * table->n_allocated, ENTRIES_MIN);
        g_assert(table->n_allocated < UINT32_MAX);
        table->entries = g_renew(Entry *, table->entries, table->n_allocated);
}

EntryTable *entry_table_new(void)
{
        EntryTable *table = g_new(EntryTable, 1);

        *table = (EntryTable){
                .seed = (uint64_t) g_random_int() << 32 | g_random_int(),
        };
        return table;
}

EntryTable *entry_table_free(EntryTable *table)
{
        if (!table)
                return NULL;

        for (size_t i = 0; i < table->n_used; i++)
                entry_unref(table->entries[i]);
        g_free(table->entries);
        g_free(table->slots);
        g_free(table);
        return NULL;
}

size_t entry_table_size(const EntryTable *table)
{
        return table->n_entries;
}

static uint64_t hash_of(const EntryTable *table, const char *key, size_t key_bytes)
{
        return XXH3_64bits_withSeed(key, key_bytes, table->seed);
}

static Slot *home_of(const EntryTable *table, uint64_t hash)
{
        return &table->slots[hash & (table->n_slots - 1)];
}

static Slot *next_slot(const EntryTable *table, const Slot *slot)
{
        return &table->slots[(size_t) (slot - table->slots + 1) & (table->n_slots - 1)];
}

static Entry **entry_at(const EntryTable *table, const Slot *slot)
{
        return &table->entries[slot->at - 1];
}

static bool has_key(const Entry *entry, const char *key, size_t key_bytes)
{
        return entry->key_bytes == key_bytes && memcmp(entry_key(entry), key, key_bytes) == 0;
}

/* The slot of @key, or the free one where it would go. */
static Slot *find(const EntryTable *table, uint64_t hash, const char *key, size_t key_bytes)
{
        Slot *slot = home_of(table, hash);

        while (slot->at > 0 &&
               (slot->hash != (uint32_t) hash || !has_key(*entry_at(table, slot), key, key_bytes)))
                slot = next_slot(table, slot);
        return slot;
}

static void take_slot(EntryTable *table, uint32_t hash, size_t index)
{
        Slot *slot = home_of(table, hash);

        while (slot->at > 0)
                slot = next_slot(table, slot);
        *slot = (Slot){ hash, (uint32_t) index + 1 };
}

static void close_gaps(EntryTable *table)
{
        size_t n = 0;

        for (size_t i = 0; i < table->n_used; i++)
                if (table->entries[i])
                        table->entries[n++] = table->entries[i];
        table->n_used = n;
}

/* Has each entry take a slot. The slots there were, if all stand for what is there, save a look at the keys. */
static void fill_slots(EntryTable *table, const Slot *before, size_t n_before)
{
        for (size_t i = 0; i < n_before; i++)
                if (before[i].at > 0)
                        take_slot(table, before[i].hash, before[i].at - 1);

        for (size_t i = 0; i < table->n_used && !before; i++) {
                const Entry *entry = table->entries[i];

                take_slot(table, (uint32_t) hash_of(table, entry_key(entry), entry->key_bytes), i);
        }
}

/* Makes slots for all that is there, and half as much again. */
static void make_slots(EntryTable *table)
{
        bool has_gaps = table->n_entries < table->n_used;
        g_autofree Slot *before = g_steal_pointer(&table->slots);
        size_t n_before = table->n_slots;

        close_gaps(table);
        for (table->n_slots = SLOTS_MIN; table->n_slots / 2 < table->n_used + 1;)
                table->n_slots *= 2;
        table->slots = g_new0(Slot, table->n_slots);
        fill_slots(table, has_gaps ? NULL : before, has_gaps ? 0 : n_before);
}

/* Whether @key comes after all that there are, which are in order. */
static bool comes_last(const EntryTable *table, const char *key)
{
        return !table->slots && (table->n_used == 0 ||
                                 strcmp(entry_key(table->entries[table->n_used - 1]), key) < 0);
}

Entry *entry_table_lookup(EntryTable *table, const char *key)
{
        size_t key_bytes = strlen(key);
        const Slot *slot;

        if (comes_last(table, key))
                return NULL;
        if (!table->slots)
                make_slots(table);
        slot = find(table, hash_of(table, key, key_bytes), key, key_bytes);
        return slot->at > 0 ? *entry_at(table, slot) : NULL;
}

Entry **entry_table_place(EntryTable *table, const Entry *entry, uint64_t hash)
{
        const Slot *slot;

        if (!table->slots || table->n_used >= table->n_slots / 4 * 3)
                make_slots(table);
        slot = find(table, hash, entry_key(entry), entry->key_bytes);
        if (slot->at > 0)
                return entry_at(table, slot);

        make_room(table);
        table->entries[table->n_used] = NULL;
        return &table->entries[table->n_used];
}

void entry_table_fill(EntryTable *table, Entry **place, Entry *entry, uint64_t hash)
{
        if (place == &table->entries[table->n_used]) {
                take_slot(table, (uint32_t) hash, table->n_used);
                table->n_used++;
                table->n_entries++;
        }
        *place = entry;
}

static void append(EntryTable *table, Entry *entry)
{
        make_room(table);
        table->entries[table->n_used++] = entry;
        table->n_entries++;
}

void entry_table_put(EntryTable *table, Entry *entry)
{
        uint64_t hash;
        Entry **place, *before;

        if (comes_last(table, entry_key(entry))) {
                append(table, entry_ref(entry));
                return;
        }
        hash = hash_of(table, entry_key(entry), entry->key_bytes);
        place = entry_table_place(table, entry, hash);
        before = *place;
        entry_table_fill(table, place, entry_ref(entry), hash);
        entry_unref(before);
}

void entry_table_fetch(EntryTable *table,
                       Entry *const *entries,
                       size_t n_entries,
                       uint64_t *ret_hashes)
{
        const Slot *slots[ENTRY_TABLE_FETCHED];

        g_assert(n_entries <= ENTRY_TABLE_FETCHED);

        if (!table->slots)
                make_slots(table);
        for (size_t i = 0; i < n_entries; i++) {
                ret_hashes[i] = hash_of(table, entry_key(entries[i]), entries[i]->key_bytes);
                slots[i] = home_of(table, ret_hashes[i]);
                __builtin_prefetch(slots[i]);
        }
        for (size_t i = 0; i < n_entries; i++)
                if (slots[i]->at > 0)
                        __builtin_prefetch(entry_at(table, slots[i]));
        /* A key reaches beyond the line of memory in which its entry begins. */
        for (size_t i = 0; i < n_entries; i++)
                if (slots[i]->at > 0) {
                        const char *entry = (const char *) *entry_at(table, slots[i]);

                        __builtin_prefetch(entry);
                        __builtin_prefetch(entry + LINE_BYTES - 1);
                }
}

/* Whether what is in @slot may move up to @hole, which is before it: its home is not between them. */
static bool may_move_up(const EntryTable *table, const Slot *hole, const Slot *slot)
{
        size_t from_home = (size_t) (slot - home_of(table, slot->hash)) & (table->n_slots - 1);
        size_t from_hole = (size_t) (slot - hole) & (table->n_slots - 1);

        return from_home >= from_hole;
}

static void free_slot(EntryTable *table, Slot *hole)
{
        for (Slot *slot = next_slot(table, hole); slot->at > 0; slot = next_slot(table, slot))
                if (may_move_up(table, hole, slot)) {
                        *hole = *slot;
                        hole = slot;
                }
        hole->at = 0;
}

void entry_table_remove(EntryTable *table, const char *key)
{
        size_t key_bytes = strlen(key);
        Entry *entry;
        Slot *slot;

        if (!entry_table_lookup(table, key))
                return;

        slot = find(table, hash_of(table, key, key_bytes), key, key_bytes);
        entry = g_steal_pointer(entry_at(table, slot));
        free_slot(table, slot);
        table->n_entries--;
        entry_unref(entry);
}

/* The eight bytes of the key from @from on; zeros behind its end, which no key has in it. */
static uint64_t part_of(const Entry *entry, size_t from)
{
        uint64_t part = 0;

        if (from < entry->key_bytes)
                memcpy(&part, entry_key(entry) + from, MIN(sizeof part, entry->key_bytes - from));
        return GUINT64_FROM_BE(part);
}

/* Sorts items whose keys are equal before @from; no two are equal in all. */
static void sort_items(EntryItem *items, size_t n, size_t from)
{
        bool is_sorted = true;

        for (size_t i = 0; i < n; i++) {
                items[i].number = part_of(items[i].entry, from);
                is_sorted = is_sorted && (i == 0 || items[i - 1].number <= items[i].number);
        }
        if (!is_sorted)
                entry_sort(items, n);

        for (size_t begin = 0, end; begin < n; begin = end) {
                for (end = begin + 1; end < n && items[end].number == items[begin].number; end++)
                        ;
                if (end - begin > 1)
                        sort_items(items + begin, end - begin, from + sizeof items->number);
        }
}

/* How many bytes all keys begin with. */
static size_t common_bytes(const EntryItem *items, size_t n)
{
        size_t n_common = n > 0 ? items[0].entry->key_bytes : 0;

        for (size_t i = 1; i < n; i++) {
                const char *key = entry_key(items[i].entry);

                while (strncmp(key, entry_key(items[0].entry), n_common) != 0)
                        n_common--;
        }
        return n_common;
}

/* Of entries that stand in any order. */
static void sort(Entry **entries, size_t n)
{
        g_autofree EntryItem *items = g_new(EntryItem, n);

        for (size_t i = 0; i < n; i++)
                items[i].entry = entries[i];
        sort_items(items, n, common_bytes(items, n));
        for (size_t i = 0; i < n; i++)
                entries[i] = items[i].entry;
}

Entry **entry_table_take_sorted(EntryTable *table, size_t *ret_n)
{
        Entry **entries;

        if (table->slots) {
                close_gaps(table);
                sort(table->entries, table->n_used);
        }

        *ret_n = table->n_used;
        entries = g_steal_pointer(&table->entries);
        g_clear_pointer(&table->slots, g_free);
        table->n_slots = table->n_used = table->n_allocated = table->n_entries = 0;
        return entries;
}
