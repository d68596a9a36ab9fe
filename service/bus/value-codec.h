/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Value codec
 *
 * What may be kept of the values in a message, and values of entries in messages. How the two differ
 * is known to wire/values.h.
 */

#include "core/entry.h"
#include "wire/values.h"

#include <glib.h>
#include <systemd/sd-bus.h>

/* No value of more serialized bytes is read, whatever the limits are set to. */
#define VALUE_CODEC_BYTES_MAX (8u << 20)

enum {
        VALUE_CODEC_E_TOO_BIG = WIRE_E_TOO_BIG,   /* more than VALUE_CODEC_BYTES_MAX */
        VALUE_CODEC_E_TOO_MANY = WIRE_E_TOO_MANY, /* more than *n_elements */
        VALUE_CODEC_E_DESCRIPTOR = WIRE_E_LAST,   /* a file descriptor cannot be kept */
        VALUE_CODEC_E_TOO_DEEP,                   /* deeper than core/value-depth.h allows */
};

/*
 * Reads the variant at the cursor, and takes what it contains of *n_elements: each element that is
 * read by itself, which is what reading costs. *ret_value is a full reference to its content, in
 * normal form.
 * 0, an outcome above, or a negative errno when the message is not what it says. After anything
 * but 0 the cursor may be anywhere.
 */
int value_codec_read(sd_bus_message *m, size_t *n_elements, GVariant **ret_value);

/* Appends @value, wrapped in a variant. */
int value_codec_append(sd_bus_message *m, GVariant *value);

/* The same for what an entry holds. */
int value_codec_append_entry(sd_bus_message *m, Entry *entry);

/* An {sv} of the entry's key and value. */
int value_codec_append_pair(sd_bus_message *m, Entry *entry);
