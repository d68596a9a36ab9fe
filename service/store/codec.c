/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Codec
 */

#include "store/codec.h"

#include <errno.h>
#include <string.h>

#define NUMBER_BYTES_MAX 10

void codec_buffer_clear(CodecBuffer *buffer)
{
        g_free(buffer->bytes);
        *buffer = (CodecBuffer){ 0 };
}

void codec_grow(CodecBuffer *buffer, size_t n_bytes)
{
        buffer->n_allocated = MAX(2 * buffer->n_allocated, buffer->n_bytes + n_bytes + 256);
        buffer->bytes = g_realloc(buffer->bytes, buffer->n_allocated);
}

void codec_put_u32(CodecBuffer *buffer, uint32_t number)
{
        uint32_t little = GUINT32_TO_LE(number);

        codec_put_bytes(buffer, &little, sizeof little);
}

void codec_put_large_number(CodecBuffer *buffer, uint64_t number)
{
        uint8_t *bytes = codec_extend(buffer, NUMBER_BYTES_MAX);
        size_t n = 0;

        for (; number >= 0x80; number >>= 7)
                bytes[n++] = (uint8_t) (number | 0x80);
        bytes[n++] = (uint8_t) number;
        buffer->n_bytes -= NUMBER_BYTES_MAX - n;
}

void codec_put_bytes(CodecBuffer *buffer, const void *bytes, size_t n_bytes)
{
        if (n_bytes > 0)
                memcpy(codec_extend(buffer, n_bytes), bytes, n_bytes);
}

void codec_put_string(CodecBuffer *buffer, const char *string, size_t n_bytes)
{
        codec_put_number(buffer, n_bytes);
        codec_put_bytes(buffer, string, n_bytes);
}

uint32_t codec_get_u32(CodecReader *reader)
{
        const void *bytes = codec_get_bytes(reader, sizeof(uint32_t));
        uint32_t little = 0;

        if (bytes)
                memcpy(&little, bytes, sizeof little);
        return GUINT32_FROM_LE(little);
}

uint64_t codec_get_large_number(CodecReader *reader)
{
        uint64_t number = 0;

        for (unsigned shift = 0; shift < 64; shift += 7) {
                uint8_t byte = codec_get_byte(reader);

                number |= (uint64_t) (byte & 0x7f) << shift;
                if (byte & 0x80)
                        continue;

                /* Longer than need be, or more than 64 bits. */
                if ((byte == 0 && shift > 0) || (shift == 63 && byte > 1))
                        break;
                return number;
        }

        codec_refuse(reader);
        return 0;
}

uint32_t codec_get_number32(CodecReader *reader)
{
        uint64_t number = codec_get_number(reader);

        if (number > UINT32_MAX) {
                codec_refuse(reader);
                return 0;
        }
        return (uint32_t) number;
}

size_t codec_get_count(CodecReader *reader, size_t bytes_each)
{
        uint64_t n = codec_get_number(reader);

        if (n > codec_rest(reader) / bytes_each) {
                codec_refuse(reader);
                return 0;
        }
        return (size_t) n;
}

int codec_finish(const CodecReader *reader)
{
        return reader->is_bad || codec_rest(reader) > 0 ? -EBADMSG : 0;
}
