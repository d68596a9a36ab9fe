/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Protobuf
 */

#include "protobuf.h"

#include <errno.h>

enum { WIRE_NUMBER = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

static void add_varint(GByteArray *message, uint64_t number)
{
        uint8_t bytes[10];
        unsigned n = 0;

        do {
                bytes[n] = (uint8_t) (number & 0x7f);
                number >>= 7;
                if (number > 0)
                        bytes[n] |= 0x80;
                n++;
        } while (number > 0);
        g_byte_array_append(message, bytes, n);
}

void protobuf_add_number(GByteArray *message, uint32_t field, uint64_t number)
{
        add_varint(message, (uint64_t) field << 3 | WIRE_NUMBER);
        add_varint(message, number);
}

void protobuf_add_bytes(GByteArray *message, uint32_t field, const void *bytes, size_t n_bytes)
{
        add_varint(message, (uint64_t) field << 3 | WIRE_BYTES);
        add_varint(message, n_bytes);
        g_byte_array_append(message, bytes, (guint) n_bytes);
}

static int read_varint(const uint8_t **at, const uint8_t *end, uint64_t *ret_number)
{
        uint64_t number = 0;

        for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
                uint8_t byte = *(*at)++;

                number |= (uint64_t) (byte & 0x7f) << shift;
                if (!(byte & 0x80)) {
                        *ret_number = number;
                        return 0;
                }
        }
        return -EBADMSG;
}

int protobuf_find(const uint8_t *message,
                  size_t n_bytes,
                  uint32_t field,
                  const uint8_t **ret_bytes,
                  size_t *ret_n_bytes)
{
        const uint8_t *at = message, *end = message + n_bytes;

        while (at < end) {
                uint64_t tag, length = 0;

                if (read_varint(&at, end, &tag) < 0)
                        return -EBADMSG;
                if ((tag & 7) == WIRE_FIXED64 || (tag & 7) == WIRE_FIXED32)
                        length = (tag & 7) == WIRE_FIXED64 ? 8 : 4;
                else if ((tag & 7) > WIRE_BYTES || read_varint(&at, end, &length) < 0)
                        return -EBADMSG;
                if ((tag & 7) == WIRE_NUMBER)
                        continue;
                if (length > (uint64_t) (end - at))
                        return -EBADMSG;
                if (tag == ((uint64_t) field << 3 | WIRE_BYTES)) {
                        *ret_bytes = at;
                        *ret_n_bytes = length;
                        return 0;
                }
                at += length;
        }
        return -ENOENT;
}
