/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values as JSON: from JSON's objects to GVariant
 *
 * What is passed around in here is floating; it gets its reference, and is checked as a whole, at the end.
 */

#include "value-json.h"

#include "value-type.h"

#include <stdbool.h>
#include <string.h>

static bool to_variant(json_object *json,
                       const GVariantType *type,
                       GVariant **ret_value,
                       Failure **reterr);

static const char *kind_of(json_object *json)
{
        static const char *const kinds[] = {
                [json_type_null] = "null",        [json_type_boolean] = "a boolean",
                [json_type_double] = "a number",  [json_type_int] = "a number",
                [json_type_object] = "an object", [json_type_array] = "an array",
                [json_type_string] = "a string",
        };

        return kinds[json_object_get_type(json)];
}

static bool fail_kind(json_object *json, const char *wanted, Failure **reterr)
{
        return failure_set(reterr, EXIT_INVALID, "expected %s and not %s", wanted, kind_of(json));
}

static bool integer_to_variant(json_object *json, char type, GVariant **ret, Failure **reterr)
{
        int64_t number = json_object_get_int64(json);
        uint64_t large = json_object_get_uint64(json); /* 0 when negative */
        bool fits = false;

        if (json_object_get_type(json) != json_type_int)
                return fail_kind(json, "an integer", reterr);

        switch (type) {
        case 'y':
                fits = number >= 0 && number <= UINT8_MAX;
                *ret = g_variant_new_byte((uint8_t) number);
                break;
        case 'n':
                fits = number >= INT16_MIN && number <= INT16_MAX;
                *ret = g_variant_new_int16((int16_t) number);
                break;
        case 'q':
                fits = number >= 0 && number <= UINT16_MAX;
                *ret = g_variant_new_uint16((uint16_t) number);
                break;
        case 'i':
                fits = number >= INT32_MIN && number <= INT32_MAX;
                *ret = g_variant_new_int32((int32_t) number);
                break;
        case 'u':
                fits = number >= 0 && number <= UINT32_MAX;
                *ret = g_variant_new_uint32((uint32_t) number);
                break;
        case 'x':
                fits = large <= INT64_MAX;
                *ret = g_variant_new_int64(number);
                break;
        case 't':
                fits = number >= 0;
                *ret = g_variant_new_uint64(large);
                break;
        default:
                g_assert_not_reached();
        }

        if (fits)
                return true;
        g_variant_unref(*ret);
        return failure_set(reterr, EXIT_INVALID, "%s is out of the range of type %c",
                           json_object_get_string(json), type);
}

static bool double_to_variant(json_object *json, GVariant **ret, Failure **reterr)
{
        double number;

        switch (json_object_get_type(json)) {
        case json_type_double:
                number = json_object_get_double(json);
                break;
        case json_type_int:
                number = g_ascii_strtod(json_object_get_string(json), NULL);
                break;
        case json_type_string:
                if (!value_json_double_parse(json_object_get_string(json), &number))
                        return fail_kind(json, "a number", reterr);
                break;
        default:
                return fail_kind(json, "a number", reterr);
        }

        *ret = g_variant_new_double(number);
        return true;
}

static bool string_to_variant(json_object *json, char type, GVariant **ret, Failure **reterr)
{
        const char *text;

        if (json_object_get_type(json) != json_type_string)
                return fail_kind(json, "a string", reterr);

        text = json_object_get_string(json);
        if (type == 'o' && !g_variant_is_object_path(text))
                return failure_set(reterr, EXIT_INVALID, "'%s' is no object path", text);
        if (type == 'g' && !g_variant_is_signature(text))
                return failure_set(reterr, EXIT_INVALID, "'%s' is no signature", text);

        *ret = type == 's'   ? g_variant_new_string(text)
               : type == 'o' ? g_variant_new_object_path(text)
                             : g_variant_new_signature(text);
        return true;
}

static bool basic_to_variant(json_object *json, char type, GVariant **ret, Failure **reterr)
{
        switch (type) {
        case 'b':
                if (json_object_get_type(json) != json_type_boolean)
                        return fail_kind(json, "a boolean", reterr);
                *ret = g_variant_new_boolean(json_object_get_boolean(json));
                return true;
        case 'd':
                return double_to_variant(json, ret, reterr);
        case 's':
        case 'o':
        case 'g':
                return string_to_variant(json, type, ret, reterr);
        default:
                return integer_to_variant(json, type, ret, reterr);
        }
}

/* Bytes are many, and small: no GVariant for each. */
static bool bytes_to_variant(json_object *json, GVariant **ret, Failure **reterr)
{
        size_t n = json_object_array_length(json);
        g_autofree uint8_t *bytes = g_malloc(MAX(n, 1));

        for (size_t i = 0; i < n; i++) {
                json_object *element = json_object_array_get_idx(json, i);
                int64_t number = json_object_get_int64(element);

                if (json_object_get_type(element) != json_type_int || number < 0 || number > 255)
                        return failure_set(reterr, EXIT_INVALID,
                                           "element %zu: expected a byte, 0 to 255", i);
                bytes[i] = (uint8_t) number;
        }

        *ret = g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bytes, n, 1);
        return true;
}

