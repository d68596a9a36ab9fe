/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Generation
 *
 * Nothing is ever read back from the memory that decides where to write: readers cannot change it,
 * but sizes and counts are kept here all the same.
 *
 * No more than half of the table is ever used, so probes stay short. Whoever chooses keys so that
 * they collide, for the seed is there to read, makes them long: at REGENT_VIEW_PROBES_MAX it counts
 * as full, and the next generation has another seed.
 */

#include "view/generation.h"

#include "view/view-memory.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE_BYTES  4096u
#define LARGE_BYTES 512u
#define LARGE_ALIGN 64u /* a line of the cache */
#define SLOTS_MIN   16u
#define SLOTS_MAX   (UINT64_C(1) << 34)
#define RECORDS_MAX (UINT64_C(1) << 42)

/* A slot that is to be stored, with what names the key. */
typedef struct Pending {
        const char *key;
        uint64_t hash;
        uint64_t word; /* of its record; 0: it is removed */
        uint8_t key_bytes;
} Pending;

/* What a slot was, to be put back. */
typedef struct Undo {
        uint64_t *slot;
        uint64_t before;
} Undo;

struct Generation {
        ViewMemory memory;
        RegentViewHeader *header;
        uint64_t *table;
        uint64_t slot_mask;
        uint64_t hash_seed;
        uint64_t number;
        uint64_t records_offset;
        uint64_t end_offset; /* of the last record */
        uint64_t n_used;     /* slots that are not 0 */
        uint64_t n_keys;
        bool is_full;
        GArray *pending; /* Pending */
        GArray *undo;    /* Undo */
};

static uint64_t slots_for(uint64_t n_keys)
{
        uint64_t n_slots = SLOTS_MIN;

        while (n_slots < SLOTS_MAX && n_slots / 3 < n_keys)
                n_slots *= 2;
        return n_slots;
}

uint64_t generation_bytes_of(const GenerationShape *shape)
{
        uint64_t n_bytes;

        if (shape->n_keys > SLOTS_MAX / 3 || shape->record_bytes > RECORDS_MAX)
                return 0;
        n_bytes = sizeof(RegentViewHeader) + slots_for(shape->n_keys) * 8 + shape->record_bytes;
        return (n_bytes + PAGE_BYTES - 1) & ~(uint64_t) (PAGE_BYTES - 1);
}

static int fill_header(Generation *generation, uint64_t n_slots)
{
        uint64_t seed;

        if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
                return -EIO;

        generation->hash_seed = seed;
        generation->records_offset = sizeof(RegentViewHeader) + n_slots * 8;
        generation->end_offset = generation->records_offset;
        *generation->header = (RegentViewHeader){
                .magic = REGENT_VIEW_MAGIC,
                .version = REGENT_VIEW_VERSION,
                .size_bytes = generation->memory.n_bytes,
                .table_offset = sizeof(RegentViewHeader),
                .n_slots = n_slots,
                .records_offset = generation->records_offset,
                .hash_seed = seed,
                .generation = generation->number,
        };
        return 0;
}

int generation_new(Generation **ret_generation, const GenerationShape *shape, uint64_t number)
{
        uint64_t n_bytes = generation_bytes_of(shape), n_slots = slots_for(shape->n_keys);
        g_autoptr(Generation) generation = NULL;
        ViewMemory memory;
        int r;

        if (n_bytes == 0 || n_bytes > SIZE_MAX)
                return -EFBIG;
        r = view_memory_make(&memory, (size_t) n_bytes);
        if (r < 0)
                return r;

        generation = g_new(Generation, 1);
        *generation = (Generation){
                .memory = memory,
                .header = memory.bytes,
                .table = (uint64_t *) ((RegentViewHeader *) memory.bytes + 1),
                .slot_mask = n_slots - 1,
                .number = number,
                .pending = g_array_new(FALSE, FALSE, sizeof(Pending)),
                .undo = g_array_new(FALSE, FALSE, sizeof(Undo)),
        };
        r = fill_header(generation, n_slots);
        if (r < 0)
                return r;

        *ret_generation = g_steal_pointer(&generation);
        return 0;
}

Generation *generation_free(Generation *generation)
{
        if (!generation)
                return NULL;

        view_memory_clear(&generation->memory);
        g_array_unref(generation->pending);
        g_array_unref(generation->undo);
        g_free(generation);
        return NULL;
}

uint64_t generation_bytes(const Generation *generation)
{
        return generation->memory.n_bytes;
}

