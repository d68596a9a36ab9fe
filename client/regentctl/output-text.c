/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Output: text
 *
 * What may reach a terminal, and how much room it takes there.
 */

#include "output.h"

/* Of the valid character at @text; g_utf8_next_char() loses const. */
static size_t character_bytes(const char *text)
{
        return (size_t) g_utf8_skip[(guchar) *text];
}

/* Format characters reorder, hide or join what stands around them; the joiners within emoji and scripts go with them. */
static bool is_harmless(gunichar character)
{
        switch (g_unichar_type(character)) {
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

static void append_escape(GString *escaped, gunichar character)
{
        switch (character) {
        case '\n':
                g_string_append(escaped, "\\n");
                return;
        case '\r':
                g_string_append(escaped, "\\r");
                return;
        case '\t':
                g_string_append(escaped, "\\t");
                return;
        default:
                break;
        }
        if (character < 0x80)
                g_string_append_printf(escaped, "\\x%02x", character);
        else if (character <= 0xffff)
                g_string_append_printf(escaped, "\\u%04x", character);
        else
                g_string_append_printf(escaped, "\\U%08x", character);
}

char *output_escape(const char *text)
{
        GString *escaped = g_string_new(NULL);
        bool is_utf8 = g_get_charset(NULL);

        while (*text) {
                gunichar character = g_utf8_get_char_validated(text, -1);

                if (character == (gunichar) -1 || character == (gunichar) -2) {
                        g_string_append_printf(escaped, "\\x%02x", (guint) (guchar) *text);
                        text++;
                        continue;
                }
                if (is_harmless(character) && (character < 0x80 || is_utf8))
                        g_string_append_unichar(escaped, character);
                else
                        append_escape(escaped, character);
                text += character_bytes(text);
        }
        return g_string_free(escaped, FALSE);
}

static unsigned character_width(gunichar character)
{
        if (g_unichar_iszerowidth(character))
                return 0;
        return g_unichar_iswide(character) ? 2 : 1;
}

unsigned output_text_width(const char *text)
{
        unsigned width = 0;

        for (const char *at = text; *at; at += character_bytes(at))
                width += character_width(g_utf8_get_char(at));
        return width;
}

char *output_cut(const char *text, unsigned n_columns)
{
        const char *ellipsis = g_get_charset(NULL) ? "…" : "...";
        unsigned ellipsis_width = output_text_width(ellipsis), width = 0;
        const char *at = text;

        if (output_text_width(text) <= n_columns)
                return g_strdup(text);
        if (n_columns < ellipsis_width)
                return g_strdup("");

        while (width + character_width(g_utf8_get_char(at)) + ellipsis_width <= n_columns) {
                width += character_width(g_utf8_get_char(at));
                at += character_bytes(at);
        }
        return g_strdup_printf("%.*s%s", (int) (at - text), text, ellipsis);
}
