/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a person types becomes the value that was meant, and values become what a script can use.
 */

#include "value-text.h"

#include <locale.h>
#include <stdbool.h>
#include <string.h>

typedef struct Guess {
        const char *text;
        const char *gvariant; /* with its type */
} Guess;

static const Guess guesses[] = {
        { "true", "true" },
        { "false", "false" },
        { "True", "'True'" },
        { "yes", "'yes'" },
        { "0", "0" },
        { "1500", "1500" },
        { "-5", "-5" },
        { "2147483647", "2147483647" },
        { "2147483648", "int64 2147483648" },
        { "-2147483649", "int64 -2147483649" },
        { "9223372036854775808", "uint64 9223372036854775808" },
        { "18446744073709551615", "uint64 18446744073709551615" },
        { "18446744073709551616", "'18446744073709551616'" },
        { "-9223372036854775809", "'-9223372036854775809'" },
        { "007", "'007'" },
        { "+5", "'+5'" },
        { "-", "'-'" },
        { "", "''" },
        { " 5", "' 5'" },
        { "5 ", "'5 '" },
        { "0x10", "'0x10'" },
        { "1.5", "1.5" },
        { "-0", "-0.0" },
        { "-0.0", "-0.0" },
        { "1e5", "100000.0" },
        { "1e999", "'1e999'" },
        { "1.", "'1.'" },
        { ".5", "'.5'" },
        { "1,5", "'1,5'" },
        { "1.2.3", "'1.2.3'" },
        { "NaN", "'NaN'" },
        { "inf", "'inf'" },
        { "a b", "'a b'" },
        { "[1]", "'[1]'" },
        { "\"a\"", "'\"a\"'" },
        { "/a/b", "'/a/b'" },
        { "null", "'null'" },
};

static void assert_value(const char *text, GVariant *value, const char *gvariant)
{
        g_autoptr(GVariant) wanted = g_variant_parse(NULL, gvariant, NULL, NULL, NULL);

        g_assert_nonnull(wanted);
        if (!g_str_equal(g_variant_get_type_string(value), g_variant_get_type_string(wanted)) ||
            g_variant_get_size(value) != g_variant_get_size(wanted) ||
            memcmp(g_variant_get_data(value), g_variant_get_data(wanted),
                   g_variant_get_size(value)) != 0)
                g_error("'%s' became %s and not %s", text, g_variant_print(value, true), gvariant);
}

static void test_words_are_guessed(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(guesses); i++) {
                g_autoptr(Failure) failure = NULL;
                g_autoptr(GVariant) value = NULL;

                g_assert_true(value_text_guess(guesses[i].text, &value, &failure));
                assert_value(guesses[i].text, value, guesses[i].gvariant);
        }
}

typedef struct Parse {
        const char *type;
        const char *text;
        const char *gvariant; /* NULL: refused */
} Parse;

static const Parse parses[] = {
        { "s", "1500", "'1500'" },
        { "s", "", "''" },
        { "s", "true", "'true'" },
        { "s", "\xff", NULL },
        { "o", "/a/b", "objectpath '/a/b'" },
        { "o", "a", NULL },
        { "g", "a{sv}", "signature 'a{sv}'" },
        { "g", "!", NULL },
        { "b", "true", "true" },
        { "b", "yes", "true" },
        { "b", "on", "true" },
        { "b", "1", "true" },
        { "b", "false", "false" },
        { "b", "no", "false" },
        { "b", "off", "false" },
        { "b", "0", "false" },
        { "b", "2", NULL },
        { "b", "", NULL },
        { "as", "['\\u00e4']", "['ä']" },
        { "as", "['\\ud800']", NULL },
        { "as", "['\\\\ud800']", "['\\\\ud800']" },
        { "aay", "[b'\\ud800']", "[b'ud800']" },
        { "(ss)", "(\"it's\", '\\U00110000')", NULL },
        { "u", "1500", "uint32 1500" },
        { "u", "0xff", "uint32 255" },
        { "u", "-1", NULL },
        { "u", "0644", NULL },
        { "u", "4294967296", NULL },
        { "u", "1.5", NULL },
        { "u", "", NULL },
        { "u", " 1", NULL },
        { "u", "x", NULL },
        { "i", "-5", "-5" },
        { "i", "-0", "0" },
        { "n", "-32769", NULL },
        { "y", "0x100", NULL },
        { "y", "255", "byte 255" },
        { "q", "65535", "uint16 65535" },
        { "x", "-9223372036854775808", "int64 -9223372036854775808" },
        { "x", "9223372036854775808", NULL },
        { "t", "18446744073709551615", "uint64 18446744073709551615" },
        { "t", "18446744073709551616", NULL },
        { "t", "0xffffffffffffffff", "uint64 18446744073709551615" },
        { "d", "1", "1.0" },
        { "d", ".5", "0.5" },
        { "d", "5.", "5.0" },
        { "d", "1e3", "1000.0" },
        { "d", "-inf", "-inf" },
        { "d", "Infinity", "inf" },
        { "d", "1,5", NULL },
        { "d", "0x10", NULL },
        { "d", "1e999", NULL },
        { "d", "", NULL },
        { "d", "nonsense", NULL },
        { "v", "1500", "<1500>" },
        { "v", "text", "<'text'>" },
        { "as", "[\"a\",\"b\"]", "['a', 'b']" },
        { "as", "['a', 'b']", "['a', 'b']" },
        { "as", "a", NULL },
        { "as", "[1]", NULL },
        { "a{si}", "{\"k\":1}", "{'k': 1}" },
        { "a{sv}", "{\"k\":1}", "{'k': <1>}" },
        { "a{sv}", "{'k': <uint32 1>}", "{'k': <uint32 1>}" },
        { "a{sv}", "{\"k\":{\"type\":\"u\",\"data\":1}}", "{'k': <uint32 1>}" },
        { "a{sv}", "{'k': <handle 1>}", NULL },
        { "(is)", "[1,\"a\"]", "(1, 'a')" },
        { "(is)", "(1, 'a')", "(1, 'a')" },
        { "ay", "[1,2]", NULL },
        { "ay", "abc", NULL },
        { "aay", "[[1,2]]", "[[byte 1, 2]]" },
};

