/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values as JSON: from GVariant to JSON's objects
 */

#include "value-json.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* The NaN that is written as just that. */
#define PLAIN_NAN UINT64_C(0x7ff8000000000000)

static uint64_t bits_of(double number)
{
        uint64_t bits;

        memcpy(&bits, &number, sizeof bits);
        return bits;
}

static double double_of(uint64_t bits)
{
        double number;

        memcpy(&number, &bits, sizeof number);
        return number;
}

char *value_json_double_text(double number)
{
        char text[G_ASCII_DTOSTR_BUF_SIZE];

        if (isnan(number) && bits_of(number) != PLAIN_NAN)
                return g_strdup_printf("NaN(0x%016" PRIx64 ")", bits_of(number));
        if (isnan(number))
                return g_strdup("NaN");
        if (isinf(number))
                return g_strdup(signbit(number) ? "-Infinity" : "Infinity");

        for (int n_digits = 15; n_digits <= 17; n_digits++) {
                const char format[] = { '%', '.', '1', (char) ('0' + n_digits - 10), 'g', '\0' };

                g_ascii_formatd(text, sizeof text, format, number);
                if (bits_of(g_ascii_strtod(text, NULL)) == bits_of(number))
                        break;
        }
        return g_strconcat(text, strpbrk(text, ".e") ? NULL : ".0", NULL);
}

static bool nan_parse(const char *text, double *ret_number)
{
        guint64 bits;
        size_t n = strlen(text);
        g_autofree char *digits = NULL;

        if (n != strlen("NaN(0x7ff8000000000000)") || text[n - 1] != ')')
                return false;

        digits = g_strndup(text + strlen("NaN(0x"), 16);
        if (!g_ascii_string_to_unsigned(digits, 16, 0, G_MAXUINT64, &bits, NULL) ||
            !isnan(double_of(bits)))
                return false;
        *ret_number = double_of(bits);
        return true;
}

gboolean value_json_double_parse(const char *text, double *ret_number)
{
        bool is_negative = *text == '-';
        const char *name = text + (is_negative ? 1 : 0);
        double number;
        char *end;

        if (g_ascii_strcasecmp(name, "Infinity") == 0 || g_ascii_strcasecmp(name, "inf") == 0) {
                *ret_number = is_negative ? -INFINITY : INFINITY;
                return true;
        }
        if (g_ascii_strcasecmp(text, "NaN") == 0) {
                *ret_number = double_of(PLAIN_NAN);
                return true;
        }
        if (g_str_has_prefix(text, "NaN(0x"))
                return nan_parse(text, ret_number);

        /* What strtod() takes beyond decimal numbers is left out. */
        if (!*text || strspn(text, "0123456789.eE+-") != strlen(text))
                return false;
        number = g_ascii_strtod(text, &end);
        if (*end || !isfinite(number))
                return false;
        *ret_number = number;
        return true;
}

static json_object *double_to_json(double number)
{
        g_autofree char *text = NULL;

        if (isfinite(number))
                return json_object_new_double(number);

        text = value_json_double_text(number);
        return json_object_new_string(text);
}

/* A key of a dictionary as the name of a member. */
static char *key_text(GVariant *key)
{
        g_autoptr(GString) text = NULL;
        json_object *json;

        if (g_variant_is_of_type(key, G_VARIANT_TYPE_DOUBLE))
                return value_json_double_text(g_variant_get_double(key));
        if (strchr("sog", *g_variant_get_type_string(key)))
                return g_variant_dup_string(key, NULL);

        text = g_string_new(NULL);
        json = value_json_data(key);
        value_json_append(text, json);
        json_object_put(json);
        return g_strdup(text->str);
}

/* NULL when a key stands twice. */
static json_object *dictionary_to_object(GVariant *dictionary)
{
        json_object *object = json_object_new_object();

        for (size_t i = 0; i < g_variant_n_children(dictionary); i++) {
                g_autoptr(GVariant) pair = g_variant_get_child_value(dictionary, i);
                g_autoptr(GVariant) key = g_variant_get_child_value(pair, 0);
                g_autoptr(GVariant) value = g_variant_get_child_value(pair, 1);
                g_autofree char *name = key_text(key);

                if (json_object_object_get_ex(object, name, NULL)) {
                        json_object_put(object);
                        return NULL;
                }
                json_object_object_add_ex(object, name, value_json_data(value),
                                          JSON_C_OBJECT_ADD_KEY_IS_NEW);
        }

        return object;
}

