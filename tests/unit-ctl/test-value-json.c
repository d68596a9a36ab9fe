/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values go to JSON text and come back with the same bytes; what is no JSON, or no value, is refused.
 */

#include "value-json.h"

#include "random-value.h"

#include <stdbool.h>
#include <string.h>

static json_object *parse(const char *text)
{
        g_autoptr(Failure) failure = NULL;
        json_object *document = NULL;

        if (!value_json_parse(text, strlen(text), &document, &failure))
                g_error("%s: %s", text, failure->text);
        return document;
}

static char *to_text(GVariant *value, gboolean is_pretty)
{
        json_object *document = value_json_from_variant(value);
        char *text = value_json_print(document, is_pretty);

        json_object_put(document);
        return text;
}

static GVariant *from_text(const char *text)
{
        g_autoptr(Failure) failure = NULL;
        json_object *document = parse(text);
        GVariant *value = NULL;

        if (!value_json_to_variant(document, &value, &failure))
                g_error("%s: %s", text, failure->text);
        json_object_put(document);
        return value;
}

static void assert_same(GVariant *got, GVariant *wanted)
{
        /* Not g_variant_equal(): a NaN must keep its payload, an empty array its type. */
        g_autoptr(GVariant) normal = g_variant_get_normal_form(wanted);
        g_autoptr(GVariant) got_normal = g_variant_get_normal_form(got);

        g_assert_cmpstr(g_variant_get_type_string(got), ==, g_variant_get_type_string(normal));
        g_assert_cmpmem(g_variant_get_data(got_normal), g_variant_get_size(got_normal),
                        g_variant_get_data(normal), g_variant_get_size(normal));
}

/* Takes @value, floating or not. */
static void assert_round_trip(GVariant *value)
{
        g_autoptr(GVariant) owned = g_variant_take_ref(value);

        for (int is_pretty = 0; is_pretty <= 1; is_pretty++) {
                g_autofree char *text = to_text(owned, is_pretty);
                g_autoptr(GVariant) back = from_text(text);

                assert_same(back, owned);
        }
}

static GVariant *gvariant(const char *text)
{
        g_autoptr(GError) error = NULL;
        GVariant *value = g_variant_parse(NULL, text, NULL, NULL, &error);

        g_assert_no_error(error);
        return value;
}

typedef struct Shape {
        const char *gvariant;
        const char *json;
} Shape;

/* busctl's shape, and what it has no answer to. */
static const Shape shapes[] = {
        { "true", "{\"type\":\"b\",\"data\":true}" },
        { "byte 255", "{\"type\":\"y\",\"data\":255}" },
        { "int16 -32768", "{\"type\":\"n\",\"data\":-32768}" },
        { "uint16 65535", "{\"type\":\"q\",\"data\":65535}" },
        { "-2147483648", "{\"type\":\"i\",\"data\":-2147483648}" },
        { "uint32 4294967295", "{\"type\":\"u\",\"data\":4294967295}" },
        { "int64 -9223372036854775808", "{\"type\":\"x\",\"data\":-9223372036854775808}" },
        { "uint64 18446744073709551615", "{\"type\":\"t\",\"data\":18446744073709551615}" },
        { "uint64 9007199254740993", "{\"type\":\"t\",\"data\":9007199254740993}" },
        { "1.5", "{\"type\":\"d\",\"data\":1.5}" },
        { "0.1", "{\"type\":\"d\",\"data\":0.1}" },
        { "-0.0", "{\"type\":\"d\",\"data\":-0.0}" },
        { "1e300", "{\"type\":\"d\",\"data\":1e+300}" },
        { "3.0", "{\"type\":\"d\",\"data\":3.0}" },
        { "'a\"b\\\\c'", "{\"type\":\"s\",\"data\":\"a\\\"b\\\\c\"}" },
        { "'line\\nline\\ttab\\u0007'", NULL },
        { "objectpath '/a/b'", "{\"type\":\"o\",\"data\":\"/a/b\"}" },
        { "signature 'a{sv}'", "{\"type\":\"g\",\"data\":\"a{sv}\"}" },
        { "<uint32 1>", "{\"type\":\"v\",\"data\":{\"type\":\"u\",\"data\":1}}" },
        { "@as []", "{\"type\":\"as\",\"data\":[]}" },
        { "['a', 'b']", "{\"type\":\"as\",\"data\":[\"a\",\"b\"]}" },
        { "[byte 1, 2]", "{\"type\":\"ay\",\"data\":[1,2]}" },
        { "(1, 'a')", "{\"type\":\"(is)\",\"data\":[1,\"a\"]}" },
        { "@a{sv} {}", "{\"type\":\"a{sv}\",\"data\":{}}" },
        { "{'z': <1>, 'a': <'x'>}",
          "{\"type\":\"a{sv}\",\"data\":{\"z\":{\"type\":\"i\",\"data\":1},"
          "\"a\":{\"type\":\"s\",\"data\":\"x\"}}}" },
        { "{int64 1: byte 2}", "{\"type\":\"a{xy}\",\"data\":{\"1\":2}}" },
        { "{true: 'yes'}", "{\"type\":\"a{bs}\",\"data\":{\"true\":\"yes\"}}" },
        { "{0.5: 'half'}", "{\"type\":\"a{ds}\",\"data\":{\"0.5\":\"half\"}}" },
        { "{'same': 1, 'same': 2}", "{\"type\":\"a{si}\",\"data\":[[\"same\",1],[\"same\",2]]}" },
        { "{'': 1}", "{\"type\":\"a{si}\",\"data\":{\"\":1}}" },
};

