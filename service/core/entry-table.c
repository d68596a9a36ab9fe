/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entry table
 *
 * As long as the entries come in the order of their keys, as they do of a checkpoint, they stand in it, and
 * nothing else is kept. Else each is in a slot. Open addressing: it is in the first slot from that of its hash
 * on that was free, so what is removed has those behind it move up. The hash has a seed, as whoever chooses
 * keys could have them all meet in one slot otherwise; all of it is kept, so that no key is looked at in vain,
 * or again when there must be more slots.
 *
 * Sorting: eight bytes of each key are one number, kept beside the entry, for an entry is somewhere else
 * in memory. Only those that are equal in them are looked at again, eight bytes on.
 */

#include "core/entry-table.h"

#include "core/entry-sort.h"

#include <stddef.h>
#include <string.h>
#include <xxhash.h>

#define SLOTS_MIN      ((size_t) 16)
#define ENTRIES_MIN    ((size_t) 16)
#define LINE_BYTES     64u
#define SAMPLE_ENTRIES ((size_t) 64)
/* Far enough ahead of what is looked at that it has come by then. */
#define FETCHED_AHEAD 16u

/* Its number is the hash, its entry NULL when it is free. So they are sorted where they are. */
typedef EntryItem Slot;

struct EntryTable {
        uint64_t seed;
        size_t n_entries;
        Entry **entries; /* owned, in the order of their keys; NULL: there are slots, or none yet */
        size_t n_allocated;
        Slot *slots;    /* NULL: there are none */
        size_t n_slots; /* a power of two, more than a quarter of them free; or 0 */
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

