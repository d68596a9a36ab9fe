/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Values
 *
 * What D-Bus adds to GVariant's rules: which types a value may have, and how large it is on the
 * wire. The two serialized forms differ: a(y) takes one byte an element in a GVariant and eight in
 * a message.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Whether a type is a single complete D-Bus type without file descriptors. */
bool value_type_is_valid(const char *type);

/* The bytes @value takes in a D-Bus message when it begins at a multiple of eight. */
uint64_t value_wire_bytes(GVariant *value);
