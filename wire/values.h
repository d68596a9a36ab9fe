/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Values on the wire
 *
 * Moves values between sd-bus messages and GVariant, for regentd and for libregent. The two differ in
 * wire format, so values are walked, never copied as bytes; but arrays of fixed-size elements are, a
 * blob of a megabyte too. What may be read is for the caller to say.
 */

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

#define WIRE_TYPE_BYTES_MAX 255u /* of a D-Bus signature */

enum {
        WIRE_E_TOO_BIG = 1, /* more than bytes_max */
        WIRE_E_TOO_MANY,    /* more than n_elements */
        WIRE_E_LAST,        /* the first of what a check may return */
};

/* What is open around a value: without dictionary entries, and with them. */
typedef struct WireDepth {
        unsigned n_counted;
        unsigned n_containers;
} WireDepth;

/*
 * What may be read: @bytes_max of serialized value, and @n_elements, which is counted down: each element that is
 * read by itself, which is what reading costs. @check_type is asked of each variant before anything in it is read:
 * 0, or what ends it.
 */
typedef struct WireRules {
        size_t bytes_max;
        size_t *n_elements;
        int (*check_type)(const char *type, WireDepth depth);
} WireRules;

/*
 * Reads the variant at the cursor. *ret_value is a full reference to its content, in normal form. 0, an
 * outcome, or a negative errno when the message is not what it says; then the cursor may be anywhere.
 */
int wire_read_variant(sd_bus_message *m, const WireRules *rules, GVariant **ret_value);

/*
 * Reads what follows the cursor as one tuple of @type. A descriptor is read as its number among those
 * that are read. -EBADMSG when something else follows.
 */
int wire_read_tuple(sd_bus_message *m,
                    const WireRules *rules,
                    const GVariantType *type,
                    GVariant **ret_value);

/* Appends a value as what it is; the members of a tuple; a value wrapped in a variant. -EINVAL: of no D-Bus type. */
int wire_append(sd_bus_message *m, GVariant *value);
int wire_append_members(sd_bus_message *m, GVariant *tuple);
int wire_append_variant(sd_bus_message *m, GVariant *value);

/*
 * Whether serialized bytes of @type, aligned and in this machine's byte order, are what sd-bus takes: those of a
 * number, a string or an array of numbers. And that.
 */
bool wire_is_plain(const char *type);
int wire_append_plain(sd_bus_message *m, const char *type, const void *content, size_t n_bytes);
