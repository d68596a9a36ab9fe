/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values as text
 */

#include "value-text.h"

#include "output.h"
#include "value-json.h"
#include "value-type.h"
#include "wire/value-parse.h"

#include <stdbool.h>
#include <string.h>

/* 0, or digits that do not begin with it, after a sign or none. */
static bool is_integer(const char *text)
{
        size_t n;

        if (*text == '-')
                text++;
        n = strspn(text, "0123456789");
        return n > 0 && text[n] == '\0' && (*text != '0' || n == 1);
}

static bool is_double(const char *text)
{
        g_autoptr(Failure) failure = NULL;
        json_object *json = NULL;
        bool is_number;

        if (!value_json_parse(text, strlen(text), &json, &failure))
                return false;
        is_number = json_object_is_type(json, json_type_double) && !is_integer(text);
        json_object_put(json);
        return is_number;
}

static bool fail_utf8(Failure **reterr)
{
        failure_set(reterr, EXIT_INVALID, "A string must be UTF-8 text");
        failure_set_hint(*reterr,
                         "Other bytes are kept by --from-file=FILE, as a value of type ay");
        return false;
}

/* The smallest type that holds it; NULL when there is none. */
static GVariant *guess_integer(const char *text)
{
        gint64 number;
        guint64 large;

        if (!is_integer(text) || strcmp(text, "-0") == 0)
                return NULL;
        if (g_ascii_string_to_signed(text, 10, G_MININT32, G_MAXINT32, &number, NULL))
                return g_variant_new_int32((int32_t) number);
        if (g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &number, NULL))
                return g_variant_new_int64(number);
        if (g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &large, NULL))
                return g_variant_new_uint64(large);
        return NULL;
}

gboolean value_text_guess(const char *text, GVariant **ret_value, Failure **reterr)
{
        GVariant *value;

        if (!g_utf8_validate(text, -1, NULL))
                return fail_utf8(reterr);

        if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
                value = g_variant_new_boolean(*text == 't');
        else if (is_double(text) || strcmp(text, "-0") == 0)
                value = g_variant_new_double(g_ascii_strtod(text, NULL));
        else
                value = guess_integer(text);
        if (!value)
                value = g_variant_new_string(text);

        *ret_value = g_variant_ref_sink(value);
        return true;
}

static bool parse_boolean(const char *text, GVariant **ret, Failure **reterr)
{
        static const char *const yes[] = { "true", "yes", "on", "1", NULL };
        static const char *const no[] = { "false", "no", "off", "0", NULL };

        if (!g_strv_contains(yes, text) && !g_strv_contains(no, text))
                return failure_set(reterr, EXIT_INVALID, "'%s' is no boolean: true or false", text);

        *ret = g_variant_new_boolean(g_strv_contains(yes, text));
        return true;
}

static bool parse_double(const char *text, GVariant **ret, Failure **reterr)
{
        double number;

        if (!value_json_double_parse(text, &number))
                return failure_set(reterr, EXIT_INVALID, "'%s' is no number", text);

        *ret = g_variant_new_double(number);
        return true;
}

/* Decimal, or hexadecimal after 0x, as JSON; NULL when it does not fit into 64 bits. */
static json_object *integer_to_json(const char *text)
{
        bool is_hex = g_str_has_prefix(text, "0x");
        gint64 number;
        guint64 large;

        if (!is_hex && g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &number, NULL))
                return json_object_new_int64(number);
        if (g_ascii_string_to_unsigned(text + (is_hex ? 2 : 0), is_hex ? 16 : 10, 0, G_MAXUINT64,
                                       &large, NULL))
                return json_object_new_uint64(large);
        return NULL;
}

static bool is_hexadecimal(const char *text)
{
        return g_str_has_prefix(text, "0x") && text[2] &&
               strspn(text + 2, "0123456789abcdefABCDEF") == strlen(text + 2);
}

static bool parse_integer(const char *text,
                          const GVariantType *type,
                          GVariant **ret,
                          Failure **reterr)
{
        json_object *json;
        bool is_parsed;

        if (!is_integer(text) && !is_hexadecimal(text))
                return failure_set(reterr, EXIT_INVALID,
                                   "'%s' is no integer: decimal without leading zeros, or 0x…",
                                   text);

        json = integer_to_json(text);
        if (!json)
                return failure_set(reterr, EXIT_INVALID, "%s is out of the range of type %c", text,
                                   *g_variant_type_peek_string(type));
        is_parsed = value_json_data_to_variant(json, type, ret, reterr);
        json_object_put(json);
        return is_parsed;
}

static bool parse_string(const char *text,
                         const GVariantType *type,
                         GVariant **ret,
                         Failure **reterr)
{
        json_object *json;
        bool is_parsed;

        if (!g_utf8_validate(text, -1, NULL))
                return fail_utf8(reterr);

        json = json_object_new_string(text);
        is_parsed = value_json_data_to_variant(json, type, ret, reterr);
        json_object_put(json);
        return is_parsed;
}

