/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames: reading
 *
 * The fixed part of a header is "yyyyuu", followed by an "a(yv)" of fields. Padding is zero, as sd-bus wants it.
 */

#include "wire/frame.h"

#include <string.h>

/* As D-Bus has it. */
#define FIELDS_BYTES_MAX ((uint32_t) 64 << 20)
#define FRAME_BYTES_MAX  ((uint64_t) 128 << 20)

static void align(WireCursor *cursor, size_t alignment)
{
        while (cursor->at % alignment != 0) {
                if (cursor->at >= cursor->n_bytes || cursor->bytes[cursor->at] != 0) {
                        cursor->is_broken = true;
                        return;
                }
                cursor->at++;
        }
}

/* NULL when there are not as many. */
static const uint8_t *take(WireCursor *cursor, size_t n_bytes, size_t alignment)
{
        const uint8_t *bytes;

        align(cursor, alignment);
        if (cursor->is_broken || n_bytes > cursor->n_bytes - cursor->at) {
                cursor->is_broken = true;
                return NULL;
        }

        bytes = cursor->bytes + cursor->at;
        cursor->at += n_bytes;
        return bytes;
}

static uint8_t get_byte(WireCursor *cursor)
{
        const uint8_t *byte = take(cursor, 1, 1);

        return byte ? *byte : 0;
}

uint32_t wire_get_uint32(WireCursor *cursor)
{
        const uint8_t *bytes = take(cursor, sizeof(uint32_t), sizeof(uint32_t));
        uint32_t number = 0;

        if (bytes)
                memcpy(&number, bytes, sizeof number);
        return number;
}

uint64_t wire_get_uint64(WireCursor *cursor)
{
        const uint8_t *bytes = take(cursor, sizeof(uint64_t), sizeof(uint64_t));
        uint64_t number = 0;

        if (bytes)
                memcpy(&number, bytes, sizeof number);
        return number;
}

static bool is_ascii(const uint8_t *text, size_t n_bytes)
{
        uint64_t all = 0, eight;

        for (; n_bytes >= sizeof eight; n_bytes -= sizeof eight, text += sizeof eight) {
                memcpy(&eight, text, sizeof eight);
                all |= eight;
        }
        while (n_bytes > 0)
                all |= text[--n_bytes];
        return (all & UINT64_C(0x8080808080808080)) == 0;
}

/* Of @n_bytes without the zero at its end, which is there; NULL when it is not. */
static const uint8_t *take_text(WireCursor *cursor, size_t n_bytes)
{
        const uint8_t *text = n_bytes < cursor->n_bytes ? take(cursor, n_bytes + 1, 1) : NULL;

        cursor->is_broken |= !text || text[n_bytes] != 0;
        return cursor->is_broken ? NULL : text;
}

static const char *get_text(WireCursor *cursor, size_t n_bytes)
{
        const uint8_t *text = take_text(cursor, n_bytes);

        cursor->is_broken |=
                text && (strlen((const char *) text) < n_bytes || !is_ascii(text, n_bytes));
        return cursor->is_broken ? "" : (const char *) text;
}

const char *wire_get_string(WireCursor *cursor)
{
        uint32_t n_bytes = wire_get_uint32(cursor);

        return get_text(cursor, n_bytes);
}

const char *wire_get_text(WireCursor *cursor)
{
        uint32_t n_bytes = wire_get_uint32(cursor);
        const char *text = (const char *) take_text(cursor, n_bytes);

        cursor->is_broken |=
                text && (strlen(text) < n_bytes || !g_utf8_validate(text, (gssize) n_bytes, NULL));
        return cursor->is_broken ? "" : text;
}

const char *wire_get_signature(WireCursor *cursor)
{
        uint8_t n_bytes = get_byte(cursor);

        return get_text(cursor, n_bytes);
}

static GVariant *get_boolean(WireCursor *cursor)
{
        uint32_t number = wire_get_uint32(cursor);

        cursor->is_broken |= number > 1;
        return g_variant_new_boolean(number == 1);
}

static GVariant *get_number(WireCursor *cursor, const char *type, size_t n_bytes)
{
        const uint8_t *bytes = take(cursor, n_bytes, n_bytes);
        g_autoptr(GBytes) copy = NULL;

        if (!bytes)
                return NULL;
        copy = g_bytes_new(bytes, n_bytes);
        return g_variant_new_from_bytes(G_VARIANT_TYPE(type), copy, true);
}

static GVariant *get_value_of(WireCursor *cursor, const char *type)
{
        if (type[0] == '\0' || type[1] != '\0')
                return NULL;

        switch (type[0]) {
        case 's':
                return g_variant_new_string(wire_get_string(cursor));
        case 'b':
                return get_boolean(cursor);
        case 'y':
                return get_number(cursor, type, 1);
        case 'n':
        case 'q':
                return get_number(cursor, type, 2);
        case 'i':
        case 'u':
                return get_number(cursor, type, 4);
        case 'x':
        case 't':
        case 'd':
                return get_number(cursor, type, 8);
        default:
                return NULL;
        }
}

