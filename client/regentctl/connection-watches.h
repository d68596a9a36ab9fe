/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Watches of a connection
 *
 * What GetStatistics tells of each, as a row of a table or as JSON.
 */

#include "table.h"

#include <glib.h>
#include <json-c/json.h>

Table *connection_watches_table(void);

/* @facts: of the connection @name. How many rows were added. */
guint connection_watches_add(Table *table, const char *name, GVariant *facts);

/* An array, in the order of numbers. */
json_object *connection_watches_json(GVariant *facts);

guint connection_watches_count(GVariant *facts);
