/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values from GVariant's text format
 */

#include "wire/value-parse.h"

#include <stdbool.h>
#include <string.h>

/* Whether the digits at @digits, as many as the escape of kind @kind takes, are those of a character, or too few. */
static bool is_character(char kind, const char *digits)
{
        int n_digits = kind == 'u' ? 4 : 8;
        guint64 character = 0;

        for (int i = 0; i < n_digits; i++) {
                if (!g_ascii_isxdigit(digits[i]))
                        return true;
                character = character << 4 | (unsigned) g_ascii_xdigit_value(digits[i]);
        }

        return character <= 0x10ffff && g_unichar_validate((gunichar) character);
}

/* The first escape in a string of @text that names no character; NULL when each does. */
static const char *find_no_character(const char *text)
{
        char quote = 0;
        bool is_bytes = false;

        for (const char *at = text; *at; at++) {
                if (!quote && (*at == '\'' || *at == '"')) {
                        quote = *at;
                        is_bytes = at > text && at[-1] == 'b';
                } else if (quote && *at == quote) {
                        quote = 0;
                } else if (quote && *at == '\\' && at[1]) {
                        at++;
                        if (!is_bytes && (*at == 'u' || *at == 'U') && !is_character(*at, at + 1))
                                return at - 1;
                }
        }

        return NULL;
}

GVariant *wire_parse_value(const GVariantType *type, const char *text, char **ret_why)
{
        g_autoptr(GError) error = NULL;
        const char *escape;
        GVariant *value;

        if (!g_utf8_validate(text, -1, NULL)) {
                *ret_why = g_strdup("it is not UTF-8");
                return NULL;
        }

        escape = find_no_character(text);
        if (escape) {
                *ret_why =
                        g_strdup_printf("%.*s is no character", escape[1] == 'u' ? 6 : 10, escape);
                return NULL;
        }

        value = g_variant_parse(type, text, NULL, NULL, &error);
        if (!value)
                *ret_why = g_strescape(error ? error->message : "it cannot be read", "\"");
        return value;
}
