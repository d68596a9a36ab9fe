/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long a value is on the wire
 */

#include "wire/value-size.h"

#include <string.h>

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

static uint64_t align(uint64_t offset, size_t alignment)
{
        return (offset + alignment - 1) & ~((uint64_t) alignment - 1);
}

static uint64_t after_children(uint64_t offset, uint64_t bytes_max, GVariant *value)
{
        size_t n = g_variant_n_children(value);

        for (size_t i = 0; i < n && offset <= bytes_max; i++) {
                g_autoptr(GVariant) child = g_variant_get_child_value(value, i);

                offset = wire_size_after(offset, bytes_max, child);
        }

        return offset;
}

static uint64_t after_array(uint64_t offset, uint64_t bytes_max, GVariant *value)
{
        char element = g_variant_get_type_string(value)[1];

        offset = align(offset, 4) + 4;
        offset = align(offset, alignment_of(element));

        /* Fixed-size elements are as large on both sides, but for the boolean. */
        if (strchr("ynqiuxtd", element))
                return offset + g_variant_get_size(value);
        if (element == 'b')
                return offset + 4 * g_variant_get_size(value);
        return after_children(offset, bytes_max, value);
}

static uint64_t after_variant(uint64_t offset, uint64_t bytes_max, GVariant *value)
{
        g_autoptr(GVariant) inner = g_variant_get_variant(value);

        return wire_size_after(offset + 2 + strlen(g_variant_get_type_string(inner)), bytes_max,
                               inner);
}

uint64_t wire_size_after(uint64_t offset, uint64_t bytes_max, GVariant *value)
{
        char type = *g_variant_get_type_string(value);

        offset = align(offset, alignment_of(type));

        switch (type) {
        case 's':
        case 'o':
                return offset + 4 + g_variant_get_size(value);
        case 'g':
                return offset + 1 + g_variant_get_size(value);
        case 'b':
                return offset + 4;
        case 'a':
                return after_array(offset, bytes_max, value);
        case 'v':
                return after_variant(offset, bytes_max, value);
        case '(':
        case '{':
                return after_children(offset, bytes_max, value);
        default:
                return offset + g_variant_get_size(value);
        }
}
