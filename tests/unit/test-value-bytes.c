/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Value bytes: what GVariant says of the same bytes
 */

#include "core/value-bytes.h"

#include "core/value.h"

#include <string.h>

#define BYTES_MAX 24u

static bool is_normal_variant(const char *type, const void *bytes, size_t n_bytes, uint64_t *ret_n)
{
        g_autoptr(GVariant) value = g_variant_ref_sink(
                g_variant_new_from_data(G_VARIANT_TYPE(type), bytes, n_bytes, FALSE, NULL, NULL));

        if (!g_variant_is_normal_form(value))
                return false;

        *ret_n = value_wire_bytes(value);
        return true;
}

static unsigned check(const char *type, const void *bytes, size_t n_bytes)
{
        uint64_t expected = 0, n = 0;
        bool is_normal = is_normal_variant(type, bytes, n_bytes, &expected);

        g_assert_true(value_bytes_are_normal(type, bytes, n_bytes, &n) == is_normal);
        if (is_normal)
                g_assert_cmpuint(n, ==, expected);
        return is_normal;
}

/* Text that may be a string, with bytes that spoil it now and then. */
static void make_bytes(uint8_t *bytes, size_t n_bytes)
{
        static const uint8_t some[] = { 0, 1, 2, 'a', '/', 'z', 0x7f, 0x80, 0xc3, 0xa9, 0xff };
        bool is_text = g_test_rand_int_range(0, 2);

        for (size_t i = 0; i < n_bytes; i++)
                bytes[i] = is_text ? 'a' : some[g_test_rand_int_range(0, G_N_ELEMENTS(some))];
        if (n_bytes > 0 && is_text)
                bytes[n_bytes - 1] = 0;
        if (n_bytes > 1 && g_test_rand_bit())
                bytes[g_test_rand_int_range(0, (gint32) n_bytes)] =
                        some[g_test_rand_int_range(0, G_N_ELEMENTS(some))];
}

static void test_of_every_type_as_a_variant(void)
{
        static const char *const types[] = { "y", "b", "n", "q", "i",  "u",  "x",     "t",
                                             "d", "s", "o", "g", "ay", "as", "a{sv}", "(ys)" };
        uint64_t aligned[BYTES_MAX / 8];

        for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
                unsigned n_normal = 0, n = 20000;

                for (unsigned j = 0; j < n; j++) {
                        size_t n_bytes = (size_t) g_test_rand_int_range(0, BYTES_MAX + 1);

                        make_bytes((uint8_t *) aligned, n_bytes);
                        n_normal += check(types[i], aligned, n_bytes);
                }
                g_test_message("%s: %u of %u are normal", types[i], n_normal, n);
                g_assert_cmpuint(n_normal, >, 0);
                if (strcmp(types[i], "ay") != 0) /* any bytes are */
                        g_assert_cmpuint(n_normal, <, n);
        }
}

static void test_strings_are_utf8_without_zeros(void)
{
        static const char *const good[] = { "",         "ascii",     "gr\xc3\xbc\xc3\x9f",
                                            "eight888", "nine99999", "\xe2\x82\xac" };
        static const char *const bad[] = { "\xff", "eight888\xc3", "\xed\xa0\x80", "1234567\x80" };
        uint64_t n;

        for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
                g_assert_true(value_bytes_are_normal("s", good[i], strlen(good[i]) + 1, &n));
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(value_bytes_are_normal("s", bad[i], strlen(bad[i]) + 1, &n));
        g_assert_false(value_bytes_are_normal("s", "ab", 2, &n));
        g_assert_false(value_bytes_are_normal("s", "a\0b", 4, &n));
        g_assert_false(value_bytes_are_normal("s", "", 0, &n));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/value-bytes/of-every-type-as-a-variant", test_of_every_type_as_a_variant);
        g_test_add_func("/value-bytes/strings-are-utf8-without-zeros",
                        test_strings_are_utf8_without_zeros);

        return g_test_run();
}
