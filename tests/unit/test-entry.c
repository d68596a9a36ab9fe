/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entries keep what they are given, and take nothing from a disk that is not a value.
 */

#include "core/entry.h"

#include "changes.h"
#include "core/limits.h"
#include "core/value.h"
#include "random-value.h"

#include <errno.h>
#include <string.h>

static void test_entries_keep_key_type_and_value(void)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(3);

        for (int i = 0; i < 5000; i++) {
                g_autofree char *key = g_strnfill((size_t) g_rand_int_range(random, 1, 256), 'k');
                g_autoptr(GVariant) value = g_variant_ref_sink(random_value(random));
                g_autoptr(Entry) entry = entry_new(key, value, ENTRY_RUNTIME);
                g_autoptr(GVariant) got = entry_value(entry);

                g_assert_cmpstr(entry_key(entry), ==, key);
                g_assert_cmpstr(entry_type(entry), ==, g_variant_get_type_string(value));
                g_assert_cmpuint((uintptr_t) entry_value_bytes(entry) % 8, ==, 0);
                g_assert_cmpmem(entry_value_bytes(entry), entry->value_bytes,
                                g_variant_get_data(value), g_variant_get_size(value));
                g_assert_cmpmem(g_variant_get_data(got), g_variant_get_size(got),
                                g_variant_get_data(value), g_variant_get_size(value));
                g_assert_cmpuint(entry->wire_bytes, ==, value_wire_bytes(value));
                g_assert_cmpuint(entry_usage(entry), ==, strlen(key) + g_variant_get_size(value));
                g_assert_cmpint(entry->class, ==, ENTRY_RUNTIME);
                g_assert_false(entry_is_tombstone(entry));
                g_assert_false(entry_is_persistent(entry));
        }
}

static void test_a_value_outlives_its_entry(void)
{
        g_autoptr(GVariant) text = g_variant_ref_sink(g_variant_new_string("text"));
        Entry *entry = entry_new("key", text, ENTRY_PERSISTENT);
        g_autoptr(GVariant) value = entry_value(entry);

        entry_unref(entry);
        g_assert_cmpstr(g_variant_get_string(value, NULL), ==, "text");
}

static void test_tombstones_count_for_nothing(void)
{
        g_autoptr(Entry) entry = entry_new_tombstone("key", ENTRY_PERSISTENT);

        g_assert_true(entry_is_tombstone(entry));
        g_assert_true(entry_is_persistent(entry));
        g_assert_cmpstr(entry_key(entry), ==, "key");
        g_assert_cmpuint(entry_usage(entry), ==, 0);
}

static int from_bytes(const char *type, const void *bytes, size_t n_bytes)
{
        g_autoptr(Entry) entry = NULL;
        int r = entry_new_from_bytes(&entry, "key", 3, type, strlen(type), bytes, n_bytes,
                                     ENTRY_PERSISTENT);

        g_assert_true((entry != NULL) == (r == 0));
        return r;
}

static void test_bytes_of_an_entry_make_an_equal_one(void)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(4);

        for (int i = 0; i < 5000; i++) {
                g_autoptr(GVariant) value = g_variant_ref_sink(random_value(random));
                g_autoptr(Entry) entry = entry_new("key", value, ENTRY_PERSISTENT);
                g_autoptr(Entry) again = NULL;

                g_assert_cmpint(entry_new_from_bytes(&again, entry_key(entry), entry->key_bytes,
                                                     entry_type(entry), entry->type_bytes,
                                                     entry_value_bytes(entry), entry->value_bytes,
                                                     ENTRY_PERSISTENT),
                                ==, 0);
                g_assert_true(entry_value_equal(entry, again));
                g_assert_cmpuint(entry->wire_bytes, ==, again->wire_bytes);
        }
}