static json_object *children_to_array(GVariant *container)
{
        size_t n = g_variant_n_children(container);
        json_object *array = json_object_new_array_ext((int) MAX(n, 1));

        for (size_t i = 0; i < n; i++) {
                g_autoptr(GVariant) child = g_variant_get_child_value(container, i);

                json_object_array_add(array, value_json_data(child));
        }

        return array;
}

json_object *value_json_data(GVariant *value)
{
        g_autoptr(GVariant) inner = NULL;
        json_object *object = NULL;

        switch (g_variant_classify(value)) {
        case G_VARIANT_CLASS_BOOLEAN:
                return json_object_new_boolean(g_variant_get_boolean(value));
        case G_VARIANT_CLASS_BYTE:
                return json_object_new_int64(g_variant_get_byte(value));
        case G_VARIANT_CLASS_INT16:
                return json_object_new_int64(g_variant_get_int16(value));
        case G_VARIANT_CLASS_UINT16:
                return json_object_new_int64(g_variant_get_uint16(value));
        case G_VARIANT_CLASS_INT32:
                return json_object_new_int64(g_variant_get_int32(value));
        case G_VARIANT_CLASS_UINT32:
                return json_object_new_int64(g_variant_get_uint32(value));
        case G_VARIANT_CLASS_INT64:
                return json_object_new_int64(g_variant_get_int64(value));
        case G_VARIANT_CLASS_UINT64:
                return json_object_new_uint64(g_variant_get_uint64(value));
        case G_VARIANT_CLASS_DOUBLE:
                return double_to_json(g_variant_get_double(value));
        case G_VARIANT_CLASS_STRING:
        case G_VARIANT_CLASS_OBJECT_PATH:
        case G_VARIANT_CLASS_SIGNATURE:
                return json_object_new_string(g_variant_get_string(value, NULL));
        case G_VARIANT_CLASS_VARIANT:
                inner = g_variant_get_variant(value);
                return value_json_from_variant(inner);
        case G_VARIANT_CLASS_HANDLE: /* nothing that could be held; a null */
                return NULL;
        default:
                if (g_variant_is_of_type(value, G_VARIANT_TYPE_DICTIONARY))
                        object = dictionary_to_object(value);
                return object ? object : children_to_array(value);
        }
}

json_object *value_json_from_variant(GVariant *value)
{
        json_object *document = json_object_new_object();

        json_object_object_add_ex(document, "type",
                                  json_object_new_string(g_variant_get_type_string(value)),
                                  JSON_C_OBJECT_ADD_KEY_IS_NEW);
        json_object_object_add_ex(document, "data", value_json_data(value),
                                  JSON_C_OBJECT_ADD_KEY_IS_NEW);
        return document;
}

static gboolean read_members(json_object *object,
                             ValueJsonOnMember on_member,
                             void *userdata,
                             Failure **reterr)
{
        struct json_object_iterator at = json_object_iter_begin(object);
        struct json_object_iterator end = json_object_iter_end(object);

        for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
                const char *name = json_object_iter_peek_name(&at);

                if (!on_member(name, json_object_iter_peek_value(&at), userdata, reterr)) {
                        failure_prefix(*reterr, "%s", name);
                        return false;
                }
        }

        return true;
}

gboolean value_json_read_members(json_object *json,
                                 const char *what,
                                 ValueJsonOnMember on_member,
                                 void *userdata,
                                 Failure **reterr)
{
        if (!json_object_is_type(json, json_type_object))
                return failure_set(reterr, EXIT_INVALID, "expected %s", what);

        return read_members(json, on_member, userdata, reterr);
}

json_object *value_json_from_values(GVariant *values)
{
        json_object *object = json_object_new_object();
        GVariantIter iterator;
        const char *key;
        GVariant *value;

        g_variant_iter_init(&iterator, values);
        while (g_variant_iter_loop(&iterator, "{&sv}", &key, &value))
                json_object_object_add(object, key, value_json_from_variant(value));
        return object;
}
