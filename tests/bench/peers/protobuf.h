/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Protobuf
 *
 * As much of the encoding as etcd's messages need: numbers and pieces of bytes.
 */

#include <glib.h>
#include <stdint.h>

void protobuf_add_number(GByteArray *message, uint32_t field, uint64_t number);
void protobuf_add_bytes(GByteArray *message, uint32_t field, const void *bytes, size_t n_bytes);

/*
 * The first field of that number that holds bytes, in place. 0, -ENOENT, or -EBADMSG for what is no message.
 */
int protobuf_find(const uint8_t *message,
                  size_t n_bytes,
                  uint32_t field,
                  const uint8_t **ret_bytes,
                  size_t *ret_n_bytes);
