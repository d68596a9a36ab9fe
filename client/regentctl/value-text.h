/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Values as text
 *
 * What people type and scripts read. A bare word is a value: 'set NS mtu 1500' needs no quoting.
 */

#include "failure.h"

#include <glib.h>

/*
 * Takes @text for a boolean (true, false), an integer (i, else x, else t), a double, or else a
 * string, in this order; a full reference. Only what would be written the same is a number: 007 is
 * a string, and so is an integer of more than 64 bits. Fails where @text is no UTF-8.
 */
gboolean value_text_guess(const char *text, GVariant **ret_value, Failure **reterr);

/*
 * @text as a value of @type; a full reference. Strings, paths and signatures as they are; numbers
 * and booleans (also yes, no, on, off, 1, 0) as written; v: as guessed; everything else as JSON
 * ('["a","b"]', '{"k":1}') or in GVariant's text format. ay is refused: bytes come from files.
 */
gboolean value_text_parse(const char *text,
                          const GVariantType *type,
                          GVariant **ret_value,
                          Failure **reterr);

/* For scripts: strings and numbers bare, everything else as JSON data on one line. Not escaped. */
char *value_text_print(GVariant *value);

/*
 * A short form of at most @n_columns for tables, escaped; with an ellipsis when cut. Strings stand
 * in quotes, bytes in hexadecimal.
 */
char *value_text_summarize(GVariant *value, unsigned n_columns);
