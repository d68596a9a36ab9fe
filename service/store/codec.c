/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Codec
 */

#include "store/codec.h"

#include <errno.h>
#include <string.h>

/* The bit of each of eight bytes that says that another one follows. */
#define CONTINUED UINT64_C(0x8080808080808080)

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

/* The seven bits of each byte, put next to each other; and apart again. */
static uint64_t bits_joined(uint64_t x)
{
        x = (x & UINT64_C(0x007f007f007f007f)) | (x & UINT64_C(0x7f007f007f007f00)) >> 1;
        x = (x & UINT64_C(0x00003fff00003fff)) | (x & UINT64_C(0x3fff00003fff0000)) >> 2;
        return (x & UINT64_C(0x000000000fffffff)) | (x & UINT64_C(0x0fffffff00000000)) >> 4;
}

static uint64_t bits_parted(uint64_t x)
{
        x = (x & UINT64_C(0x000000000fffffff)) | (x & UINT64_C(0x00fffffff0000000)) << 4;
        x = (x & UINT64_C(0x00003fff00003fff)) | (x & UINT64_C(0x0fffc0000fffc000)) << 2;
        return (x & UINT64_C(0x007f007f007f007f)) | (x & UINT64_C(0x3f803f803f803f80)) << 1;
}

uint8_t *codec_store_large_number(uint8_t *at, uint64_t number)
{
        /* Times and revisions, a million of each: all their bytes at once. */
        if (number < UINT64_C(1) << 56) {
                unsigned n = (64u - (unsigned) __builtin_clzll(number) + 6) / 7;
                uint64_t little = bits_parted(number) | (CONTINUED >> (64 - 8 * n) >> 8);

                little = GUINT64_TO_LE(little);
                memcpy(at, &little, sizeof little);
                return at + n;
        }

        for (; number >= 0x80; number >>= 7)
                *at++ = (uint8_t) (number | 0x80);
        *at++ = (uint8_t) number;
        return at;
}

void codec_put_large_number(CodecBuffer *buffer, uint64_t number)
{
        uint8_t *at = codec_make_room(buffer, CODEC_NUMBER_BYTES_MAX);

        codec_end_at(buffer, codec_store_number(at, number));
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

/* Whether it is one of up to eight bytes, with eight left to look at. */
static bool get_at_once(CodecReader *reader, uint64_t *ret_number)
{
        uint64_t bytes, ends;
        unsigned n;

        if (codec_rest(reader) < sizeof bytes)
                return false;
        memcpy(&bytes, reader->at, sizeof bytes);
        bytes = GUINT64_FROM_LE(bytes);
        ends = ~bytes & CONTINUED;
        if (ends == 0)
                return false;

        n = ((unsigned) __builtin_ctzll(ends) + 1) / 8;
        bytes <<= 64 - 8 * n;
        /* Longer than need be. */
        if (n > 1 && bytes >> 56 == 0)
                return false;

        *ret_number = bits_joined(bytes >> (64 - 8 * n) & ~CONTINUED);
        reader->at += n;
        return true;
}

uint64_t codec_get_large_number(CodecReader *reader)
{
        uint64_t number = 0;

        if (get_at_once(reader, &number))
                return number;

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
