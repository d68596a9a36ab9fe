/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * View reader
 *
 * Reads a view as regent-view.h lays it out: without a lock, a system call or an allocation, from
 * any number of threads. Whatever the memory holds, nothing outside of it is read; what cannot be
 * is -EBADMSG. Pointers that come of it stay good until the view is closed.
 */

#include "client/regent-view.h"

#include <stdbool.h>

typedef struct ViewReader {
        const RegentViewHeader *header;
        size_t size_bytes;
        /* taken from the header once and held against the size */
        const uint64_t *table;
        uint64_t slot_mask;
        uint64_t records_offset;
        uint64_t last_offset; /* where a record may begin */
        uint64_t hash_seed;
        int fd; /* its own, to ask by; -1: it was attached */
} ViewReader;

/* An entry, in place; small, as a look-up writes all of it. */
typedef struct ViewEntry {
        const char *key;   /* with a NUL behind it */
        const void *value; /* 8-aligned */
        uint64_t revision; /* 0: a declared default */
        uint32_t value_bytes;
        uint8_t key_bytes;
        uint8_t type_bytes;
        uint8_t entry_class; /* as in RegentViewRecord */
} ViewEntry;

/* A GVariant type string, with a NUL behind it; it is not checked. */
static inline const char *view_entry_type(const ViewEntry *entry)
{
        return entry->key + entry->key_bytes + 1;
}

/* Who wrote it, and when. */
static inline const RegentViewOrigin *view_entry_origin(const ViewEntry *entry)
{
        const char *value = (const char *) entry->value;

        return (const void *) (value + (((uint64_t) entry->value_bytes + 7) & ~UINT64_C(7)));
}

/*
 * Maps the view that @fd is, of which it keeps a descriptor of its own. 0; -EBADMSG when it is none, or is not sealed
 * against becoming shorter; -EPROTONOSUPPORT when it is of a newer kind; another negative errno.
 */
int view_reader_open(ViewReader *reader, int fd);
void view_reader_close(ViewReader *reader);

/* The same in memory (8-aligned) that is there already and outlives the reader. */
int view_reader_attach(ViewReader *reader, const void *memory, size_t size_bytes);

/* 0 and the entry of @key; -ENOENT; -EBADMSG. */
int view_reader_get(const ViewReader *reader,
                    const char *key,
                    size_t key_bytes,
                    ViewEntry *ret_entry);

/* The same for a value of @type and of @n_bytes, which is copied; -EMEDIUMTYPE when it is another one. */
int view_reader_get_fixed(const ViewReader *reader,
                          const char *key,
                          const char *type,
                          void *ret_value,
                          size_t n_bytes);

/*
 * The next entry in no order, from *cursor on, 0 at the beginning: 0, -ENOENT at the end, -EBADMSG.
 * Of one revision only within a snapshot.
 */
int view_reader_next(const ViewReader *reader, uint64_t *cursor, ViewEntry *ret_entry);

/*
 * What is read between these two is of one revision if the second says so; else begin again. The
 * first is -EAGAIN when something is being published for longer than that takes: regentd was killed
 * in the middle, or is kept from running.
 */
int view_reader_begin(const ViewReader *reader, uint32_t *ret_sequence);
bool view_reader_is_whole(const ViewReader *reader, uint32_t sequence);

/*
 * Whether nothing will follow though the state is LIVE, as regentd was killed. One system call, and
 * the only question that is not answered by the memory alone.
 */
bool view_reader_is_orphaned(const ViewReader *reader);

/*
 * Sleeps until something has been published since @sequence, or the view is retired: 0; -ETIMEDOUT;
 * -EOWNERDEAD when it is orphaned, which is noticed within a second.
 */
int view_reader_wait(const ViewReader *reader, uint32_t sequence, uint64_t timeout_usec);

static inline uint32_t view_reader_sequence(const ViewReader *reader)
{
        return __atomic_load_n(&reader->header->sequence, __ATOMIC_ACQUIRE);
}

/* RegentViewState, or what a newer regentd knows. */
static inline uint32_t view_reader_state(const ViewReader *reader)
{
        return __atomic_load_n(&reader->header->state, __ATOMIC_ACQUIRE);
}

/* All commits of the namespace up to this one are in it. */
static inline uint64_t view_reader_revision(const ViewReader *reader)
{
        return __atomic_load_n(&reader->header->revision, __ATOMIC_ACQUIRE);
}

static inline uint64_t view_reader_n_keys(const ViewReader *reader)
{
        return __atomic_load_n(&reader->header->n_keys, __ATOMIC_ACQUIRE);
}
