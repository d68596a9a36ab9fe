/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * View stores
 *
 * The same entries in a view and in what it is compared with: a bare table in shared memory, and LMDB. Each can be
 * read by threads while one thread writes.
 */

#include "entry-text.h"

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORDER_MASK 0xffffu /* so many reads, again and again */

typedef char KeyText[ENTRY_TEXT_KEY_SIZE];

typedef struct Stores {
        uint32_t n_keys;
        size_t value_bytes;
        size_t key_bytes; /* as a number that the compiler does not know */
        KeyText *keys;
        uint32_t *order;
} Stores;

Stores *stores_new(uint32_t n_keys, size_t value_bytes);
Stores *stores_free(Stores *stores);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Stores, stores_free)

/*
 * One store. A reader is what one thread has; read() adds something of the value to *sum, and look() is called now and
 * then: whoever reads for long does the like. write() gives a key another value.
 */
typedef struct StoreKind {
        const char *name;
        void *(*make)(const Stores *stores);
        void (*clear)(void *store);
        void *(*reader)(void *store);
        void (*reader_free)(void *reader);
        void (*look)(void *reader);
        void (*read)(void *reader, const char *key, uint64_t *sum);
        void (*write)(void *store, uint32_t i);
} StoreKind;

/* View, bare look-up and, where it is there, LMDB; the last one has no name. */
extern const StoreKind store_kinds[];
