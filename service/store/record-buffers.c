/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Record buffers
 *
 * A buffer that comes back is in the cache of the other thread's core, and a core that stores in it fetches
 * each line from there first, and waits for it: that takes longer than to make a record. Stores that
 * go around the caches need not.
 */

#include "store/record-buffers.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* What sealing puts behind a payload: padding and a checksum. */
#define SEAL_BYTES 16u

/* @to is aligned as malloc() does; both have room for @n_bytes, rounded up to 16. */
static void copy_around_caches(uint8_t *to, const uint8_t *from, size_t n_bytes)
{
#ifdef __SSE2__
        for (size_t i = 0; i < n_bytes; i += sizeof(__m128i)) {
                __m128i bytes;

                memcpy(&bytes, from + i, sizeof bytes);
                _mm_stream_si128((__m128i *) (void *) (to + i), bytes);
        }
        _mm_sfence();
#else
        memcpy(to, from, n_bytes);
#endif
}

static CodecBuffer take_spare(RecordBuffers *buffers)
{
        CodecBuffer buffer = { 0 };

        if (buffers->n_spare > 0)
                return buffers->spare[--buffers->n_spare];
        codec_reserve(&buffer, RECORD_BUFFER_BYTES);
        return buffer;
}

CodecBuffer record_buffers_hand_over(RecordBuffers *buffers)
{
        CodecBuffer *record = &buffers->record;
        CodecBuffer buffer = { 0 };

        codec_reserve(record, record->n_bytes + SEAL_BYTES);
        if (record->n_bytes + SEAL_BYTES > RECORD_BUFFER_BYTES) {
                buffer = *record;
                *record = (CodecBuffer){ 0 };
                return buffer;
        }

        buffer = take_spare(buffers);
        copy_around_caches(buffer.bytes, record->bytes, record->n_bytes);
        buffer.n_bytes = record->n_bytes;
        return buffer;
}

void record_buffers_give_back(RecordBuffers *buffers, CodecBuffer *buffer)
{
        if (buffer->n_allocated < RECORD_BUFFER_BYTES ||
            buffer->n_allocated >= 2 * RECORD_BUFFER_BYTES ||
            buffers->n_spare == RECORD_BUFFERS_MAX) {
                codec_buffer_clear(buffer);
                return;
        }

        buffers->spare[buffers->n_spare] = *buffer;
        buffers->spare[buffers->n_spare++].n_bytes = 0;
        *buffer = (CodecBuffer){ 0 };
}

void record_buffers_clear(RecordBuffers *buffers)
{
        codec_buffer_clear(&buffers->record);
        while (buffers->n_spare > 0)
                codec_buffer_clear(&buffers->spare[--buffers->n_spare]);
}