static void test_shapes_are_busctls(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(shapes); i++) {
                g_autoptr(GVariant) value = g_variant_take_ref(gvariant(shapes[i].gvariant));
                g_autofree char *text = to_text(value, false);

                if (shapes[i].json)
                        g_assert_cmpstr(text, ==, shapes[i].json);
                assert_round_trip(g_variant_ref(value));
        }
}

static void test_random_values_round_trip(void)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(31);

        for (int i = 0; i < 5000; i++)
                assert_round_trip(random_value(random));
}

static void test_doubles_keep_their_bits(void)
{
        static const uint64_t patterns[] = {
                0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0x7ff8000000000001,
                0xfff8deadbeef0001, 0x7ff0000000000001, 0x8000000000000000, 0x0000000000000001,
                0x000fffffffffffff, 0x7fefffffffffffff, 0x3fb999999999999a, 0x4340000000000001,
        };
        g_autoptr(GRand) random = g_rand_new_with_seed(32);

        for (size_t i = 0; i < G_N_ELEMENTS(patterns); i++)
                assert_round_trip(g_variant_new_from_data(G_VARIANT_TYPE_DOUBLE, &patterns[i], 8,
                                                          TRUE, NULL, NULL));
        assert_round_trip(g_variant_new_from_data(G_VARIANT_TYPE("ad"), patterns, sizeof patterns,
                                                  TRUE, NULL, NULL));
        for (int i = 0; i < 20000; i++) {
                uint64_t bits = (uint64_t) g_rand_int(random) << 32 | g_rand_int(random);
                double number;

                memcpy(&number, &bits, sizeof number);
                assert_round_trip(g_variant_new_double(number));
        }
}

static void test_text_that_harms_is_escaped(void)
{
        static const char hostile[] = "\x1b]0;x\x07\x7f\xc2\x9b\xe2\x80\xa8\xe2\x80\xae\xef\xbb\xbf"
                                      "\xf3\xa0\x81\x81\r\n\xc3\xbc\xf0\x9f\x90\x89";
        g_autoptr(GVariant) value = g_variant_ref_sink(g_variant_new_string(hostile));
        g_autofree char *text = to_text(value, false);

        g_assert_cmpstr(text, ==,
                        "{\"type\":\"s\",\"data\":\"\\u001b]0;x\\u0007\\u007f\\u009b\\u2028\\u202e"
                        "\\ufeff\\udb40\\udc41\\r\\n\xc3\xbc\xf0\x9f\x90\x89\"}");
        assert_round_trip(g_variant_ref(value));
}

static void test_a_mebibyte_round_trips(void)
{
        g_autofree uint8_t *bytes = g_malloc(1 << 20);

        for (size_t i = 0; i < 1 << 20; i++)
                bytes[i] = (uint8_t) (i * 7 + (i >> 8));
        assert_round_trip(g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bytes, 1 << 20, 1));
        assert_round_trip(g_variant_new_take_string(g_strnfill(1 << 20, '\x1b')));
}

static void test_variants_take_bare_values(void)
{
        g_autoptr(GVariant) value = from_text("{\"type\":\"av\",\"data\":[true,1,-2147483649,"
                                              "18446744073709551615,1.5,\"a\"]}");
        g_autoptr(GVariant) wanted = g_variant_take_ref(gvariant(
                "[<true>, <1>, <int64 -2147483649>, <uint64 18446744073709551615>, <1.5>, <'a'>]"));

        assert_same(value, wanted);
}

static void test_numbers_of_doubles_may_be_integers(void)
{
        g_autoptr(GVariant) value = from_text(
                "{\"type\":\"ad\",\"data\":[1, 18446744073709551616, -0, 1e2, \"Infinity\"]}");
        g_autoptr(GVariant) wanted =
                g_variant_take_ref(gvariant("[1.0, 18446744073709551616.0, -0.0, 100.0, inf]"));

        assert_same(value, wanted);
}

