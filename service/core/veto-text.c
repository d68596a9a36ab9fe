/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Veto text
 */

#include "core/veto-text.h"

#include "core/limits.h"

#include <glib.h>
#include <stdbool.h>

/* Also what turns text around, and what ends a line. */
static bool is_printable(gunichar c)
{
        switch (g_unichar_type(c)) {
        case G_UNICODE_CONTROL:
        case G_UNICODE_FORMAT:
        case G_UNICODE_UNASSIGNED:
        case G_UNICODE_PRIVATE_USE:
        case G_UNICODE_SURROGATE:
        case G_UNICODE_LINE_SEPARATOR:
        case G_UNICODE_PARAGRAPH_SEPARATOR:
                return false;
        default:
                return true;
        }
}

char *veto_text_clean(const char *text)
{
        GString *clean = g_string_new(NULL);
        const char *p = text;

        while (*p && clean->len < LIMIT_VETO_BYTES) {
                gunichar c = g_utf8_get_char_validated(p, -1);

                if (c == (gunichar) -1 || c == (gunichar) -2) {
                        g_string_append_c(clean, '?');
                        p++;
                        continue;
                }
                if (is_printable(c))
                        g_string_append_unichar(clean, c);
                else
                        g_string_append_c(clean, '?');
                p += g_utf8_skip[(guchar) *p];
        }
        if (*p)
                g_string_append(clean, "...");
        if (clean->len == 0)
                g_string_append(clean, "no reason given");
        return g_string_free(clean, FALSE);
}
