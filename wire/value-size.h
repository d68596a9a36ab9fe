/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How long a value is on the wire
 *
 * sd-bus does not say, and the serialized form of GVariant is another one: up to eight times shorter, as
 * D-Bus begins each struct at a multiple of eight and has four bytes for a boolean.
 */

#include <glib.h>
#include <stdint.h>

/*
 * Where @value ends in a message when it begins at the first place from @offset on that fits (D-Bus
 * specification, "Marshaling"). More than @bytes_max when that is beyond it, and then no more is looked at.
 */
uint64_t wire_size_after(uint64_t offset, uint64_t bytes_max, GVariant *value);