static void test_bytes_that_are_no_value_are_refused(void)
{
        g_autoptr(Entry) entry = NULL;
        g_autofree char *long_key = g_strnfill(LIMIT_KEY_BYTES + 1, 'k');
        g_autofree char *long_type = g_strnfill(LIMIT_TYPE_BYTES + 1, 'a');

        g_assert_cmpint(from_bytes("s", "text", 5), ==, 0);
        g_assert_cmpint(from_bytes("s", "text", 4), ==, -EBADMSG);
        g_assert_cmpint(from_bytes("s", "te\0t", 5), ==, -EBADMSG);
        g_assert_cmpint(from_bytes("s", "te\xffx", 5), ==, -EBADMSG);
        g_assert_cmpint(from_bytes("s", "", 0), ==, -EBADMSG);
        g_assert_cmpint(from_bytes("i", "123", 3), ==, -EBADMSG);
        g_assert_cmpint(from_bytes("i", "12345", 5), ==, -EBADMSG);
        g_assert_cmpint(from_bytes("b", "\2", 1), ==, -EBADMSG);
        g_assert_cmpint(from_bytes("ai", "12345", 5), ==, -EBADMSG);
        g_assert_cmpint(from_bytes("o", "no/path", 8), ==, -EBADMSG);
        g_assert_cmpint(from_bytes("h", "1234", 4), ==, -EBADMSG);
        g_assert_cmpint(from_bytes("ms", "", 0), ==, -EBADMSG);
        g_assert_cmpint(from_bytes("", "", 0), ==, -EBADMSG);
        g_assert_cmpint(from_bytes("()", "\0", 1), ==, -EBADMSG);
        /* Offsets beyond the end, and padding that is not zero. */
        g_assert_cmpint(from_bytes("as", "a\0\377", 3), ==, -EBADMSG);
        g_assert_cmpint(from_bytes("(yi)", "\1\1\0\0\1\0\0\0", 8), ==, -EBADMSG);

        g_assert_cmpint(entry_new_from_bytes(&entry, "", 0, "y", 1, "a", 1, ENTRY_PERSISTENT), ==,
                        -EBADMSG);
        g_assert_cmpint(entry_new_from_bytes(&entry, long_key, LIMIT_KEY_BYTES + 1, "y", 1, "a", 1,
                                             ENTRY_PERSISTENT),
                        ==, -EBADMSG);
        g_assert_cmpint(entry_new_from_bytes(&entry, "k", 1, long_type, LIMIT_TYPE_BYTES + 1, "", 0,
                                             ENTRY_PERSISTENT),
                        ==, -EBADMSG);
        g_assert_cmpint(entry_new_from_bytes(&entry, "k\0k", 3, "y", 1, "a", 1, ENTRY_PERSISTENT),
                        ==, -EBADMSG);
        g_assert_cmpint(entry_new_from_bytes(&entry, "k", 1, "y\0y", 3, "a", 1, ENTRY_PERSISTENT),
                        ==, -EBADMSG);
        g_assert_null(entry);
}

static Entry *parse_entry(const char *key, const char *text, EntryClass class)
{
        g_autoptr(GVariant) value = changes_value(text);

        return entry_new(key, value, class);
}

static void test_equality_is_of_type_and_value(void)
{
        g_autoptr(Entry) one = parse_entry("a", "1", ENTRY_PERSISTENT);
        g_autoptr(Entry) other_key = parse_entry("bb", "1", ENTRY_RUNTIME);
        g_autoptr(Entry) other_type = parse_entry("a", "uint32 1", ENTRY_PERSISTENT);
        g_autoptr(Entry) other_value = parse_entry("a", "2", ENTRY_PERSISTENT);
        g_autoptr(Entry) tombstone = entry_new_tombstone("a", ENTRY_PERSISTENT);
        g_autoptr(Entry) empty = parse_entry("a", "@as []", ENTRY_PERSISTENT);
        g_autoptr(Entry) other_empty = parse_entry("a", "@ao []", ENTRY_PERSISTENT);

        g_assert_true(entry_value_equal(one, other_key));
        g_assert_false(entry_value_equal(one, other_type));
        g_assert_false(entry_value_equal(one, other_value));
        g_assert_false(entry_value_equal(tombstone, empty));
        g_assert_false(entry_value_equal(empty, other_empty));
}

static void test_classes_have_names(void)
{
        g_assert_cmpint(entry_class_from_name("persistent"), ==, ENTRY_PERSISTENT);
        g_assert_cmpint(entry_class_from_name("kernel"), ==, ENTRY_KERNEL);
        g_assert_cmpint(entry_class_from_name("runtime"), ==, ENTRY_RUNTIME);
        g_assert_cmpint(entry_class_from_name("session"), ==, ENTRY_SESSION);
        g_assert_cmpint(entry_class_from_name(""), ==, -EINVAL);
        g_assert_cmpint(entry_class_from_name("Persistent"), ==, -EINVAL);
        for (int class = ENTRY_PERSISTENT; class <= ENTRY_SESSION; class ++)
                g_assert_cmpint(entry_class_from_name(entry_class_name((EntryClass) class)), ==,
                                class);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add_func("/entry/" #test, test_##test)
        ADD(entries_keep_key_type_and_value);
        ADD(a_value_outlives_its_entry);
        ADD(tombstones_count_for_nothing);
        ADD(bytes_of_an_entry_make_an_equal_one);
        ADD(bytes_that_are_no_value_are_refused);
        ADD(equality_is_of_type_and_value);
        ADD(classes_have_names);
        return g_test_run();
}
