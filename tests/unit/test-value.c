/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What values may be, and what they take in a message, held against messages.
 */

#include "core/value.h"

#include "core/entry.h"
#include "core/limits.h"
#include "random-value.h"

#include <gio/gio.h>
#include <string.h>

static void test_types_are_those_of_d_bus_without_descriptors(void)
{
        static const char *const valid[] = {
                "y", "b", "n",  "q",   "i",     "u",  "x",   "t",        "d",       "s",        "o",
                "g", "v", "ay", "aas", "a{sv}", "av", "(i)", "(ia(ss))", "a{y(v)}", "a{sa{sv}}"
        };
        static const char *const invalid[] = {
                "",   "h",   "ah",    "a{sh}", "(ih)", "mi", "ams", "*",     "?",    "r", "a*",
                "()", "a()", "{sv}s", "ii",    "a",    "(i", "i)",  "a{vs}", "a{s}", "z", "a{(i)s}",
        };
        g_autofree char *longest = g_strnfill(LIMIT_TYPE_BYTES + 1, 'i');

        for (size_t i = 0; i < G_N_ELEMENTS(valid); i++)
                g_assert_true(value_type_is_valid(valid[i]));
        for (size_t i = 0; i < G_N_ELEMENTS(invalid); i++)
                g_assert_false(value_type_is_valid(invalid[i]));

        longest[0] = '(';
        longest[LIMIT_TYPE_BYTES] = ')';
        g_assert_false(value_type_is_valid(longest));
        longest[LIMIT_TYPE_BYTES] = '\0';
        longest[LIMIT_TYPE_BYTES - 1] = ')';
        g_assert_true(value_type_is_valid(longest));
}

/* Of a message whose body is @body, which is consumed. */
static uint64_t body_bytes(GVariant *body)
{
        g_autoptr(GDBusMessage) message = g_dbus_message_new_signal("/", "a.b", "C");
        g_autoptr(GError) error = NULL;
        g_autofree uint8_t *blob = NULL;
        uint32_t n_bytes;
        size_t size;

        g_dbus_message_set_serial(message, 1);
        g_dbus_message_set_byte_order(message, G_DBUS_MESSAGE_BYTE_ORDER_LITTLE_ENDIAN);
        g_dbus_message_set_body(message, body);
        blob = g_dbus_message_to_blob(message, &size, G_DBUS_CAPABILITY_FLAGS_NONE, &error);
        g_assert_no_error(error);

        /* The second word of the header. */
        memcpy(&n_bytes, blob + 4, sizeof n_bytes);
        return GUINT32_FROM_LE(n_bytes);
}

static void test_wire_bytes_are_those_of_a_message(void)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(7);

        for (int i = 0; i < 20000; i++) {
                g_autoptr(GVariant) value = g_variant_ref_sink(random_value(random));

                g_assert_cmpuint(value_wire_bytes(value), ==,
                                 body_bytes(g_variant_new_tuple(&value, 1)));
        }
}

static void test_reply_bytes_bound_a_dictionary(void)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(8);

        for (int i = 0; i < 2000; i++) {
                GVariantBuilder builder;
                uint64_t bound = 8;

                g_variant_builder_init(&builder, G_VARIANT_TYPE("(a{sv})"));
                g_variant_builder_open(&builder, G_VARIANT_TYPE("a{sv}"));
                for (int j = g_rand_int_range(random, 0, 20); j > 0; j--) {
                        g_autofree char *key =
                                g_strnfill((size_t) g_rand_int_range(random, 1, 30), 'k');
                        g_autoptr(GVariant) value = g_variant_ref_sink(random_value(random));
                        g_autoptr(Entry) entry = entry_new(key, value, ENTRY_PERSISTENT);

                        g_variant_builder_add(&builder, "{sv}", key, value);
                        bound += entry_reply_bytes(entry);
                }
                g_variant_builder_close(&builder);
                g_assert_cmpuint(body_bytes(g_variant_builder_end(&builder)), <=, bound);
        }
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add_func("/value/" #test, test_##test)
        ADD(types_are_those_of_d_bus_without_descriptors);
        ADD(wire_bytes_are_those_of_a_message);
        ADD(reply_bytes_bound_a_dictionary);
        return g_test_run();
}
