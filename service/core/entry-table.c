/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entry table
 *
 * Open addressing: an entry is in the first slot from that of its hash on that was free, so what is
 * removed has those behind it move up. The hash has a seed, as whoever chooses keys could have them
 * all meet in one slot otherwise.
 *
 * Sorting: eight bytes of each key are one number, kept beside the entry, for an entry is somewhere else
 * in memory. Only those that are equal in them are looked at again, eight bytes on.
 */

#include "core/entry-table.h"

#include <string.h>
#include <xxhash.h>

#define SLOTS_MIN        ((size_t) 16)
#define LINE_BYTES       64u
#define DIGITS_ITEMS_MIN ((size_t) 512)

typedef struct Slot {
        uint64_t hash;
        Entry *entry; /* NULL: free */
} Slot;

struct EntryTable {
        uint64_t seed;
        Slot *slots;
        size_t n_slots; /* a power of two, or 0 */
        size_t n_entries;
};

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

        for (size_t i = 0; i < table->n_slots; i++)
                entry_unref(table->slots[i].entry);
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

static size_t next_slot(const EntryTable *table, size_t at)
{
        return (at + 1) & (table->n_slots - 1);
}

static bool has_key(const Slot *slot, uint64_t hash, const char *key, size_t key_bytes)
{
        return slot->hash == hash && slot->entry->key_bytes == key_bytes &&
               memcmp(entry_key(slot->entry), key, key_bytes) == 0;
}

/* The slot of @key, or the free one where it would go. There is always one that is free. */
static Slot *find(const EntryTable *table, uint64_t hash, const char *key, size_t key_bytes)
{
        size_t at = hash & (table->n_slots - 1);

        while (table->slots[at].entry && !has_key(&table->slots[at], hash, key, key_bytes))
                at = next_slot(table, at);
        return &table->slots[at];
}

static void grow(EntryTable *table)
{
        g_autofree Slot *before = table->slots;
        size_t n_before = table->n_slots;

        table->n_slots = MAX(2 * n_before, SLOTS_MIN);
        table->slots = g_new0(Slot, table->n_slots);
        for (size_t i = 0; i < n_before; i++) {
                size_t at = before[i].hash & (table->n_slots - 1);

                if (!before[i].entry)
                        continue;
                while (table->slots[at].entry)
                        at = next_slot(table, at);
                table->slots[at] = before[i];
        }
}

Entry *entry_table_lookup(const EntryTable *table, const char *key)
{
        size_t key_bytes = strlen(key);

        if (table->n_entries == 0)
                return NULL;
        return find(table, hash_of(table, key, key_bytes), key, key_bytes)->entry;
}

Entry **entry_table_place(EntryTable *table, const Entry *entry, uint64_t hash)
{
        if (table->n_entries >= table->n_slots / 4 * 3)
                grow(table);
        return &find(table, hash, entry_key(entry), entry->key_bytes)->entry;
}

void entry_table_fill(EntryTable *table, Entry **place, Entry *entry, uint64_t hash)
{
        Slot *slot = (Slot *) ((char *) place - offsetof(Slot, entry));

        table->n_entries += !slot->entry;
        *slot = (Slot){ hash, entry };
}

void entry_table_put(EntryTable *table, Entry *entry)
{
        uint64_t hash = hash_of(table, entry_key(entry), entry->key_bytes);
        Entry **place = entry_table_place(table, entry, hash);
        g_autoptr(Entry) before = *place;

        entry_table_fill(table, place, entry_ref(entry), hash);
}

void entry_table_fetch(const EntryTable *table,
                       Entry *const *entries,
                       size_t n_entries,
                       uint64_t *ret_hashes)
{
        const Slot *slots[ENTRY_TABLE_FETCHED];

        g_assert(n_entries <= ENTRY_TABLE_FETCHED);

        for (size_t i = 0; i < n_entries; i++) {
                ret_hashes[i] = hash_of(table, entry_key(entries[i]), entries[i]->key_bytes);
                if (table->n_slots == 0)
                        continue;
                slots[i] = &table->slots[ret_hashes[i] & (table->n_slots - 1)];
                __builtin_prefetch(slots[i]);
        }
        /* A key reaches beyond the line of memory in which its entry begins. */
        for (size_t i = 0; i < n_entries && table->n_slots > 0; i++) {
                __builtin_prefetch(slots[i]->entry);
                __builtin_prefetch((const char *) slots[i]->entry + LINE_BYTES - 1);
        }
}

/* Whether what is at @at may move up to @hole, which is before it: its own slot is not between them. */
static bool may_move_up(const EntryTable *table, size_t hole, size_t at)
{
        size_t home = table->slots[at].hash & (table->n_slots - 1);

        return ((at - home) & (table->n_slots - 1)) >= ((at - hole) & (table->n_slots - 1));
}