        for (size_t i = 0; table->entries && i < table->n_entries; i++)
                entry_unref(table->entries[i]);
        for (size_t i = 0; i < table->n_slots; i++)
                entry_unref(table->slots[i].entry);
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

static bool has_key(const Entry *entry, const char *key, size_t key_bytes)
{
        return entry->key_bytes == key_bytes && memcmp(entry_key(entry), key, key_bytes) == 0;
}

/* The first slot from @slot on that is free or of @hash. */
static Slot *find_alike(const EntryTable *table, Slot *slot, uint64_t hash)
{
        while (slot->entry && slot->number != hash)
                slot = next_slot(table, slot);
        return slot;
}

/* The slot of @key, or the free one where it would go. */
static Slot *find(const EntryTable *table, uint64_t hash, const char *key, size_t key_bytes)
{
        Slot *slot = find_alike(table, home_of(table, hash), hash);

        while (slot->entry && !has_key(slot->entry, key, key_bytes))
                slot = find_alike(table, next_slot(table, slot), hash);
        return slot;
}

static void take_slot(EntryTable *table, uint64_t hash, Entry *entry)
{
        Slot *slot = home_of(table, hash);

        while (slot->entry)
                slot = next_slot(table, slot);
        *slot = (Slot){ hash, entry };
}

/* Makes slots for all that is there, and half as much again. */
static void make_slots(EntryTable *table)
{
        g_autofree Entry **entries = g_steal_pointer(&table->entries);
        g_autofree Slot *before = g_steal_pointer(&table->slots);
        size_t n_before = table->n_slots;

        for (table->n_slots = SLOTS_MIN; table->n_slots / 2 < table->n_entries + 1;)
                table->n_slots *= 2;
        /* What is fetched as zeros is read first, and has each page come twice. */
        table->slots = g_new(Slot, table->n_slots);
        memset(table->slots, 0, table->n_slots * sizeof *table->slots);
        table->n_allocated = 0;

        for (size_t i = 0; i < n_before; i++)
                if (before[i].entry)
                        take_slot(table, before[i].number, before[i].entry);
        for (size_t i = 0; entries && i < table->n_entries; i++)
                take_slot(table, hash_of(table, entry_key(entries[i]), entries[i]->key_bytes),
                          entries[i]);
}

/* Whether @key comes after all that there are, which are in order. */
static bool comes_last(const EntryTable *table, const char *key)
{
        return !table->slots && (table->n_entries == 0 ||
                                 strcmp(entry_key(table->entries[table->n_entries - 1]), key) < 0);
}

Entry *entry_table_lookup(EntryTable *table, const char *key)
{
        size_t key_bytes = strlen(key);

        if (comes_last(table, key))
                return NULL;
        if (!table->slots)
                make_slots(table);
        return find(table, hash_of(table, key, key_bytes), key, key_bytes)->entry;
}

Entry **entry_table_place(EntryTable *table, const Entry *entry, uint64_t hash)
{
        if (!table->slots || table->n_entries >= table->n_slots / 4 * 3)
                make_slots(table);
        return &find(table, hash, entry_key(entry), entry->key_bytes)->entry;
}

void entry_table_fill(EntryTable *table, Entry **place, Entry *entry, uint64_t hash)
{
        Slot *slot = (Slot *) (void *) ((char *) place - offsetof(Slot, entry));

        table->n_entries += !slot->entry;
        *slot = (Slot){ hash, entry };
}

static void append(EntryTable *table, Entry *entry)
{
        if (table->n_entries == table->n_allocated) {
                table->n_allocated = MAX(2 * table->n_allocated, ENTRIES_MIN);
                table->entries = g_renew(Entry *, table->entries, table->n_allocated);
        }
        table->entries[table->n_entries++] = entry;
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
        g_assert(n_entries <= ENTRY_TABLE_FETCHED);

        if (!table->slots)
                make_slots(table);
        for (size_t i = 0; i < n_entries; i++) {
                ret_hashes[i] = hash_of(table, entry_key(entries[i]), entries[i]->key_bytes);
                __builtin_prefetch(home_of(table, ret_hashes[i]));
        }
        for (size_t i = 0; i < n_entries; i++) {
                Slot *home = home_of(table, ret_hashes[i]);

                entry_table_fetch_entry(find_alike(table, home, ret_hashes[i])->entry);
        }
}

/* Whether what is in @slot may move up to @hole, which is before it: its home is not between them. */
static bool may_move_up(const EntryTable *table, const Slot *hole, const Slot *slot)
{
        size_t from_home = (size_t) (slot - home_of(table, slot->number)) & (table->n_slots - 1);
        size_t from_hole = (size_t) (slot - hole) & (table->n_slots - 1);

        return from_home >= from_hole;
}

static void free_slot(EntryTable *table, Slot *hole)
{
        for (Slot *slot = next_slot(table, hole); slot->entry; slot = next_slot(table, slot))
                if (may_move_up(table, hole, slot)) {
                        *hole = *slot;
                        hole = slot;
                }
        hole->entry = NULL;
}

void entry_table_remove(EntryTable *table, const char *key)
{
        size_t key_bytes = strlen(key);
        Entry *entry;
        Slot *slot;

        if (!entry_table_lookup(table, key))
                return;

        slot = find(table, hash_of(table, key, key_bytes), key, key_bytes);
        entry = slot->entry;
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

/* The key of one that is looked at soon. */
static void fetch_key(const EntryItem *items, size_t n, size_t i)
{
        if (i >= n)
                return;
        __builtin_prefetch(items[i].entry);
        __builtin_prefetch((const char *) items[i].entry + LINE_BYTES - 1);
}

static void sort_items(EntryItem *items, size_t n, size_t from);

/* Sorts items that have the numbers of their keys' parts from @from on. */
static void sort_numbered(EntryItem *items, size_t n, size_t from, EntryItem *spare)
{
        entry_sort(items, n, spare);

        for (size_t begin = 0, end; begin < n; begin = end) {
                for (end = begin + 1; end < n && items[end].number == items[begin].number; end++)
                        ;
                if (end - begin > 1)
                        sort_items(items + begin, end - begin, from + sizeof items->number);
        }
}

/* Sorts items whose keys are equal before @from; no two are equal in all. */
static void sort_items(EntryItem *items, size_t n, size_t from)
{
        for (size_t i = 0; i < n; i++) {
                fetch_key(items, n, i + FETCHED_AHEAD);
                items[i].number = part_of(items[i].entry, from);
        }
        sort_numbered(items, n, from, NULL);
}

/* How many of @n_bytes that the first key has, @entry's begins with. */
static size_t common_bytes(const EntryItem *items, const Entry *entry, size_t n_bytes)
{
        const char *first = entry_key(items[0].entry), *key = entry_key(entry);
        size_t n_common = 0;

        if (entry->key_bytes >= n_bytes && memcmp(first, key, n_bytes) == 0)
                return n_bytes;
        while (first[n_common] == key[n_common]) /* they are not equal in all */
                n_common++;
        return n_common;
}

/*
 * Sorts all. What they begin with need not be sorted by: as a few tell what that is, most often each key is
 * looked at once. They stand in the order of their hashes, so nobody can have that go wrong often.
 */
static void sort_all(EntryItem *items, size_t n, EntryItem *spare)
{
        size_t from = n > 0 ? items[0].entry->key_bytes : 0;

        for (size_t i = 1; i < MIN(n, SAMPLE_ENTRIES); i++)
                from = common_bytes(items, items[i].entry, from);

        for (size_t i = 0; i < n; i++) {
                size_t n_common = common_bytes(items, items[i].entry, from);

                fetch_key(items, n, i + FETCHED_AHEAD);
                /* The others' parts begin elsewhere, too. */
                if (n_common < from) {
                        from = n_common;
                        i = 0;
                }
                items[i].number = part_of(items[i].entry, from);
        }
        sort_numbered(items, n, from, spare);
}

static Entry **take_slots_sorted(EntryTable *table)
{
        g_autofree EntryItem *items = g_steal_pointer(&table->slots);
        size_t n = 0, n_slots = table->n_slots;
        Entry **entries;

        for (size_t i = 0; i < n_slots; i++)
                if (items[i].entry)
                        items[n++] = items[i];
        table->n_slots = 0;
        sort_all(items, n, n <= n_slots - n ? items + n : NULL);

        entries = g_new(Entry *, n);
        for (size_t i = 0; i < n; i++)
                entries[i] = items[i].entry;
        return entries;
}

Entry **entry_table_take_sorted(EntryTable *table, size_t *ret_n)
{
        Entry **entries =
                table->slots ? take_slots_sorted(table) : g_steal_pointer(&table->entries);

        *ret_n = table->n_entries;
        table->n_allocated = table->n_entries = 0;
        return entries;
}
