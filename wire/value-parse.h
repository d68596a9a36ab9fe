/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Values from GVariant's text format
 *
 * As g_variant_parse() reads it, without two faults of that: an escape in a string that names no character, such as
 * '\ud800', makes it print a warning, and return NULL with no error.
 */

#include <glib.h>

/* The value that @text is, of @type; NULL when it is none, and then @ret_why, to be freed, says why. */
GVariant *wire_parse_value(const GVariantType *type, const char *text, char **ret_why);
