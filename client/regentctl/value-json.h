/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Values as JSON
 *
 * D-Bus values in the shape busctl prints: {"type":"u","data":30}, a variant inside a value in the same
 * shape, structures and arrays as arrays, dictionaries as objects (as arrays of pairs where a key
 * stands twice), numbers as numbers of any size, doubles that JSON lacks as "NaN", "Infinity" and
 * "-Infinity" (a NaN with other bits as "NaN(0x…)"). What goes out comes back bit by bit.
 */

#include "failure.h"

#include <glib.h>
#include <json-c/json.h>

/* {"type":…,"data":…}; owned. */
json_object *value_json_from_variant(GVariant *value);

/* {KEY: {"type":…,"data":…}} of an a{sv}; owned. */
json_object *value_json_from_values(GVariant *values);

/* Only the data of it. */
json_object *value_json_data(GVariant *value);

/* A double as it stands in JSON, quotes left out; the shortest text that comes back the same. */
char *value_json_double_text(double number);

/* Reads such a text, and whatever else a person may write for a double; false when it is none. */
gboolean value_json_double_parse(const char *text, double *ret_number);

/* The other way, from {"type":…,"data":…}; a full reference. */
gboolean value_json_to_variant(json_object *document, GVariant **ret_value, Failure **reterr);

/*
 * From data of a type that is known. Where the type says variant, a bare boolean, number or string
 * is taken, too, for a boolean, an integer (i, else x, else t), a double or a string.
 */
gboolean value_json_data_to_variant(json_object *json,
                                    const GVariantType *type,
                                    GVariant **ret_value,
                                    Failure **reterr);

/*
 * Reads a whole text: one document, nothing after it; errors name line and column. An object with
 * a name twice, and what is no valid UTF-8 or holds a zero character, is refused. Integers that
 * need more than 64 bits become doubles. JSON's null gives NULL.
 */
gboolean value_json_parse(const char *text,
                          size_t n_bytes,
                          json_object **ret_document,
                          Failure **reterr);

/* With every character escaped that could harm a terminal. @is_pretty: over several lines. */
char *value_json_print(json_object *document, gboolean is_pretty);

/* The same on one line, at the end of @text. */
void value_json_append(GString *text, json_object *document);

/* Returns false with a Failure to end. */
typedef gboolean (*ValueJsonOnMember)(const char *name,
                                      json_object *member,
                                      void *userdata,
                                      Failure **reterr);

/*
 * Calls @on_member for the members of an object in their order; its failures get the name put before
 * them. EXIT_INVALID when @json is no object: expected @what.
 */
gboolean value_json_read_members(json_object *json,
                                 const char *what,
                                 ValueJsonOnMember on_member,
                                 void *userdata,
                                 Failure **reterr);
