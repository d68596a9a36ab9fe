/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Of what several commits left of a key the last stays, whatever it is.
 */

#include "bus/last-entries.h"

#include "core/entry.h"

static void entry_destroy(gpointer entry)
{
        entry_unref(entry);
}

static Entry *entry_of(const char *key, uint32_t number)
{
        return entry_new(key, g_variant_new_uint32(number), ENTRY_PERSISTENT);
}

static uint32_t number_of(const GPtrArray *entries, guint i)
{
        g_autoptr(GVariant) value = entry_value(entries->pdata[i]);

        return g_variant_get_uint32(value);
}

static GPtrArray *new_array(void)
{
        return g_ptr_array_new_with_free_func(entry_destroy);
}

static void test_none_and_one_stay(void)
{
        g_autoptr(GPtrArray) entries = new_array();

        last_entries_keep(entries);
        g_assert_cmpuint(entries->len, ==, 0);
        g_ptr_array_add(entries, entry_of("key", 1));
        last_entries_keep(entries);
        g_assert_cmpuint(entries->len, ==, 1);
}

static void test_last_of_each_key_stays(void)
{
        g_autoptr(GPtrArray) entries = new_array();

        for (uint32_t n = 0; n < 1000; n++) {
                g_autofree char *key = g_strdup_printf("key%" G_GUINT32_FORMAT, n * 7 % 30);

                g_ptr_array_add(entries, entry_of(key, n));
        }
        last_entries_keep(entries);

        g_assert_cmpuint(entries->len, ==, 30);
        for (guint i = 0; i < entries->len; i++) {
                uint32_t number = number_of(entries, i);
                g_autofree char *key = g_strdup_printf("key%" G_GUINT32_FORMAT, number * 7 % 30);

                g_assert_cmpuint(number, >=, 1000 - 30);
                g_assert_cmpstr(entry_key(entries->pdata[i]), ==, key);
                if (i > 0)
                        g_assert_cmpstr(entry_key(entries->pdata[i - 1]), <,
                                        entry_key(entries->pdata[i]));
        }
}

static void test_deletion_and_what_comes_behind_it(void)
{
        g_autoptr(GPtrArray) entries = new_array();

        g_ptr_array_add(entries, entry_of("gone", 1));
        g_ptr_array_add(entries, entry_new_tombstone("there", ENTRY_RUNTIME));
        g_ptr_array_add(entries, entry_new_tombstone("gone", ENTRY_PERSISTENT));
        g_ptr_array_add(entries, entry_of("there", 2));
        last_entries_keep(entries);

        g_assert_cmpuint(entries->len, ==, 2);
        g_assert_true(entry_is_tombstone(entries->pdata[0]));
        g_assert_cmpstr(entry_key(entries->pdata[0]), ==, "gone");
        g_assert_cmpuint(number_of(entries, 1), ==, 2);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add_func("/last-entries/" #test, test_##test)
        ADD(none_and_one_stay);
        ADD(last_of_each_key_stays);
        ADD(deletion_and_what_comes_behind_it);
        return g_test_run();
}
