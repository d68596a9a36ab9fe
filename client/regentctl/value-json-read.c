/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values as JSON: reading the text
 *
 * json-c's own reader takes the last of two members of one name, cuts integers that are too large
 * and names at a zero character, and takes what is no JSON; so the text is read here, strictly by
 * RFC 8259.
 */

#include "value-json.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* A value may nest 32 containers, each variant two levels; a document has a few around it. */
#define DEPTH_MAX 128u

typedef struct Reader {
        const char *text;
        const char *at;
        const char *end;
        unsigned depth;
        GString *string; /* the last one read */
        Failure **reterr;
} Reader;

static bool read_value(Reader *reader, json_object **ret);

G_GNUC_PRINTF(3, 4)
static bool fail_at(Reader *reader, const char *at, const char *format, ...)
{
        unsigned line = 1;
        const char *line_begin = reader->text;
        g_autofree char *what = NULL;
        va_list arguments;

        va_start(arguments, format);
        what = g_strdup_vprintf(format, arguments);
        va_end(arguments);

        for (const char *each = reader->text; each < at; each++) {
                if (*each == '\n') {
                        line++;
                        line_begin = each + 1;
                }
        }

        return failure_set(reader->reterr, EXIT_INVALID, "line %u, column %ld: %s", line,
                           g_utf8_strlen(line_begin, at - line_begin) + 1, what);
}

static void skip_space(Reader *reader)
{
        while (reader->at < reader->end && *reader->at && strchr(" \t\r\n", *reader->at))
                reader->at++;
}

static bool skip(Reader *reader, char character)
{
        if (reader->at >= reader->end || *reader->at != character)
                return false;

        reader->at++;
        return true;
}

static bool read_hex(Reader *reader, gunichar *ret)
{
        gunichar number = 0;

        for (int i = 0; i < 4; i++) {
                int digit = reader->at < reader->end ? g_ascii_xdigit_value(*reader->at) : -1;

                if (digit < 0)
                        return fail_at(reader, reader->at, "expected four hexadecimal digits");
                number = number << 4 | (gunichar) digit;
                reader->at++;
        }

        *ret = number;
        return true;
}

/* What follows \u. */
static bool read_code_point(Reader *reader)
{
        const char *begin = reader->at - 2;
        gunichar first = 0, second = 0;

        if (!read_hex(reader, &first))
                return false;

        if (first >= 0xd800 && first < 0xdc00) {
                if (!skip(reader, '\\') || !skip(reader, 'u'))
                        return fail_at(reader, begin, "half of a surrogate pair");
                if (!read_hex(reader, &second))
                        return false;
                if (second < 0xdc00 || second > 0xdfff)
                        return fail_at(reader, begin, "half of a surrogate pair");
                first = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        } else if (first >= 0xdc00 && first <= 0xdfff) {
                return fail_at(reader, begin, "half of a surrogate pair");
        }
        if (first == 0)
                return fail_at(reader, begin, "strings cannot hold a zero character");

        g_string_append_unichar(reader->string, first);
        return true;
}

static bool read_escape(Reader *reader)
{
        static const char written[] = "\"\\/bfnrt";
        static const char meant[] = "\"\\/\b\f\n\r\t";
        const char *found = NULL;

        if (skip(reader, 'u'))
                return read_code_point(reader);

        if (reader->at < reader->end)
                found = strchr(written, *reader->at);
        reader->at++;
        if (!found)
                return fail_at(reader, reader->at - 2, "unknown escape in a string");
        g_string_append_c(reader->string, meant[found - written]);
        return true;
}

/* Into reader->string, from after the opening quote. */
static bool read_string(Reader *reader)
{
        const char *begin = reader->at - 1;

        g_string_truncate(reader->string, 0);
        for (;;) {
                const char *plain = reader->at;

                while (reader->at < reader->end && *reader->at != '"' && *reader->at != '\\' &&
                       (uint8_t) *reader->at >= 0x20)
                        reader->at++;
                g_string_append_len(reader->string, plain, reader->at - plain);

                if (reader->at >= reader->end)
                        return fail_at(reader, begin, "a string without end");
                if ((uint8_t) *reader->at < 0x20)
                        return fail_at(reader, reader->at,
                                       "a control character in a string: "
                                       "write it as an escape");
                if (*reader->at++ == '"')
                        return true;
                if (!read_escape(reader))
                        return false;
        }
}

static bool skip_digits(Reader *reader)
{
        const char *begin = reader->at;

        while (reader->at < reader->end && g_ascii_isdigit(*reader->at))
                reader->at++;
        return reader->at > begin;
}

/* Moves over a number; whether one is there. */
static bool skip_number(Reader *reader, bool *ret_is_integer)
{
        bool is_integer = true;

        (void) skip(reader, '-');
        if (!skip(reader, '0') && !skip_digits(reader))
                return false;
        if (skip(reader, '.')) {
                is_integer = false;
                if (!skip_digits(reader))
                        return false;
        }
        if (skip(reader, 'e') || skip(reader, 'E')) {
                is_integer = false;
                if (!skip(reader, '-'))
                        (void) skip(reader, '+');
                if (!skip_digits(reader))
                        return false;
        }
        if (reader->at < reader->end && (g_ascii_isalnum(*reader->at) || *reader->at == '.'))
                return false;

        *ret_is_integer = is_integer;
        return true;
}

