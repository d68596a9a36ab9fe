/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames: writing
 */

#include "wire/frame.h"

#include <string.h>

/* Where the fixed part of a header says how long the body and the fields are. */
#define BODY_BYTES_AT 4u

static void put(WireBytes *bytes, const void *data, size_t n_bytes)
{
        if (n_bytes > sizeof bytes->bytes - bytes->n_bytes) {
                bytes->is_broken = true;
                return;
        }
        memcpy(bytes->bytes + bytes->n_bytes, data, n_bytes);
        bytes->n_bytes += n_bytes;
}

/* The body begins at a multiple of eight, so it is all the same where one counts from. */
void wire_put_alignment(WireBytes *bytes, size_t alignment)
{
        static const uint8_t zeros[8];

        put(bytes, zeros, -bytes->n_bytes & (alignment - 1));
}

static void put_number(WireBytes *bytes, const void *number, size_t n_bytes)
{
        wire_put_alignment(bytes, n_bytes);
        put(bytes, number, n_bytes);
}

void wire_put_uint32(WireBytes *bytes, uint32_t number)
{
        put_number(bytes, &number, sizeof number);
}

void wire_put_uint64(WireBytes *bytes, uint64_t number)
{
        put_number(bytes, &number, sizeof number);
}

void wire_put_string(WireBytes *bytes, const char *text)
{
        size_t n_bytes = strlen(text);

        if (n_bytes >= sizeof bytes->bytes) {
                bytes->is_broken = true;
                return;
        }
        wire_put_uint32(bytes, (uint32_t) n_bytes);
        put(bytes, text, n_bytes + 1);
}

void wire_put_signature(WireBytes *bytes, const char *signature)
{
        size_t n_bytes = strlen(signature);
        uint8_t length = (uint8_t) n_bytes;

        bytes->is_broken |= n_bytes > UINT8_MAX;
        put(bytes, &length, sizeof length);
        put(bytes, signature, n_bytes + 1);
}

void wire_put_value(WireBytes *bytes, GVariant *value)
{
        const char *type = g_variant_get_type_string(value);

        wire_put_signature(bytes, type);
        if (strcmp(type, "s") == 0)
                wire_put_string(bytes, g_variant_get_string(value, NULL));
        else if (strcmp(type, "b") == 0)
                wire_put_uint32(bytes, g_variant_get_boolean(value));
        else if (type[1] == '\0' && strchr("ynqiuxtd", type[0]))
                put_number(bytes, g_variant_get_data(value), g_variant_get_size(value));
        else
                bytes->is_broken = true;
}

size_t wire_put_array(WireBytes *bytes, size_t alignment)
{
        size_t array;

        wire_put_uint32(bytes, 0);
        array = bytes->n_bytes;
        wire_put_alignment(bytes, alignment);
        return array;
}

static void set_uint32(WireBytes *bytes, size_t at, size_t number)
{
        uint32_t n = (uint32_t) number;

        if (!bytes->is_broken)
                memcpy(bytes->bytes + at, &n, sizeof n);
}

void wire_end_array(WireBytes *bytes, size_t array, size_t alignment)
{
        size_t begin = (array + alignment - 1) & ~(alignment - 1);

        set_uint32(bytes, array - sizeof(uint32_t), bytes->n_bytes - begin);
}

static void begin_field(WireBytes *bytes, uint8_t code, const char *type)
{
        wire_put_alignment(bytes, 8);
        put(bytes, &code, sizeof code);
        wire_put_signature(bytes, type);
}

static void put_text_field(WireBytes *bytes, uint8_t code, const char *type, const char *text)
{
        if (!text)
                return;

        begin_field(bytes, code, type);
        wire_put_string(bytes, text);
}

void wire_bytes_begin(WireBytes *bytes, const WireFrame *frame)
{
        const uint8_t start[] = { WIRE_FRAME_BYTE_ORDER, frame->type, frame->flags,
                                  WIRE_FRAME_VERSION };
        size_t fields;

        bytes->n_bytes = 0;
        bytes->is_broken = false;
        put(bytes, start, sizeof start);
        wire_put_uint32(bytes, 0);
        wire_put_uint32(bytes, frame->serial);
        fields = wire_put_array(bytes, 8);
        put_text_field(bytes, WIRE_FIELD_PATH, "o", frame->path);
        put_text_field(bytes, WIRE_FIELD_INTERFACE, "s", frame->interface_name);
        put_text_field(bytes, WIRE_FIELD_MEMBER, "s", frame->member);
        put_text_field(bytes, WIRE_FIELD_ERROR_NAME, "s", frame->error_name);
        if (frame->reply_serial != 0) {
                begin_field(bytes, WIRE_FIELD_REPLY_SERIAL, "u");
                wire_put_uint32(bytes, frame->reply_serial);
        }
        if (frame->signature && *frame->signature) {
                begin_field(bytes, WIRE_FIELD_SIGNATURE, "g");
                wire_put_signature(bytes, frame->signature);
        }
        wire_end_array(bytes, fields, 8);
        wire_put_alignment(bytes, 8);
        bytes->body_at = bytes->n_bytes;
}

bool wire_bytes_end(WireBytes *bytes)
{
        set_uint32(bytes, BODY_BYTES_AT, bytes->n_bytes - bytes->body_at);
        return !bytes->is_broken;
}