static void test_text_is_read_by_type(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(parses); i++) {
                g_autoptr(Failure) failure = NULL;
                g_autoptr(GVariant) value = NULL;

                if (value_text_parse(parses[i].text, G_VARIANT_TYPE(parses[i].type), &value,
                                     &failure)) {
                        if (!parses[i].gvariant)
                                g_error("'%s' was taken for a %s", parses[i].text, parses[i].type);
                        assert_value(parses[i].text, value, parses[i].gvariant);
                } else if (parses[i].gvariant) {
                        g_error("'%s' as %s: %s", parses[i].text, parses[i].type, failure->text);
                } else {
                        g_assert_cmpint(failure->status, ==, EXIT_INVALID);
                }
        }
}

static const Guess prints[] = {
        { "a b\n\x1b", "'a b\\n\\u001b'" },
        { "1500", "uint32 1500" },
        { "true", "true" },
        { "0.1", "0.1" },
        { "3.0", "3.0" },
        { "-Infinity", "-inf" },
        { "NaN", "nan" },
        { "/a", "objectpath '/a'" },
        { "[\"a\",\"b c\"]", "['a', 'b c']" },
        { "{\"type\":\"i\",\"data\":1}", "<1>" },
        { "[1,\"a\"]", "(1, 'a')" },
};

static void test_values_are_printed_for_scripts(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(prints); i++) {
                g_autoptr(GVariant) value =
                        g_variant_parse(NULL, prints[i].gvariant, NULL, NULL, NULL);
                g_autofree char *text = value_text_print(value);

                g_assert_cmpstr(text, ==, prints[i].text);
        }
}

static char *summarize(const char *gvariant, unsigned n_columns)
{
        g_autoptr(GVariant) value = g_variant_parse(NULL, gvariant, NULL, NULL, NULL);

        g_assert_nonnull(value);
        return value_text_summarize(value, n_columns);
}

static void test_values_are_summarized_for_tables(void)
{
        static const Guess summaries[] = {
                { "\"text\"", "'text'" },
                { "\"\"", "''" },
                { "\"a\\nb\\u001b\"", "'a\\nb\\u001b'" },
                { "1500", "uint32 1500" },
                { "0 bytes", "@ay []" },
                { "1 byte: 05", "[byte 5]" },
                { "2 bytes: 01 ff", "[byte 1, 255]" },
                { "[\"a\",\"b\"]", "['a', 'b']" },
                { "{\"k\":{\"type\":\"i\",\"data\":1}}", "{'k': <1>}" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(summaries); i++) {
                g_autofree char *text = summarize(summaries[i].gvariant, 80);
                g_autofree char *whole = summarize(summaries[i].gvariant, G_MAXUINT);

                g_assert_cmpstr(text, ==, summaries[i].text);
                g_assert_cmpstr(whole, ==, summaries[i].text);
        }
}

static void test_summaries_are_cut(void)
{
        g_autofree char *string = g_strnfill(1 << 20, 'x');
        g_autoptr(GVariant) text = g_variant_ref_sink(g_variant_new_string(string));
        g_autoptr(GVariant) bytes = g_variant_ref_sink(
                g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, string, 1 << 20, 1));
        g_autofree char *of_text = value_text_summarize(text, 10);
        g_autofree char *of_bytes = value_text_summarize(bytes, 20);
        g_autofree char *of_whole = value_text_summarize(text, G_MAXUINT);
        g_autofree char *of_list = summarize("['aaaa', 'bbbb', 'cccc']", 10);
        g_autofree char *of_wide =
                summarize("'\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97'", 6);

        g_assert_cmpstr(of_text, ==, "\"xxxxxxxx\xe2\x80\xa6");
        g_assert_cmpstr(of_bytes, ==, "1048576 bytes: 78 7\xe2\x80\xa6");
        g_assert_cmpuint(strlen(of_whole), ==, (1 << 20) + 2);
        g_assert_cmpstr(of_list, ==, "[\"aaaa\",\"\xe2\x80\xa6");
        g_assert_cmpstr(of_wide, ==, "\"\xe6\xbc\xa2\xe5\xad\x97\xe2\x80\xa6");
}

int main(int argc, char *argv[])
{
        /* A comma as decimal point, where there is such a locale, and UTF-8 in any case. */
        if (!setlocale(LC_ALL, "de_DE.UTF-8"))
                (void) setlocale(LC_ALL, "C.UTF-8");
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add_func("/value-text/" #test, test_##test)
        ADD(words_are_guessed);
        ADD(text_is_read_by_type);
        ADD(values_are_printed_for_scripts);
        ADD(values_are_summarized_for_tables);
        ADD(summaries_are_cut);
        return g_test_run();
}
