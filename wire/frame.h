/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Frames
 *
 * Messages as they lie in a socket, for the few calls that are made very often: sd-bus takes ten times as long for
 * them. Known here is only what is common: this machine's byte order, the header fields of calls and their replies, no
 * descriptors, strings of ASCII, values of basic types. Whatever is otherwise, right or wrong, is sd-bus's to judge:
 * then the functions say so, and nothing has been done. See "Message Protocol" of the D-Bus specification.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Of those that are made. */
#define WIRE_FRAME_BYTES_MAX 1024u

/* As its first byte says it. */
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
#define WIRE_FRAME_BYTE_ORDER 'l'
#else
#define WIRE_FRAME_BYTE_ORDER 'B'
#endif
#define WIRE_FRAME_VERSION 1

/* Codes of header fields. */
enum {
        WIRE_FIELD_PATH = 1,
        WIRE_FIELD_INTERFACE = 2,
        WIRE_FIELD_MEMBER = 3,
        WIRE_FIELD_ERROR_NAME = 4,
        WIRE_FIELD_REPLY_SERIAL = 5,
        WIRE_FIELD_DESTINATION = 6,
        WIRE_FIELD_SIGNATURE = 8,
};

#define WIRE_FRAME_CALL   1u
#define WIRE_FRAME_RETURN 2u
#define WIRE_FRAME_ERROR  3u

#define WIRE_FRAME_NO_REPLY    0x1u
#define WIRE_FRAME_INTERACTIVE 0x4u

typedef struct WireFrame {
        uint8_t type, flags;
        uint32_t serial;
        uint32_t reply_serial; /* 0: none */
        /* in the frame; NULL: none, but the last, which is "" then */
        const char *path, *interface_name, *member, *error_name, *destination, *signature;
        const uint8_t *body;
        size_t n_body_bytes;
        size_t n_bytes; /* in all */
} WireFrame;

/* Whether there is a frame at @bytes, whole. The strings of it are ASCII, and not judged otherwise. */
bool wire_frame_read(const uint8_t *bytes, size_t n_bytes, WireFrame *ret_frame);

/*
 * How long the frame is that begins with these WIRE_FRAME_FIXED_BYTES; 0 when it is none, or longer than D-Bus allows.
 */
#define WIRE_FRAME_FIXED_BYTES 16u
size_t wire_frame_size(const uint8_t *bytes);

/*
 * Reads what is in a body, of which @signature is known. When there is something else it reads nothing but zeros and
 * empty texts from there on, and wire_cursor_end() says so.
 */
typedef struct WireCursor {
        const uint8_t *bytes;
        size_t n_bytes, at;
        bool is_broken;
} WireCursor;

void wire_cursor_init(WireCursor *cursor, const WireFrame *frame);
uint32_t wire_get_uint32(WireCursor *cursor);
uint64_t wire_get_uint64(WireCursor *cursor);
const char *wire_get_string(WireCursor *cursor);
const char *wire_get_signature(WireCursor *cursor);

/* A string of UTF-8. */
const char *wire_get_text(WireCursor *cursor);

/* What is in a variant; NULL when it is not of a basic type. */
GVariant *wire_get_value(WireCursor *cursor);

/* Enters an array of what is aligned to @alignment; where it ends. */
size_t wire_get_array(WireCursor *cursor, size_t alignment);

/* Whether there is another element; before each of what is aligned to eight. */
bool wire_array_goes_on(WireCursor *cursor, size_t end, size_t alignment);

/* Whether all of it was read, and as it should be. */
bool wire_cursor_end(const WireCursor *cursor);

/* Writes a frame. What is too long is not written, and wire_bytes_end() says so. */
typedef struct WireBytes {
        size_t n_bytes;
        size_t body_at;
        bool is_broken;
        uint8_t bytes[WIRE_FRAME_BYTES_MAX];
} WireBytes;

/* Begins with what is in @frame but for body and length; ASCII is taken for granted. */
void wire_bytes_begin(WireBytes *bytes, const WireFrame *frame);
void wire_put_uint32(WireBytes *bytes, uint32_t number);
void wire_put_uint64(WireBytes *bytes, uint64_t number);
void wire_put_string(WireBytes *bytes, const char *text);
void wire_put_signature(WireBytes *bytes, const char *signature);

/* A variant of @value; broken when it is not of a basic type. */
void wire_put_value(WireBytes *bytes, GVariant *value);

/* Begins an array of what is aligned to @alignment; for its end. */
size_t wire_put_array(WireBytes *bytes, size_t alignment);
void wire_end_array(WireBytes *bytes, size_t array, size_t alignment);
void wire_put_alignment(WireBytes *bytes, size_t alignment);

/* Whether it is whole now. */
bool wire_bytes_end(WireBytes *bytes);
