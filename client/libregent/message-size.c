/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long a message becomes
 *
 * sd-bus does not say, and the serialized form of GVariant is another one: up to eight times shorter, as D-Bus begins
 * each struct at a multiple of eight and has four bytes for a boolean. So what may be too long is walked and added up.
 */

#include "private.h"

#include <string.h>

/* Of the fixed part, and of the names in it that D-Bus bounds. */
#define HEADER_BYTES_MAX 4096u

static size_t alignment_of(char type)
{
        switch (type) {
        case 'y':
        case 'g':
        case 'v':
                return 1;
        case 'n':
        case 'q':
                return 2;
        case 'x':
        case 't':
        case 'd':
        case '(':
        case '{':
                return 8;
        default:
                return 4;
        }
}

static size_t align(size_t at, char type)
{
        size_t alignment = alignment_of(type);

        return (at + alignment - 1) / alignment * alignment;
}

static size_t after_children(size_t at, size_t bytes_max, GVariant *value)
{
        size_t n = g_variant_n_children(value);

        for (size_t i = 0; i < n && at <= bytes_max; i++) {
                g_autoptr(GVariant) child = g_variant_get_child_value(value, i);

                at = message_size_after(at, bytes_max, child);
        }

        return at;
}

static size_t after_array(size_t at, size_t bytes_max, GVariant *value)
{
        char type = g_variant_get_type_string(value)[1];
        size_t start = align(at + sizeof(uint32_t), type);

        if (strchr("ynqiuxtdb", type))
                return start + g_variant_n_children(value) * alignment_of(type);
        return after_children(start, bytes_max, value);
}

size_t message_size_after(size_t at, size_t bytes_max, GVariant *value)
{
        char type = *g_variant_get_type_string(value);
        g_autoptr(GVariant) content = NULL;

        at = align(at, type);
        switch (type) {
        case 's':
        case 'o':
                return at + sizeof(uint32_t) + g_variant_get_size(value);
        case 'g':
                return at + 1 + g_variant_get_size(value);
        case 'a':
                return after_array(at, bytes_max, value);
        case 'v':
                content = g_variant_get_variant(value);
                at += strlen(g_variant_get_type_string(content)) + 2;
                return message_size_after(at, bytes_max, content);
        case '(':
        case '{':
                return after_children(at, bytes_max, value);
        default:
                return at + alignment_of(type);
        }
}

bool message_is_too_long(const CallSpec *spec)
{
        size_t n_bytes = HEADER_BYTES_MAX + strlen(spec->path);
        size_t value_bytes = 0;

        if (spec->key)
                n_bytes += strlen(spec->key);
        if (spec->arguments)
                value_bytes += g_variant_get_size(spec->arguments);
        if (spec->value)
                value_bytes += g_variant_get_size(spec->value);
        if (n_bytes > MESSAGE_BYTES_MAX || value_bytes > MESSAGE_BYTES_MAX)
                return true;
        if (n_bytes + MESSAGE_RATIO_MAX * value_bytes <= MESSAGE_BYTES_MAX)
                return false;

        if (spec->arguments)
                n_bytes = message_size_after(n_bytes, MESSAGE_BYTES_MAX, spec->arguments);
        if (spec->value)
                n_bytes = message_size_after(n_bytes, MESSAGE_BYTES_MAX, spec->value);
        return n_bytes > MESSAGE_BYTES_MAX;
}