uint64_t generation_number(const Generation *generation)
{
        return generation->number;
}

uint64_t generation_free_bytes(const Generation *generation)
{
        return generation->memory.n_bytes - generation->end_offset;
}

bool generation_is_scarce(const Generation *generation, uint64_t before)
{
        return generation->is_full || generation_free_bytes(generation) < before / 4 ||
               generation->n_used > (generation->slot_mask + 1) / 16 * 7;
}

static RegentViewRecord *record_at(const Generation *generation, uint64_t word)
{
        return (RegentViewRecord *) ((uint64_t *) generation->memory.bytes + word);
}

static uint64_t make_slot(uint64_t hash, uint64_t word)
{
        return (hash & REGENT_VIEW_SLOT_TAG) | word;
}

/* The slot of the key, or the first free one; NULL when all that may be looked at are others'. */
static uint64_t *find_slot(const Generation *generation,
                           const char *key,
                           uint8_t key_bytes,
                           uint64_t hash)
{
        for (unsigned n = 0; n < REGENT_VIEW_PROBES_MAX; n++) {
                uint64_t *slot = &generation->table[(hash + n) & generation->slot_mask];
                const RegentViewRecord *record;

                if (*slot == 0)
                        return slot;
                if ((*slot ^ hash) & REGENT_VIEW_SLOT_TAG)
                        continue;
                record = record_at(generation, *slot & REGENT_VIEW_SLOT_WORD);
                if (record->key_bytes == key_bytes && memcmp(record + 1, key, key_bytes) == 0)
                        return slot;
        }

        return NULL;
}

static bool is_same(const RegentViewRecord *record, const Entry *entry)
{
        if (record->revision != entry->revision || record->entry_class != entry->class ||
            record->value_bytes != entry->value_bytes || record->type_bytes != entry->type_bytes)
                return false;
        /* Other defaults have the same revision: none. */
        return record->revision > 0 ||
               (memcmp((const char *) (record + 1) + record->key_bytes + 1, entry_type(entry),
                       record->type_bytes) == 0 &&
                memcmp((const char *) record +
                               regent_view_value_offset(record->key_bytes, record->type_bytes),
                       entry_value_bytes(entry), record->value_bytes) == 0);
}

/* What a look-up needs of a large record is in one line, or two; small ones are close to each other. */
static uint64_t place_for(uint64_t offset, uint64_t n_bytes)
{
        return n_bytes < LARGE_BYTES ? offset
                                     : (offset + LARGE_ALIGN - 1) & ~(uint64_t) (LARGE_ALIGN - 1);
}

static uint64_t write_record(Generation *generation, const Entry *entry)
{
        uint64_t value_offset = regent_view_value_offset(entry->key_bytes, entry->type_bytes);
        uint64_t n_bytes =
                regent_view_record_bytes(entry->key_bytes, entry->type_bytes, entry->value_bytes);
        uint64_t offset = place_for(generation->end_offset, n_bytes);
        RegentViewRecord *record;
        RegentViewOrigin *origin;

        if (offset > generation->memory.n_bytes || n_bytes > generation->memory.n_bytes - offset)
                return 0;

        record = record_at(generation, offset / 8);
        *record = (RegentViewRecord){
                .revision = entry->revision,
                .value_bytes = entry->value_bytes,
                .key_bytes = entry->key_bytes,
                .type_bytes = entry->type_bytes,
                .entry_class = entry->class,
        };
        /* Key and type stand there as in the entry. */
        memcpy(record + 1, entry->text, (size_t) entry->key_bytes + 1 + entry->type_bytes + 1);
        memcpy((char *) record + value_offset, entry_value_bytes(entry), entry->value_bytes);
        origin = (void *) ((char *) record + n_bytes - sizeof *origin);
        *origin = (RegentViewOrigin){ .time_usec = entry->time_usec,
                                      .writer_uid = entry->writer_uid };
        generation->end_offset = offset + n_bytes;
        return offset / 8;
}

static int give_up(Generation *generation)
{
        g_array_set_size(generation->pending, 0);
        generation->is_full = true;
        return GENERATION_E_FULL;
}