void entry_table_remove(EntryTable *table, const char *key)
{
        size_t key_bytes = strlen(key);
        size_t hole;
        Slot *slot;

        if (table->n_entries == 0)
                return;
        slot = find(table, hash_of(table, key, key_bytes), key, key_bytes);
        if (!slot->entry)
                return;

        entry_unref(slot->entry);
        table->n_entries--;
        hole = (size_t) (slot - table->slots);
        for (size_t at = next_slot(table, hole); table->slots[at].entry; at = next_slot(table, at))
                if (may_move_up(table, hole, at)) {
                        table->slots[hole] = table->slots[at];
                        hole = at;
                }
        table->slots[hole].entry = NULL;
}

typedef struct Item {
        uint64_t part; /* of the key, as a number */
        Entry *entry;
} Item;

/* The eight bytes of the key from @from on; zeros behind its end, which no key has in it. */
static uint64_t part_of(const Entry *entry, size_t from)
{
        uint64_t part = 0;

        if (from < entry->key_bytes)
                memcpy(&part, entry_key(entry) + from, MIN(sizeof part, entry->key_bytes - from));
        return GUINT64_FROM_BE(part);
}

static int compare_parts(const void *a, const void *b)
{
        uint64_t part_a = ((const Item *) a)->part;
        uint64_t part_b = ((const Item *) b)->part;

        return (part_a > part_b) - (part_a < part_b);
}

static uint8_t digit_of(const Item *item, unsigned place)
{
        return (uint8_t) (item->part >> 8 * place);
}

/* By one digit, from @items to @sorted. False when there is nothing to do, as it is the same in all. */
static bool sort_by_digit(const Item *items, Item *sorted, size_t n, unsigned place)
{
        size_t ends[256] = { 0 };

        for (size_t i = 0; i < n; i++)
                ends[digit_of(&items[i], place)]++;
        if (ends[digit_of(&items[0], place)] == n)
                return false;

        for (size_t i = 1; i < G_N_ELEMENTS(ends); i++)
                ends[i] += ends[i - 1];
        for (size_t i = n; i-- > 0;)
                sorted[--ends[digit_of(&items[i], place)]] = items[i];
        return true;
}

/* From the last digit to the first, each leaving those that are equal in it in the order before. */
static void sort_by_digits(Item *items, size_t n)
{
        g_autofree Item *spare = g_new(Item, n);
        Item *from = items, *to = spare;

        for (unsigned place = 0; place < sizeof items->part; place++)
                if (sort_by_digit(from, to, n, place)) {
                        Item *sorted = to;

                        to = from;
                        from = sorted;
                }
        if (from != items)
                memcpy(items, from, n * sizeof *items);
}

/* Sorts items whose keys are equal before @from; no two are equal in all. */
static void sort_items(Item *items, size_t n, size_t from)
{
        bool is_sorted = true;

        for (size_t i = 0; i < n; i++) {
                items[i].part = part_of(items[i].entry, from);
                is_sorted = is_sorted && (i == 0 || items[i - 1].part <= items[i].part);
        }
        if (!is_sorted && n < DIGITS_ITEMS_MIN)
                qsort(items, n, sizeof *items, compare_parts);
        else if (!is_sorted)
                sort_by_digits(items, n);

        for (size_t begin = 0, end; begin < n; begin = end) {
                for (end = begin + 1; end < n && items[end].part == items[begin].part; end++)
                        ;
                if (end - begin > 1)
                        sort_items(items + begin, end - begin, from + sizeof items->part);
        }
}

/* How many bytes all keys begin with. */
static size_t common_bytes(const Item *items, size_t n)
{
        size_t n_common = n > 0 ? items[0].entry->key_bytes : 0;

        for (size_t i = 1; i < n; i++) {
                const char *key = entry_key(items[i].entry);

                while (strncmp(key, entry_key(items[0].entry), n_common) != 0)
                        n_common--;
        }
        return n_common;
}

GPtrArray *entry_table_take_sorted(EntryTable *table)
{
        g_autofree Item *items = g_new(Item, table->n_entries);
        GPtrArray *sorted = g_ptr_array_sized_new((guint) table->n_entries);
        size_t n = 0;

        for (size_t i = 0; i < table->n_slots; i++)
                if (table->slots[i].entry)
                        items[n++].entry = table->slots[i].entry;
        sort_items(items, n, common_bytes(items, n));
        for (size_t i = 0; i < n; i++)
                g_ptr_array_add(sorted, items[i].entry);

        g_clear_pointer(&table->slots, g_free);
        table->n_slots = table->n_entries = 0;
        return sorted;
}