static bool integer_from_text(const char *text, json_object **ret)
{
        gboolean is_signed;
        gint64 number;
        guint64 large;

        is_signed = g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &number, NULL);
        if (is_signed)
                *ret = json_object_new_int64(number);
        else if (g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &large, NULL))
                *ret = json_object_new_uint64(large);
        else
                return false;
        return true;
}

static bool read_number(Reader *reader, json_object **ret)
{
        const char *begin = reader->at;
        g_autofree char *text = NULL;
        bool is_integer;
        double number;

        if (!skip_number(reader, &is_integer))
                return fail_at(reader, begin, "this is no JSON value");

        text = g_strndup(begin, (size_t) (reader->at - begin));
        /* -0 is no integer: its sign would be lost. */
        if (is_integer && strcmp(text, "-0") != 0 && integer_from_text(text, ret))
                return true;

        number = g_ascii_strtod(text, NULL);
        if (!isfinite(number))
                return fail_at(reader, begin, "a number too large");
        *ret = json_object_new_double(number);
        return true;
}

static bool read_array(Reader *reader, json_object *array)
{
        skip_space(reader);
        if (skip(reader, ']'))
                return true;

        for (;;) {
                json_object *element = NULL;

                if (!read_value(reader, &element))
                        return false;
                json_object_array_add(array, element);

                skip_space(reader);
                if (skip(reader, ']'))
                        return true;
                if (!skip(reader, ','))
                        return fail_at(reader, reader->at, "expected ',' or ']'");
        }
}

static bool read_member(Reader *reader, json_object *object)
{
        const char *begin = reader->at;
        g_autofree char *name = NULL;
        json_object *member = NULL;

        if (!skip(reader, '"'))
                return fail_at(reader, begin, "expected a name in quotes");
        if (!read_string(reader))
                return false;
        if (json_object_object_get_ex(object, reader->string->str, NULL))
                return fail_at(reader, begin, "'%s' stands twice in one object",
                               reader->string->str);

        name = g_strdup(reader->string->str);
        skip_space(reader);
        if (!skip(reader, ':'))
                return fail_at(reader, reader->at, "expected ':' after '%s'", name);
        if (!read_value(reader, &member))
                return false;
        json_object_object_add_ex(object, name, member, JSON_C_OBJECT_ADD_KEY_IS_NEW);
        return true;
}

static bool read_object(Reader *reader, json_object *object)
{
        skip_space(reader);
        if (skip(reader, '}'))
                return true;

        for (;;) {
                skip_space(reader);
                if (!read_member(reader, object))
                        return false;

                skip_space(reader);
                if (skip(reader, '}'))
                        return true;
                if (!skip(reader, ','))
                        return fail_at(reader, reader->at, "expected ',' or '}'");
        }
}

static bool read_container(Reader *reader, bool is_object, json_object **ret)
{
        json_object *container;
        bool is_read;

        if (reader->depth >= DEPTH_MAX)
                return fail_at(reader, reader->at - 1, "nested too deep");

        reader->depth++;
        container = is_object ? json_object_new_object() : json_object_new_array_ext(1);
        is_read = is_object ? read_object(reader, container) : read_array(reader, container);
        reader->depth--;

        if (!is_read) {
                json_object_put(container);
                return false;
        }
        *ret = container;
        return true;
}

static bool read_word(Reader *reader, const char *word)
{
        size_t n = strlen(word);

        if ((size_t) (reader->end - reader->at) < n || memcmp(reader->at, word, n) != 0)
                return false;

        reader->at += n;
        return true;
}

static bool read_value(Reader *reader, json_object **ret)
{
        skip_space(reader);
        if (reader->at >= reader->end)
                return fail_at(reader, reader->at, "the text ends too early");

        if (skip(reader, '{'))
                return read_container(reader, true, ret);
        if (skip(reader, '['))
                return read_container(reader, false, ret);
        if (skip(reader, '"')) {
                if (!read_string(reader))
                        return false;
                *ret = json_object_new_string_len(reader->string->str, (int) reader->string->len);
                return true;
        }
        if (read_word(reader, "true"))
                *ret = json_object_new_boolean(true);
        else if (read_word(reader, "false"))
                *ret = json_object_new_boolean(false);
        else if (read_word(reader, "null"))
                *ret = NULL;
        else
                return read_number(reader, ret);
        return true;
}

gboolean value_json_parse(const char *text,
                          size_t n_bytes,
                          json_object **ret_document,
                          Failure **reterr)
{
        g_autoptr(GString) string = g_string_new(NULL);
        Reader reader = {
                .text = text,
                .at = text,
                .end = text + n_bytes,
                .string = string,
                .reterr = reterr,
        };
        json_object *document = NULL;
        const char *invalid;

        if (n_bytes > G_MAXINT)
                return failure_set(reterr, EXIT_INVALID, "a text of more than 2 GiB");
        if (!g_utf8_validate_len(text, n_bytes, &invalid))
                return fail_at(&reader, invalid, "this is no UTF-8 text");

        if (!read_value(&reader, &document))
                return false;
        skip_space(&reader);
        if (reader.at < reader.end) {
                json_object_put(document);
                return fail_at(&reader, reader.at,
                               "something stands after the end of the document");
        }

        *ret_document = document;
        return true;
}
