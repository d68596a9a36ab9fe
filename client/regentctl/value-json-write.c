/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values as JSON: writing the text
 *
 * json-c's own printer leaves control characters beyond ASCII as they are, so the text is written here.
 */

#include "value-json.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#define INDENT 2

static void append(GString *text, json_object *document, bool is_pretty, int level);

/* What moves the cursor, turns text around, or cannot be seen. */
static bool is_harmful(gunichar character)
{
        if (character < 0x20 || (character >= 0x7f && character < 0xa0))
                return true;
        if (character < 0xa0)
                return false;

        switch (g_unichar_type(character)) {
        case G_UNICODE_CONTROL:
        case G_UNICODE_FORMAT:
        case G_UNICODE_LINE_SEPARATOR:
        case G_UNICODE_PARAGRAPH_SEPARATOR:
        case G_UNICODE_SURROGATE:
                return true;
        default:
                return false;
        }
}

static void append_escape(GString *text, gunichar character)
{
        switch (character) {
        case '"':
        case '\\':
                g_string_append_printf(text, "\\%c", (char) character);
                return;
        case '\n':
                g_string_append(text, "\\n");
                return;
        case '\t':
                g_string_append(text, "\\t");
                return;
        case '\r':
                g_string_append(text, "\\r");
                return;
        }

        if (character > 0xffff) {
                character -= 0x10000;
                g_string_append_printf(text, "\\u%04x\\u%04x", 0xd800 + (character >> 10),
                                       0xdc00 + (character & 0x3ff));
                return;
        }
        g_string_append_printf(text, "\\u%04x", character);
}

static void append_string(GString *text, const char *string, size_t n_bytes)
{
        const char *end = string + n_bytes;
        const char *plain = string; /* what has not been copied yet */

        g_string_append_c(text, '"');
        while (string < end) {
                gunichar character = (uint8_t) *string;
                bool is_plain;
                size_t n = 1;

                if (character >= 0x80)
                        character = g_utf8_get_char_validated(string, end - string);
                is_plain = character <= 0x10ffff && !is_harmful(character) && character != '"' &&
                           character != '\\';
                if (character > 0x10ffff) /* no UTF-8 */
                        character = 0xfffd;
                else
                        n = (size_t) g_unichar_to_utf8(character, NULL);

                if (!is_plain) {
                        g_string_append_len(text, plain, string - plain);
                        append_escape(text, character);
                        plain = string + n;
                }
                string += n;
        }
        g_string_append_len(text, plain, string - plain);
        g_string_append_c(text, '"');
}

static void append_double(GString *text, json_object *document)
{
        g_autofree char *number = value_json_double_text(json_object_get_double(document));

        g_string_append(text, number);
}

static void append_integer(GString *text, json_object *document)
{
        int64_t number = json_object_get_int64(document);

        if (number < 0)
                g_string_append_printf(text, "%" PRId64, number);
        else
                g_string_append_printf(text, "%" PRIu64, json_object_get_uint64(document));
}

static void append_line(GString *text, bool is_pretty, int level)
{
        if (is_pretty)
                g_string_append_printf(text, "\n%*s", level * INDENT, "");
}

static void append_array(GString *text, json_object *document, bool is_pretty, int level)
{
        size_t n = json_object_array_length(document);

        g_string_append_c(text, '[');
        for (size_t i = 0; i < n; i++) {
                append_line(text, is_pretty, level + 1);
                append(text, json_object_array_get_idx(document, i), is_pretty, level + 1);
                if (i + 1 < n)
                        g_string_append_c(text, ',');
        }
        if (n > 0)
                append_line(text, is_pretty, level);
        g_string_append_c(text, ']');
}

static void append_object(GString *text, json_object *document, bool is_pretty, int level)
{
        struct json_object_iterator at = json_object_iter_begin(document);
        struct json_object_iterator end = json_object_iter_end(document);

        g_string_append_c(text, '{');
        while (!json_object_iter_equal(&at, &end)) {
                const char *name = json_object_iter_peek_name(&at);

                append_line(text, is_pretty, level + 1);
                append_string(text, name, strlen(name));
                g_string_append(text, is_pretty ? ": " : ":");
                append(text, json_object_iter_peek_value(&at), is_pretty, level + 1);
                json_object_iter_next(&at);
                if (!json_object_iter_equal(&at, &end))
                        g_string_append_c(text, ',');
        }
        if (json_object_object_length(document) > 0)
                append_line(text, is_pretty, level);
        g_string_append_c(text, '}');
}

static void append(GString *text, json_object *document, bool is_pretty, int level)
{
        switch (json_object_get_type(document)) {
        case json_type_boolean:
                g_string_append(text, json_object_get_boolean(document) ? "true" : "false");
                break;
        case json_type_int:
                append_integer(text, document);
                break;
        case json_type_double:
                append_double(text, document);
                break;
        case json_type_string:
                append_string(text, json_object_get_string(document),
                              (size_t) json_object_get_string_len(document));
                break;
        case json_type_array:
                append_array(text, document, is_pretty, level);
                break;
        case json_type_object:
                append_object(text, document, is_pretty, level);
                break;
        case json_type_null:
                g_string_append(text, "null");
                break;
        }
}

char *value_json_print(json_object *document, gboolean is_pretty)
{
        GString *text = g_string_new(NULL);

        append(text, document, is_pretty, 0);
        return g_string_free(text, FALSE);
}

void value_json_append(GString *text, json_object *document)
{
        append(text, document, false, 0);
}
