/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Record buffers
 *
 * Memory for records that one thread makes and another one writes. A record is put together in one and the
 * same buffer, which stays in the cache of the thread that does so, and is handed over as a copy. What comes
 * back is kept for the next copy: new memory would be cleared page by page each time. The first thread's.
 */

#include "store/codec.h"

/* How many are kept, and how large each is; a record that is larger is handed over itself. */
#define RECORD_BUFFERS_MAX  16
#define RECORD_BUFFER_BYTES ((size_t) 264 << 10)

typedef struct RecordBuffers {
        CodecBuffer record; /* the one being made */
        CodecBuffer spare[RECORD_BUFFERS_MAX];
        unsigned n_spare;
} RecordBuffers;

/* What the record has, with room to seal it, for the other thread. */
CodecBuffer record_buffers_hand_over(RecordBuffers *buffers);

/* Takes what @buffer has, to keep it or to free it. */
void record_buffers_give_back(RecordBuffers *buffers, CodecBuffer *buffer);

/* Frees them all. */
void record_buffers_clear(RecordBuffers *buffers);