int generation_put(Generation *generation, const Entry *entry)
{
        const char *key = entry_key(entry);
        Pending pending = {
                .key = key,
                .hash = regent_view_hash(generation->hash_seed, key, entry->key_bytes),
                .key_bytes = entry->key_bytes,
        };
        const uint64_t *slot = find_slot(generation, key, entry->key_bytes, pending.hash);

        if (generation->is_full || !slot)
                return give_up(generation);
        if (*slot != 0 && !(*slot & REGENT_VIEW_SLOT_ABSENT) &&
            is_same(record_at(generation, *slot & REGENT_VIEW_SLOT_WORD), entry))
                return 0;

        pending.word = write_record(generation, entry);
        if (pending.word == 0)
                return give_up(generation);
        g_array_append_val(generation->pending, pending);
        return 0;
}

int generation_remove(Generation *generation, const char *key)
{
        size_t key_bytes = strlen(key);
        Pending pending = {
                .key = key,
                .hash = regent_view_hash(generation->hash_seed, key, key_bytes),
                .key_bytes = (uint8_t) key_bytes,
        };

        if (generation->is_full)
                return GENERATION_E_FULL;
        g_array_append_val(generation->pending, pending);
        return 0;
}

static bool is_there(uint64_t slot)
{
        return slot != 0 && !(slot & REGENT_VIEW_SLOT_ABSENT);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the atomic store goes through it. */
static void store_slot(Generation *generation, uint64_t *slot, uint64_t value)
{
        generation->n_used += *slot == 0;
        generation->n_used -= value == 0;
        generation->n_keys += is_there(value);
        generation->n_keys -= is_there(*slot);
        __atomic_store_n(slot, value, __ATOMIC_RELEASE);
}

static bool apply_pending(Generation *generation, const Pending *pending)
{
        uint64_t *slot = find_slot(generation, pending->key, pending->key_bytes, pending->hash);
        Undo undo;

        if (!slot)
                return pending->word == 0; /* what has no slot is not there */
        if (*slot == 0 && pending->word == 0)
                return true;
        if (*slot == 0 && generation->n_used >= (generation->slot_mask + 1) / 2)
                return false;

        undo = (Undo){ slot, *slot };
        g_array_append_val(generation->undo, undo);
        store_slot(generation, slot,
                   pending->word > 0 ? make_slot(pending->hash, pending->word)
                                     : *slot | REGENT_VIEW_SLOT_ABSENT);
        return true;
}

static bool apply_all(Generation *generation)
{
        for (guint i = 0; i < generation->pending->len; i++)
                if (!apply_pending(generation, &g_array_index(generation->pending, Pending, i)))
                        return false;
        return true;
}

static void take_back(Generation *generation)
{
        for (guint i = generation->undo->len; i > 0; i--) {
                const Undo *undo = &g_array_index(generation->undo, Undo, i - 1);

                store_slot(generation, undo->slot, undo->before);
        }
}

static void step(Generation *generation, uint32_t n)
{
        __atomic_store_n(&generation->header->sequence, generation->header->sequence + n,
                         __ATOMIC_RELEASE);
}

int generation_publish(Generation *generation, uint64_t revision)
{
        RegentViewHeader *header = generation->header;
        bool is_done;

        if (generation->is_full)
                return GENERATION_E_FULL;

        /* Each store behind this is a release, so nobody sees it without this. */
        step(generation, 1);
        is_done = apply_all(generation);
        if (is_done) {
                __atomic_store_n(&header->n_keys, generation->n_keys, __ATOMIC_RELEASE);
                __atomic_store_n(&header->revision, revision, __ATOMIC_RELEASE);
        } else
                take_back(generation);
        step(generation, 1);

        g_array_set_size(generation->pending, 0);
        g_array_set_size(generation->undo, 0);
        return is_done ? 0 : give_up(generation);
}

void generation_retire(Generation *generation, RegentViewState state)
{
        g_assert(state != REGENT_VIEW_LIVE);

        __atomic_store_n(&generation->header->state, (uint32_t) state, __ATOMIC_RELEASE);
        step(generation, 2);
}

unsigned generation_wake(const Generation *generation, unsigned n)
{
        long woken = syscall(SYS_futex, &generation->header->sequence, FUTEX_WAKE,
                             n < INT_MAX ? (int) n : INT_MAX, NULL, NULL, 0);

        return woken > 0 ? (unsigned) woken : 0;
}

int generation_open_reader(const Generation *generation)
{
        return view_memory_open_reader(&generation->memory);
}

bool generation_is_held(const Generation *generation)
{
        return view_memory_is_held(&generation->memory);
}

const void *generation_memory(const Generation *generation)
{
        return generation->memory.bytes;
}
