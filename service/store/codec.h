/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Codec
 *
 * Payloads as a row of small numbers and strings: a number below 2^7 takes one byte, below 2^14
 * two, and so on (LEB128, always in its shortest form), a string its length and its bytes.
 *
 * A reader never looks past its end. Its first mistake makes it bad for good, and from then on
 * every get returns zero or nothing, so a decoder may check once, at the end.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct CodecBuffer {
        uint8_t *bytes;
        size_t n_bytes;
        size_t n_allocated;
} CodecBuffer;

void codec_buffer_clear(CodecBuffer *buffer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CodecBuffer, codec_buffer_clear)

/* Sees to it that @n_bytes more have room. */
void codec_grow(CodecBuffer *buffer, size_t n_bytes);

/* The same at the beginning, to have it all at once. */
static inline void codec_reserve(CodecBuffer *buffer, size_t n_bytes)
{
        if (buffer->n_allocated < n_bytes)
                codec_grow(buffer, n_bytes);
}

/* Makes room for @n_bytes at the end, and returns where. */
static inline void *codec_extend(CodecBuffer *buffer, size_t n_bytes)
{
        void *end;

        if (n_bytes > buffer->n_allocated - buffer->n_bytes)
                codec_grow(buffer, n_bytes);

        end = buffer->bytes + buffer->n_bytes;
        buffer->n_bytes += n_bytes;
        return end;
}

/*
 * The same for up to @n_bytes that are stored right there; codec_end_at() says behind the last that was.
 * What is put a million times a second is put so.
 */
static inline uint8_t *codec_make_room(CodecBuffer *buffer, size_t n_bytes)
{
        if (n_bytes > buffer->n_allocated - buffer->n_bytes)
                codec_grow(buffer, n_bytes);
        return buffer->bytes + buffer->n_bytes;
}

static inline void codec_end_at(CodecBuffer *buffer, const uint8_t *end)
{
        buffer->n_bytes = (size_t) (end - buffer->bytes);
}

/* The most that a number takes. */
#define CODEC_NUMBER_BYTES_MAX ((size_t) 10)

/* Into room for CODEC_NUMBER_BYTES_MAX, of which it may write more than it says it took. */
uint8_t *codec_store_large_number(uint8_t *at, uint64_t number);

static inline uint8_t *codec_store_number(uint8_t *at, uint64_t number)
{
        if (number >= 0x80)
                return codec_store_large_number(at, number);

        *at = (uint8_t) number;
        return at + 1;
}

/* As memcpy(), but two copies of a fixed size, which overlap, where that will do: most strings are short. */
static inline void codec_store_bytes(uint8_t *at, const uint8_t *bytes, size_t n_bytes)
{
        if (n_bytes > 32)
                memcpy(at, bytes, n_bytes);
        else if (n_bytes >= 16) {
                memcpy(at, bytes, 16);
                memcpy(at + n_bytes - 16, bytes + n_bytes - 16, 16);
        } else if (n_bytes >= 8) {
                memcpy(at, bytes, 8);
                memcpy(at + n_bytes - 8, bytes + n_bytes - 8, 8);
        } else
                for (size_t i = 0; i < n_bytes; i++)
                        at[i] = bytes[i];
}

static inline uint8_t *codec_store_string(uint8_t *at, const void *bytes, size_t n_bytes)
{
        at = codec_store_number(at, n_bytes);
        codec_store_bytes(at, bytes, n_bytes);
        return at + n_bytes;
}

static inline void codec_put_byte(CodecBuffer *buffer, uint8_t byte)
{
        *(uint8_t *) codec_extend(buffer, 1) = byte;
}

void codec_put_u32(CodecBuffer *buffer, uint32_t number);
void codec_put_large_number(CodecBuffer *buffer, uint64_t number);

/* Most numbers are lengths. */
static inline void codec_put_number(CodecBuffer *buffer, uint64_t number)
{
        if (number < 0x80)
                *(uint8_t *) codec_extend(buffer, 1) = (uint8_t) number;
        else
                codec_put_large_number(buffer, number);
}

void codec_put_bytes(CodecBuffer *buffer, const void *bytes, size_t n_bytes);
void codec_put_string(CodecBuffer *buffer, const char *string, size_t n_bytes);

typedef struct CodecReader {
        const uint8_t *at;
        const uint8_t *end;
        bool is_bad;
} CodecReader;

static inline CodecReader codec_reader(const void *bytes, size_t n_bytes)
{
        /* Nothing may be at NULL, where even adding 0 has no meaning. */
        return (CodecReader){
                .at = bytes,
                .end = n_bytes > 0 ? (const uint8_t *) bytes + n_bytes : bytes,
        };
}

static inline size_t codec_rest(const CodecReader *reader)
{
        return (size_t) (reader->end - reader->at);
}

/* Notes a mistake, also of a higher layer. */
static inline void codec_refuse(CodecReader *reader)
{
        reader->is_bad = true;
        reader->at = reader->end;
}

static inline uint8_t codec_get_byte(CodecReader *reader)
{
        if (reader->at == reader->end) {
                codec_refuse(reader);
                return 0;
        }
        return *reader->at++;
}

uint32_t codec_get_u32(CodecReader *reader);
uint64_t codec_get_large_number(CodecReader *reader);

static inline uint64_t codec_get_number(CodecReader *reader)
{
        return reader->at != reader->end && *reader->at < 0x80 ? *reader->at++
                                                               : codec_get_large_number(reader);
}

/* A number that fits 32 bits, or it is a mistake. */
uint32_t codec_get_number32(CodecReader *reader);

/* How many things follow, of at least @bytes_each: never more than could. */
size_t codec_get_count(CodecReader *reader, size_t bytes_each);

/* Borrows from the reader's bytes. */
static inline const void *codec_get_bytes(CodecReader *reader, size_t n_bytes)
{
        const uint8_t *bytes = reader->at;

        if (n_bytes > codec_rest(reader)) {
                codec_refuse(reader);
                return NULL;
        }
        reader->at += n_bytes;
        return bytes;
}

/* Borrows; not terminated. At most @max_bytes, or it is a mistake. */
static inline const char *codec_get_string(CodecReader *reader, size_t max_bytes, size_t *ret_bytes)
{
        uint64_t n = codec_get_number(reader);

        *ret_bytes = 0;
        if (reader->is_bad || n > max_bytes || n > codec_rest(reader)) {
                codec_refuse(reader);
                return NULL;
        }

        *ret_bytes = (size_t) n;
        return codec_get_bytes(reader, (size_t) n);
}

/* 0, or -EBADMSG when something was wrong or is left over. */
int codec_finish(const CodecReader *reader);
