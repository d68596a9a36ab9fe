/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which names are names.
 */

#include "core/name.h"

#include "core/limits.h"

#include <glib.h>
#include <string.h>

static void test_namespace_names_are_two_or_more_labels(void)
{
        static const char *const valid[] = { "a.b", "A._", "_._9", "org.example.Router",
                                             "a.b.c.d" };
        static const char *const invalid[] = {
                "",     "a",     ".",     "a.",    ".a",      "a..b",       "a.b.",  ".a.b", "1a.b",
                "a.1b", "a-b.c", "a.b c", "a.b\n", "a.b\x7f", "a.\xc3\xbc", "a/b.c", "a.b/", "..",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(valid); i++)
                g_assert_true(namespace_name_is_valid(valid[i]));
        for (size_t i = 0; i < G_N_ELEMENTS(invalid); i++)
                g_assert_false(namespace_name_is_valid(invalid[i]));
}

static void test_namespace_names_have_at_most_200_bytes(void)
{
        g_autofree char *name = g_strnfill(LIMIT_NAMESPACE_NAME_BYTES + 1, 'n');

        name[1] = '.';
        g_assert_false(namespace_name_is_valid(name));
        name[LIMIT_NAMESPACE_NAME_BYTES] = '\0';
        g_assert_true(namespace_name_is_valid(name));
        name[LIMIT_NAMESPACE_NAME_BYTES - 1] = '.';
        g_assert_false(namespace_name_is_valid(name));
}

static void test_keys_are_bytes_of_one_alphabet(void)
{
        const char *alphabet =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/-";

        for (int c = 1; c < 256; c++) {
                char key[] = { 'k', (char) c, '\0' };
                bool is_valid = strchr(alphabet, c) != NULL;

                g_assert_true(key_is_valid(key) == is_valid);
                g_assert_true(key_is_valid(key + 1) == is_valid);
                g_assert_true(key_prefix_is_valid(key) == is_valid);
        }
        g_assert_true(key_is_valid(".."));
        g_assert_true(key_is_valid("net/ipv4/ip_forward"));
}

static void test_keys_have_1_to_255_bytes(void)
{
        g_autofree char *key = g_strnfill(LIMIT_KEY_BYTES + 1, 'k');

        g_assert_false(key_is_valid(""));
        g_assert_true(key_prefix_is_valid(""));
        g_assert_false(key_is_valid(key));
        g_assert_false(key_prefix_is_valid(key));
        key[LIMIT_KEY_BYTES] = '\0';
        g_assert_true(key_is_valid(key));
        g_assert_true(key_prefix_is_valid(key));
}

static void test_member_names_are_told_from_other_keys(void)
{
        g_assert_true(key_is_member_name("Volume"));
        g_assert_true(key_is_member_name("_1"));
        g_assert_false(key_is_member_name(""));
        g_assert_false(key_is_member_name("1a"));
        g_assert_false(key_is_member_name("a-b"));
        g_assert_false(key_is_member_name("a.b"));
        g_assert_false(key_is_member_name("a/b"));
        g_assert_false(key_is_member_name("a:b"));
}

static void test_quoted_text_is_harmless(void)
{
        g_autofree char *control = name_quote("a\n\x1b[2J\"\xff");
        g_autofree char *whole = g_strnfill(255, 'x');
        g_autofree char *longer = g_strnfill(100000, 'x');
        g_autofree char *quoted_whole = name_quote(whole);
        g_autofree char *quoted_longer = name_quote(longer);

        for (const char *p = control; *p; p++)
                g_assert_true(g_ascii_isprint(*p));
        g_assert_cmpuint(strlen(quoted_whole), ==, 255 + 2);
        g_assert_cmpuint(strlen(quoted_longer), ==, 255 + 2 + 3);
        g_assert_true(g_str_has_suffix(quoted_longer, "x...'"));
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add_func("/name/" #test, test_##test)
        ADD(namespace_names_are_two_or_more_labels);
        ADD(namespace_names_have_at_most_200_bytes);
        ADD(keys_are_bytes_of_one_alphabet);
        ADD(keys_have_1_to_255_bytes);
        ADD(member_names_are_told_from_other_keys);
        ADD(quoted_text_is_harmless);
        return g_test_run();
}
