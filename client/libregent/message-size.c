/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a message becomes too long
 *
 * What may be is walked and added up; what cannot be is not.
 */

#include "private.h"

#include "wire/value-size.h"

#include <string.h>

/* Of the fixed part, and of the names in it that D-Bus bounds. */
#define HEADER_BYTES_MAX 4096u

bool message_is_too_long(const CallSpec *spec)
{
        uint64_t n_bytes = HEADER_BYTES_MAX + strlen(spec->path);
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
                n_bytes = wire_size_after(n_bytes, MESSAGE_BYTES_MAX, spec->arguments);
        if (spec->value)
                n_bytes = wire_size_after(n_bytes, MESSAGE_BYTES_MAX, spec->value);
        return n_bytes > MESSAGE_BYTES_MAX;
}
