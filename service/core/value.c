/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values
 */

#include "core/value.h"

#include "core/limits.h"
#include "wire/value-size.h"

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

uint64_t value_wire_bytes(GVariant *value)
{
        return wire_size_after(0, UINT64_MAX, value);
}