/* JSON, or GVariant's text format; when it is neither, the error is JSON's where that could be read at all. */
static bool parse_container(const char *text,
                            const GVariantType *type,
                            GVariant **ret,
                            Failure **reterr)
{
        g_autoptr(Failure) failure = NULL;
        g_autoptr(GVariant) value = NULL;
        g_autofree char *why = NULL;
        json_object *json = NULL;
        bool is_json = value_json_parse(text, strlen(text), &json, &failure);
        bool is_parsed = is_json && value_json_data_to_variant(json, type, ret, &failure);

        json_object_put(json);
        if (is_parsed)
                return true;

        value = wire_parse_value(type, text, &why);
        if (value && value_type_check(value, reterr)) {
                *ret = g_steal_pointer(&value);
                return true;
        }
        if (value)
                return false;

        failure_set(reterr, EXIT_INVALID, "This is no value of type %.*s: %s",
                    (int) g_variant_type_get_string_length(type), g_variant_type_peek_string(type),
                    failure->text);
        failure_set_hint(*reterr, "Write it as JSON, '[\"a\", \"b\"]' or '{\"key\": 1}'; what is a "
                                  "variant inside it as {\"type\": \"u\", \"data\": 1}");
        return false;
}

gboolean value_text_parse(const char *text,
                          const GVariantType *type,
                          GVariant **ret_value,
                          Failure **reterr)
{
        char kind = *g_variant_type_peek_string(type);
        g_autoptr(GVariant) inner = NULL;
        GVariant *value = NULL;

        if (g_variant_type_equal(type, G_VARIANT_TYPE_BYTESTRING)) {
                failure_set(reterr, EXIT_INVALID, "Bytes (type ay) are not taken from an argument");
                failure_set_hint(*reterr, "Give them in a file: --from-file=FILE, or on standard "
                                          "input: --from-file=-");
                return false;
        }

        switch (kind) {
        case 's':
        case 'o':
        case 'g':
                return parse_string(text, type, ret_value, reterr);
        case 'a':
        case '(':
                return parse_container(text, type, ret_value, reterr);
        case 'b':
                if (!parse_boolean(text, &value, reterr))
                        return false;
                break;
        case 'd':
                if (!parse_double(text, &value, reterr))
                        return false;
                break;
        case 'v':
                if (!value_text_guess(text, &inner, reterr))
                        return false;
                value = g_variant_new_variant(inner);
                break;
        default:
                return parse_integer(text, type, ret_value, reterr);
        }

        *ret_value = g_variant_ref_sink(value);
        return true;
}

char *value_text_print(GVariant *value)
{
        json_object *json;
        char *text;

        if (strchr("sog", *g_variant_get_type_string(value)))
                return g_variant_dup_string(value, NULL);
        if (g_variant_is_of_type(value, G_VARIANT_TYPE_DOUBLE))
                return value_json_double_text(g_variant_get_double(value));

        json = value_json_data(value);
        text = value_json_print(json, false);
        json_object_put(json);
        return text;
}

static char *bytes_text(GVariant *value, size_t n_shown)
{
        GString *text = g_string_new(NULL);
        size_t n;
        const uint8_t *bytes = g_variant_get_fixed_array(value, &n, 1);

        g_string_append_printf(text, n == 1 ? "1 byte" : "%zu bytes", n);
        for (size_t i = 0; i < MIN(n, n_shown); i++)
                g_string_append_printf(text, "%s%02x", i == 0 ? ": " : " ", bytes[i]);
        return g_string_free(text, FALSE);
}

/* The beginning of a long array or string, so that a mebibyte is not printed to show forty columns. */
static GVariant *beginning_of(GVariant *value, size_t n_shown)
{
        GVariantBuilder builder;

        if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING)) {
                const char *text = g_variant_get_string(value, NULL);
                glong n = g_utf8_strlen(text, (gssize) MIN(4 * n_shown, strlen(text)));

                n = MIN(n, (glong) n_shown);
                return g_variant_ref_sink(g_variant_new_take_string(g_utf8_substring(text, 0, n)));
        }
        if (!g_variant_is_of_type(value, G_VARIANT_TYPE_ARRAY) ||
            g_variant_n_children(value) <= n_shown)
                return g_variant_ref(value);

        g_variant_builder_init(&builder, g_variant_get_type(value));
        for (size_t i = 0; i < n_shown; i++) {
                g_autoptr(GVariant) child = g_variant_get_child_value(value, i);

                g_variant_builder_add_value(&builder, child);
        }
        return g_variant_ref_sink(g_variant_builder_end(&builder));
}

char *value_text_summarize(GVariant *value, unsigned n_columns)
{
        /* Each takes a column at least, but for marks that have no width. */
        size_t n_shown = 4 * (size_t) n_columns + 4;
        g_autofree char *text = NULL;
        g_autofree char *escaped = NULL;

        if (g_variant_is_of_type(value, G_VARIANT_TYPE_BYTESTRING)) {
                text = bytes_text(value, n_shown);
        } else {
                g_autoptr(GVariant) shown = beginning_of(value, n_shown);
                json_object *json = value_json_data(shown);

                text = value_json_print(json, false);
                json_object_put(json);
        }

        escaped = output_escape(text);
        return output_cut(escaped, n_columns);
}