static bool array_to_variant(json_object *json,
                             const GVariantType *type,
                             GVariant **ret,
                             Failure **reterr)
{
        g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(type);
        const GVariantType *member = g_variant_type_is_array(type) ? g_variant_type_element(type)
                                                                   : g_variant_type_first(type);
        size_t n;

        if (json_object_get_type(json) != json_type_array)
                return fail_kind(json, "an array", reterr);
        if (g_variant_type_equal(type, G_VARIANT_TYPE_BYTESTRING))
                return bytes_to_variant(json, ret, reterr);

        n = json_object_array_length(json);
        if (!g_variant_type_is_array(type) && n != g_variant_type_n_items(type))
                return failure_set(reterr, EXIT_INVALID, "expected an array of %zu",
                                   g_variant_type_n_items(type));

        for (size_t i = 0; i < n; i++) {
                GVariant *child = NULL;

                if (!to_variant(json_object_array_get_idx(json, i), member, &child, reterr)) {
                        failure_prefix(*reterr, "element %zu", i);
                        return false;
                }
                g_variant_builder_add_value(&builder, child);
                if (!g_variant_type_is_array(type))
                        member = g_variant_type_next(member);
        }

        *ret = g_variant_builder_end(&builder);
        return true;
}

/* The name of a member as the key it stands for. */
static bool key_to_variant(const char *name,
                           const GVariantType *type,
                           GVariant **ret,
                           Failure **reterr)
{
        char kind = *g_variant_type_peek_string(type);
        g_autoptr(Failure) failure = NULL;
        json_object *json = NULL;
        bool is_read;

        if (strchr("sogd", kind))
                json = json_object_new_string(name);
        else if (!value_json_parse(name, strlen(name), &json, &failure))
                return failure_set(reterr, EXIT_INVALID, "'%s' is no key of type %c", name, kind);

        is_read = basic_to_variant(json, kind, ret, reterr);
        json_object_put(json);
        return is_read;
}

static bool object_to_variant(json_object *json,
                              const GVariantType *type,
                              GVariant **ret,
                              Failure **reterr)
{
        g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(type);
        const GVariantType *entry = g_variant_type_element(type);

        json_object_object_foreach(json, name, member)
        {
                g_autoptr(GVariant) key = NULL;
                GVariant *child = NULL;

                if (!key_to_variant(name, g_variant_type_key(entry), &key, reterr))
                        return false;
                g_variant_ref_sink(key);
                if (!to_variant(member, g_variant_type_value(entry), &child, reterr)) {
                        failure_prefix(*reterr, "'%s'", name);
                        return false;
                }
                g_variant_builder_add_value(&builder, g_variant_new_dict_entry(key, child));
        }

        *ret = g_variant_builder_end(&builder);
        return true;
}

/* {"type":…,"data":…} as the value it means. */
static bool typed_to_variant(json_object *json, GVariant **ret, Failure **reterr)
{
        json_object *signature, *data;
        const GVariantType *type;

        if (json_object_get_type(json) != json_type_object ||
            json_object_object_length(json) != 2 ||
            !json_object_object_get_ex(json, "type", &signature) ||
            !json_object_object_get_ex(json, "data", &data) ||
            json_object_get_type(signature) != json_type_string)
                return failure_set(reterr, EXIT_INVALID,
                                   "expected a value as {\"type\": \"u\", \"data\": 30}");

        return value_type_parse(json_object_get_string(signature), &type, reterr) &&
               to_variant(data, type, ret, reterr);
}

/* The type a bare boolean, number or string has by itself; NULL for everything else. */
static const GVariantType *type_of(json_object *json)
{
        int64_t number;

        switch (json_object_get_type(json)) {
        case json_type_boolean:
                return G_VARIANT_TYPE_BOOLEAN;
        case json_type_double:
                return G_VARIANT_TYPE_DOUBLE;
        case json_type_string:
                return G_VARIANT_TYPE_STRING;
        case json_type_int:
                number = json_object_get_int64(json);
                if (number >= INT32_MIN && number <= INT32_MAX)
                        return G_VARIANT_TYPE_INT32;
                return json_object_get_uint64(json) > INT64_MAX ? G_VARIANT_TYPE_UINT64
                                                                : G_VARIANT_TYPE_INT64;
        default:
                return NULL;
        }
}

static bool variant_to_variant(json_object *json, GVariant **ret, Failure **reterr)
{
        const GVariantType *bare = type_of(json);
        GVariant *inner = NULL;

        if (bare ? !to_variant(json, bare, &inner, reterr)
                 : !typed_to_variant(json, &inner, reterr))
                return false;

        *ret = g_variant_new_variant(inner);
        return true;
}

static bool to_variant(json_object *json,
                       const GVariantType *type,
                       GVariant **ret_value,
                       Failure **reterr)
{
        if (g_variant_type_is_variant(type))
                return variant_to_variant(json, ret_value, reterr);
        if (g_variant_type_is_basic(type))
                return basic_to_variant(json, *g_variant_type_peek_string(type), ret_value, reterr);
        if (g_variant_type_is_subtype_of(type, G_VARIANT_TYPE_DICTIONARY) &&
            json_object_get_type(json) == json_type_object)
                return object_to_variant(json, type, ret_value, reterr);
        if (g_variant_type_is_dict_entry(type) || g_variant_type_is_tuple(type) ||
            g_variant_type_is_array(type))
                return array_to_variant(json, type, ret_value, reterr);
        return failure_set(reterr, EXIT_INVALID, "this type cannot be read");
}

static gboolean finish(GVariant *value, GVariant **ret_value, Failure **reterr)
{
        g_autoptr(GVariant) owned = g_variant_ref_sink(value);

        if (!value_type_check(owned, reterr))
                return false;

        *ret_value = g_steal_pointer(&owned);
        return true;
}

gboolean value_json_to_variant(json_object *document, GVariant **ret_value, Failure **reterr)
{
        GVariant *value = NULL;

        return typed_to_variant(document, &value, reterr) && finish(value, ret_value, reterr);
}

gboolean value_json_data_to_variant(json_object *json,
                                    const GVariantType *type,
                                    GVariant **ret_value,
                                    Failure **reterr)
{
        GVariant *value = NULL;

        return to_variant(json, type, &value, reterr) && finish(value, ret_value, reterr);
}
