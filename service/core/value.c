/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values
 *
 * Alignments and lengths are the marshalling rules of the D-Bus specification, "Marshaling (Wire
 * Format)".
 */

#include "core/value.h"

#include "core/limits.h"

#include <string.h>

static bool is_basic_or_variant(char type)
{
        switch (type) {
        case 'y':
        case 'b':
        case 'n':
        case 'q':
        case 'i':
        case 'u':
        case 'x':
        case 't':
        case 'd':
        case 's':
        case 'o':
        case 'g':
        case 'v':
                return true;
        default:
                return false;
        }
}

bool value_type_is_valid(const char *type)
{
        /* Most are of one letter, and a start looks at the type of every entry. */
        if (type[0] != '\0' && type[1] == '\0')
                return is_basic_or_variant(type[0]);

        /* m: maybe, h: descriptor, the rest stand for no concrete type. */
        return strlen(type) <= LIMIT_TYPE_BYTES && !strpbrk(type, "mh*?r") &&
               g_variant_type_string_is_valid(type) && !strstr(type, "()");
}

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

static uint64_t wire_end(GVariant *value, uint64_t offset);

static uint64_t children_end(GVariant *value, uint64_t offset)
{
        size_t n = g_variant_n_children(value);

        for (size_t i = 0; i < n; i++) {
                g_autoptr(GVariant) child = g_variant_get_child_value(value, i);

                offset = wire_end(child, offset);
        }

        return offset;
}

static uint64_t array_end(GVariant *value, uint64_t offset)
{
        char element = g_variant_get_type_string(value)[1];

        offset = align(offset, 4) + 4;
        offset = align(offset, alignment_of(element));

        /* Fixed-size elements are as large on both sides, but for the boolean. */
        if (strchr("ynqiuxtd", element))
                return offset + g_variant_get_size(value);
        if (element == 'b')
                return offset + 4 * g_variant_get_size(value);
        return children_end(value, offset);
}

static uint64_t variant_end(GVariant *value, uint64_t offset)
{
        g_autoptr(GVariant) inner = g_variant_get_variant(value);

        return wire_end(inner, offset + 2 + strlen(g_variant_get_type_string(inner)));
}

/* Where @value ends when it begins at the first fitting place from @offset on. */
static uint64_t wire_end(GVariant *value, uint64_t offset)
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
                return array_end(value, offset);
        case 'v':
                return variant_end(value, offset);
        case '(':
        case '{':
                return children_end(value, offset);
        default:
                return offset + g_variant_get_size(value);
        }
}

uint64_t value_wire_bytes(GVariant *value)
{
        return wire_end(value, 0);
}
