/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Value bytes
 *
 * The serialized form of a value as it comes from a file: whether it is one. Recovery asks for every
 * entry there is, so values of the basic types are looked at as they are, without a GVariant.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whether @bytes, aligned to eight, are a value of the valid @type in normal form, in this machine's
 * byte order; and what it takes in a D-Bus message.
 */
bool value_bytes_are_normal(const char *type,
                            const void *bytes,
                            size_t n_bytes,
                            uint64_t *ret_wire_bytes);