GVariant *wire_get_value(WireCursor *cursor)
{
        GVariant *value = get_value_of(cursor, wire_get_signature(cursor));

        cursor->is_broken |= !value;
        return value ? g_variant_ref_sink(value) : NULL;
}

size_t wire_get_array(WireCursor *cursor, size_t alignment)
{
        uint32_t n_bytes = wire_get_uint32(cursor);

        align(cursor, alignment);
        if (cursor->is_broken || n_bytes > cursor->n_bytes - cursor->at) {
                cursor->is_broken = true;
                return cursor->at;
        }
        return cursor->at + n_bytes;
}

bool wire_array_goes_on(WireCursor *cursor, size_t end, size_t alignment)
{
        if (cursor->is_broken || cursor->at == end)
                return false;

        align(cursor, alignment);
        cursor->is_broken |= cursor->at >= end;
        return !cursor->is_broken;
}

bool wire_cursor_end(const WireCursor *cursor)
{
        return !cursor->is_broken && cursor->at == cursor->n_bytes;
}

/* Whether it is a field that is known, has the right type, and is the first of its kind. */
static bool read_field(WireCursor *cursor, WireFrame *frame)
{
        uint8_t code = get_byte(cursor);
        const char *type = wire_get_signature(cursor);
        const char **text;

        switch (code) {
        case WIRE_FIELD_PATH:
                text = &frame->path;
                break;
        case WIRE_FIELD_INTERFACE:
                text = &frame->interface_name;
                break;
        case WIRE_FIELD_MEMBER:
                text = &frame->member;
                break;
        case WIRE_FIELD_ERROR_NAME:
                text = &frame->error_name;
                break;
        case WIRE_FIELD_DESTINATION:
                text = &frame->destination;
                break;
        case WIRE_FIELD_SIGNATURE:
                if (strcmp(type, "g") != 0 || frame->signature)
                        return false;
                frame->signature = wire_get_signature(cursor);
                return true;
        case WIRE_FIELD_REPLY_SERIAL:
                if (strcmp(type, "u") != 0 || frame->reply_serial != 0)
                        return false;
                frame->reply_serial = wire_get_uint32(cursor);
                return frame->reply_serial != 0;
        default:
                return false;
        }

        if (strcmp(type, code == WIRE_FIELD_PATH ? "o" : "s") != 0 || *text)
                return false;
        *text = wire_get_string(cursor);
        return true;
}

static bool read_fields(WireCursor *cursor, WireFrame *frame)
{
        size_t end = wire_get_array(cursor, 8);

        while (wire_array_goes_on(cursor, end, 8))
                if (!read_field(cursor, frame))
                        return false;
        align(cursor, 8);
        if (!frame->signature)
                frame->signature = "";
        return !cursor->is_broken;
}

bool wire_frame_read(const uint8_t *bytes, size_t n_bytes, WireFrame *ret_frame)
{
        WireCursor cursor = { .bytes = bytes, .n_bytes = n_bytes };
        WireFrame frame = {};
        uint32_t n_body_bytes;

        if (n_bytes < WIRE_FRAME_FIXED_BYTES || bytes[0] != WIRE_FRAME_BYTE_ORDER ||
            bytes[3] != WIRE_FRAME_VERSION)
                return false;

        frame.type = bytes[1];
        frame.flags = bytes[2];
        cursor.at = 4;
        n_body_bytes = wire_get_uint32(&cursor);
        frame.serial = wire_get_uint32(&cursor);
        if (frame.serial == 0 || !read_fields(&cursor, &frame) ||
            n_body_bytes > n_bytes - cursor.at)
                return false;

        frame.body = bytes + cursor.at;
        frame.n_body_bytes = n_body_bytes;
        frame.n_bytes = cursor.at + n_body_bytes;
        *ret_frame = frame;
        return true;
}

size_t wire_frame_size(const uint8_t *bytes)
{
        WireCursor cursor = { .bytes = bytes, .n_bytes = WIRE_FRAME_FIXED_BYTES, .at = 4 };
        uint32_t n_body_bytes = wire_get_uint32(&cursor);
        uint32_t serial = wire_get_uint32(&cursor);
        uint32_t n_fields_bytes = wire_get_uint32(&cursor);
        uint64_t n_bytes;

        if (bytes[0] != WIRE_FRAME_BYTE_ORDER || bytes[3] != WIRE_FRAME_VERSION || serial == 0 ||
            n_fields_bytes > FIELDS_BYTES_MAX)
                return 0;

        n_bytes = WIRE_FRAME_FIXED_BYTES + (((uint64_t) n_fields_bytes + 7) & ~UINT64_C(7)) +
                  n_body_bytes;
        return n_bytes > FRAME_BYTES_MAX ? 0 : n_bytes;
}

void wire_cursor_init(WireCursor *cursor, const WireFrame *frame)
{
        *cursor = (WireCursor){ .bytes = frame->body, .n_bytes = frame->n_body_bytes };
}
