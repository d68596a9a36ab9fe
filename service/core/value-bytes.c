/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Value bytes
 */

#include "core/value-bytes.h"

#include "core/value.h"

#include <string.h>

static bool is_ascii(const char *bytes, size_t n_bytes)
{
        uint64_t all = 0;
        size_t i;

        for (i = 0; i + sizeof all <= n_bytes; i += sizeof all) {
                uint64_t some;

                memcpy(&some, bytes + i, sizeof some);
                all |= some;
        }
        for (; i < n_bytes; i++)
                all |= (uint8_t) bytes[i];
        return !(all & UINT64_C(0x8080808080808080));
}

static bool is_string(const char *bytes, size_t n_bytes)
{
        return n_bytes > 0 && memchr(bytes, '\0', n_bytes) == bytes + n_bytes - 1 &&
               (is_ascii(bytes, n_bytes) || g_utf8_validate_len(bytes, n_bytes - 1, NULL));
}

static bool is_boolean(const uint8_t *bytes, size_t n_bytes)
{
        return n_bytes == 1 && *bytes <= 1;
}

static bool is_any_value(const char *type,
                         const void *bytes,
                         size_t n_bytes,
                         uint64_t *ret_wire_bytes)
{
        g_autoptr(GVariant) value = g_variant_ref_sink(
                g_variant_new_from_data(G_VARIANT_TYPE(type), bytes, n_bytes, FALSE, NULL, NULL));

        if (!g_variant_is_normal_form(value))
                return false;

        *ret_wire_bytes = value_wire_bytes(value);
        return true;
}

bool value_bytes_are_normal(const char *type,
                            const void *bytes,
                            size_t n_bytes,
                            uint64_t *ret_wire_bytes)
{
        /* Of types without parts; the wire adds a length to a string, and bytes to a boolean. */
        switch (type[1] == '\0' ? type[0] : '\0') {
        case 's':
                *ret_wire_bytes = 4 + n_bytes;
                return is_string(bytes, n_bytes);
        case 'b':
                *ret_wire_bytes = 4;
                return is_boolean(bytes, n_bytes);
        case 'y':
                *ret_wire_bytes = 1;
                return n_bytes == 1;
        case 'n':
        case 'q':
                *ret_wire_bytes = 2;
                return n_bytes == 2;
        case 'i':
        case 'u':
                *ret_wire_bytes = 4;
                return n_bytes == 4;
        case 'x':
        case 't':
        case 'd':
                *ret_wire_bytes = 8;
                return n_bytes == 8;
        default:
                return is_any_value(type, bytes, n_bytes, ret_wire_bytes);
        }
}