typedef struct Wrong {
        const char *text;
        const char *why; /* a part of the error */
} Wrong;

static const Wrong wrong_texts[] = {
        { "", "line 1, column 1: the text ends" },
        { "  \n ", "line 2, column 2" },
        { "{\"a\":1,\n \"a\":2}", "line 2, column 2: 'a' stands twice" },
        { "{\"a\":1,\"\\u0061\":2}", "stands twice" },
        { "[1,]", "line 1, column 4" },
        { "[1 2]", "expected ',' or ']'" },
        { "{\"a\" 1}", "expected ':' after 'a'" },
        { "{\"a\":1,}", "expected a name" },
        { "{a:1}", "expected a name" },
        { "[1] x", "after the end" },
        { "// c\n1", "no JSON value" },
        { "'a'", "no JSON value" },
        { "NaN", "no JSON value" },
        { "01", "no JSON value" },
        { "1.", "no JSON value" },
        { ".5", "no JSON value" },
        { "+1", "no JSON value" },
        { "0x10", "no JSON value" },
        { "1e", "no JSON value" },
        { "-", "no JSON value" },
        { "1e400", "too large" },
        { "tru", "no JSON value" },
        { "truex", "after the end" },
        { "\"a", "without end" },
        { "\"a\nb\"", "control character" },
        { "\"\\x41\"", "unknown escape" },
        { "\"\\u12\"", "hexadecimal" },
        { "\"\\ud800\"", "surrogate" },
        { "\"\\ud800\\u0041\"", "surrogate" },
        { "\"\\udc00\"", "surrogate" },
        { "\"\\u0000\"", "zero character" },
        { "{\"a\\u0000b\":1}", "zero character" },
        { "[\"\xc3\xbc\xff\"]", "line 1, column 4: this is no UTF-8" },
        { "[", "ends too early" },
        { "{", "expected a name" },
        { "{\"a\":", "ends too early" },
};

static void test_what_is_no_json_is_refused(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(wrong_texts); i++) {
                g_autoptr(Failure) failure = NULL;
                json_object *document = NULL;

                if (value_json_parse(wrong_texts[i].text, strlen(wrong_texts[i].text), &document,
                                     &failure))
                        g_error("%s was taken", wrong_texts[i].text);
                g_assert_cmpint(failure->status, ==, EXIT_INVALID);
                if (!strstr(failure->text, wrong_texts[i].why))
                        g_error("%s: %s", wrong_texts[i].text, failure->text);
        }
}

static void test_a_zero_byte_is_refused(void)
{
        g_autoptr(Failure) failure = NULL;
        json_object *document = NULL;

        g_assert_false(value_json_parse("[1]\0", 4, &document, &failure));
        g_assert_nonnull(strstr(failure->text, "line 1, column 4"));
}

static void test_deep_documents_are_refused(void)
{
        g_autofree char *open = g_strnfill(1000000, '[');
        g_autoptr(Failure) failure = NULL;
        json_object *document = NULL;

        g_assert_false(value_json_parse(open, strlen(open), &document, &failure));
        g_assert_nonnull(strstr(failure->text, "nested too deep"));
}

static const Wrong wrong_values[] = {
        { "1", "expected a value as" },
        { "{\"type\":\"u\"}", "expected a value as" },
        { "{\"type\":\"u\",\"data\":1,\"more\":2}", "expected a value as" },
        { "{\"type\":1,\"data\":1}", "expected a value as" },
        { "{\"type\":\"\",\"data\":1}", "no type" },
        { "{\"type\":\"h\",\"data\":1}", "no type" },
        { "{\"type\":\"mi\",\"data\":1}", "no type" },
        { "{\"type\":\"()\",\"data\":[]}", "no type" },
        { "{\"type\":\"*\",\"data\":1}", "no type" },
        { "{\"type\":\"ii\",\"data\":1}", "no type" },
        { "{\"type\":\"a{vs}\",\"data\":{}}", "no type" },
        { "{\"type\":\"u\",\"data\":-1}", "range" },
        { "{\"type\":\"u\",\"data\":4294967296}", "range" },
        { "{\"type\":\"y\",\"data\":256}", "range" },
        { "{\"type\":\"n\",\"data\":32768}", "range" },
        { "{\"type\":\"q\",\"data\":-1}", "range" },
        { "{\"type\":\"i\",\"data\":2147483648}", "range" },
        { "{\"type\":\"x\",\"data\":9223372036854775808}", "range" },
        { "{\"type\":\"t\",\"data\":-1}", "range" },
        { "{\"type\":\"t\",\"data\":18446744073709551616}", "expected an integer" },
        { "{\"type\":\"u\",\"data\":1.0}", "expected an integer" },
        { "{\"type\":\"u\",\"data\":\"1\"}", "expected an integer and not a string" },
        { "{\"type\":\"u\",\"data\":null}", "not null" },
        { "{\"type\":\"b\",\"data\":1}", "expected a boolean" },
        { "{\"type\":\"d\",\"data\":\"x\"}", "expected a number" },
        { "{\"type\":\"d\",\"data\":\"NaN(0x3ff0000000000000)\"}", "expected a number" },
        { "{\"type\":\"s\",\"data\":1}", "expected a string" },
        { "{\"type\":\"o\",\"data\":\"a\"}", "no object path" },
        { "{\"type\":\"g\",\"data\":\"!\"}", "no signature" },
        { "{\"type\":\"as\",\"data\":[\"a\",1]}", "element 1: expected a string" },
        { "{\"type\":\"as\",\"data\":{}}", "expected an array" },
        { "{\"type\":\"ay\",\"data\":[1,256]}", "element 1: expected a byte" },
        { "{\"type\":\"(is)\",\"data\":[1]}", "array of 2" },
        { "{\"type\":\"(is)\",\"data\":[1,\"a\",2]}", "array of 2" },
        { "{\"type\":\"a{ii}\",\"data\":{\"x\":1}}", "'x' is no key" },
        { "{\"type\":\"a{si}\",\"data\":{\"x\":\"y\"}}", "'x': expected an integer" },
        { "{\"type\":\"v\",\"data\":[1]}", "expected a value as" },
        { "{\"type\":\"v\",\"data\":{\"type\":\"h\",\"data\":1}}", "no type" },
};

