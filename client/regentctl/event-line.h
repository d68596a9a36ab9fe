/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Event lines
 *
 * How what happens is printed: a line each, written at once.
 */

#include "output.h"

/* "12:00:00.123 ", of now. */
void event_line_stamp(Output *output);

/* "KEY TYPE VALUE", or "KEY (deleted)" without @value; with the newline. */
void event_line_key(Output *output, const char *key, GVariant *value);

/* {"time":…, "event":@event}; "namespace" too, unless it is NULL. Owned. */
json_object *event_document_new(const char *event, const char *ns_name);

/* Prints and frees it. */
void event_document_print(Output *output, json_object *document);
