/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Table
 *
 * Rows under a header. On a terminal the last column is cut to fit; into a pipe nothing is cut, and
 * columns are separated by spaces.
 */

#include "output.h"

typedef struct Table Table;

/* @headers: names of the columns, NULL at the end. One that begins with '>' is of numbers, set flush right. */
Table *table_new(const char *const *headers);
Table *table_free(Table *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)

/* The next cell, row by row. @text is escaped here; an empty one becomes "-". */
void table_add(Table *table, Style style, const char *text);
G_GNUC_PRINTF(3, 4) void table_add_format(Table *table, Style style, const char *format, ...);

/* The same of text that is escaped already. */
void table_add_escaped(Table *table, Style style, char *text);

void table_print(const Table *table, Output *output);
