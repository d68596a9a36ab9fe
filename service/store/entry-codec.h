/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Entry codec
 *
 * The part of an entry that commits and checkpoints have in common: class (one byte, with a bit for
 * tombstones), key, the release if the class is kernel or the session if it is session (of which
 * tombstones have none), type, value. Values are GVariant's serialized
 * form, little endian.
 */

#include "core/entry.h"
#include "store/codec.h"

#include <stdbool.h>
#include <stddef.h>

/* An entry as it stands in a payload; the pointers borrow from that. */
typedef struct EntryView {
        EntryClass class;
        bool is_tombstone;
        const char *key, *scope, *type; /* @scope: release or session; NULL: neither */
        const void *value;
        size_t key_bytes, scope_bytes, type_bytes, value_bytes;
} EntryView;

/* The least an entry takes. */
#define ENTRY_CODEC_BYTES_MIN 3

void entry_codec_put(CodecBuffer *buffer, Entry *entry);
void entry_codec_get(CodecReader *reader, EntryView *ret_view);

/* 0, or -EBADMSG when key, release, session, type or value is none. @pool: see core/entry-pool.h; or NULL. */
int entry_codec_make(Entry **ret_entry, EntryPool *pool, const EntryView *view);

/* Both of these. 0 or -EBADMSG. */
int entry_codec_read(Entry **ret_entry, CodecReader *reader);