static void test_what_is_no_value_is_refused(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(wrong_values); i++) {
                g_autoptr(Failure) failure = NULL;
                json_object *document = parse(wrong_values[i].text);
                GVariant *value = NULL;

                if (value_json_to_variant(document, &value, &failure))
                        g_error("%s was taken", wrong_values[i].text);
                g_assert_cmpint(failure->status, ==, EXIT_INVALID);
                if (!strstr(failure->text, wrong_values[i].why))
                        g_error("%s: %s", wrong_values[i].text, failure->text);
                json_object_put(document);
        }
}

static gboolean is_taken(unsigned n_arrays, unsigned n_variants)
{
        g_autoptr(GString) text = g_string_new("{\"type\":\"");
        g_autoptr(Failure) failure = NULL;
        json_object *document;
        GVariant *value = NULL;
        gboolean is_value;

        for (unsigned i = 0; i < n_arrays; i++)
                g_string_append_c(text, 'a');
        g_string_append(text, n_variants > 0 ? "v\",\"data\":" : "y\",\"data\":");
        for (unsigned i = 0; i < n_arrays; i++)
                g_string_append_c(text, '[');
        for (unsigned i = 1; i < n_variants; i++)
                g_string_append(text, "{\"type\":\"v\",\"data\":");
        g_string_append_c(text, '1');
        for (unsigned i = 1; i < n_variants; i++)
                g_string_append_c(text, '}');
        for (unsigned i = 0; i < n_arrays; i++)
                g_string_append_c(text, ']');
        g_string_append_c(text, '}');

        document = parse(text->str);
        is_value = value_json_to_variant(document, &value, &failure);
        g_clear_pointer(&value, g_variant_unref);
        json_object_put(document);
        return is_value;
}

static void test_values_nest_as_deep_as_the_bus_allows(void)
{
        g_assert_true(is_taken(32, 0));
        g_assert_false(is_taken(33, 0));
        g_assert_true(is_taken(0, 32));
        g_assert_false(is_taken(0, 33));
        g_assert_true(is_taken(16, 16));
        g_assert_false(is_taken(16, 17));
}

static void test_pretty_text_is_indented(void)
{
        json_object *document = parse("{\"a\":[1,{\"b\":[]}],\"c\":{},\"d\":null}");
        g_autofree char *text = value_json_print(document, true);

        g_assert_cmpstr(text, ==,
                        "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n"
                        "  \"c\": {},\n  \"d\": null\n}");
        json_object_put(document);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add_func("/value-json/" #test, test_##test)
        ADD(shapes_are_busctls);
        ADD(random_values_round_trip);
        ADD(doubles_keep_their_bits);
        ADD(text_that_harms_is_escaped);
        ADD(a_mebibyte_round_trips);
        ADD(variants_take_bare_values);
        ADD(numbers_of_doubles_may_be_integers);
        ADD(what_is_no_json_is_refused);
        ADD(a_zero_byte_is_refused);
        ADD(deep_documents_are_refused);
        ADD(what_is_no_value_is_refused);
        ADD(values_nest_as_deep_as_the_bus_allows);
        ADD(pretty_text_is_indented);
        return g_test_run();
}
