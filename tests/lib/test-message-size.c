/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long messages are thought to become, held against those of another implementation
 */

#include "client/libregent/private.h"

#include "random-value.h"
#include "wire/value-size.h"

#include <gio/gio.h>
#include <string.h>

#define N_VALUES 3000

static size_t body_bytes(GVariant *tuple)
{
        g_autoptr(GDBusMessage) m = g_dbus_message_new_method_call(NULL, "/a", "a.b", "C");
        g_autofree guchar *blob = NULL;
        uint32_t n_bytes;
        gsize size;

        g_dbus_message_set_byte_order(m, G_DBUS_MESSAGE_BYTE_ORDER_LITTLE_ENDIAN);
        g_dbus_message_set_body(m, tuple);
        blob = g_dbus_message_to_blob(m, &size, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
        g_assert_nonnull(blob);
        memcpy(&n_bytes, blob + 4, sizeof(n_bytes));
        return GUINT32_FROM_LE(n_bytes);
}

static void check(GVariant *value)
{
        g_autoptr(GVariant) tuple = g_variant_ref_sink(g_variant_new("(yv)", 1, value));

        g_assert_cmpuint(wire_size_after(0, UINT64_MAX, tuple), ==, body_bytes(tuple));
        g_assert_cmpuint(wire_size_after(0, UINT64_MAX, tuple), <=,
                         MESSAGE_RATIO_MAX * (g_variant_get_size(tuple) + 8));
}

static void test_size_is_that_of_the_message(void)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(g_test_rand_int());

        for (unsigned i = 0; i < N_VALUES; i++)
                check(random_value(random));
}

static void test_size_of_what_grows_most(void)
{
        static const char *const types[] = { "ab", "a(y)", "a{yy}", "a(b)", "ax" };

        static const uint8_t zeros[96] __attribute__((aligned(8))) = {};

        for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
                check(g_variant_new_array(G_VARIANT_TYPE(types[i] + 1), NULL, 0));
                check(g_variant_new_from_data(G_VARIANT_TYPE(types[i]), zeros, sizeof zeros, FALSE,
                                              NULL, NULL));
        }
}

static void test_longest_that_goes(void)
{
        const size_t n_bytes = MESSAGE_BYTES_MAX - 8192;
        g_autofree uint8_t *bytes = g_malloc0(MESSAGE_BYTES_MAX);
        static const struct {
                const char *type;
                unsigned ratio;
        } cases[] = { { "ay", 1 }, { "ab", 4 }, { "a(y)", 8 } };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                const GVariantType *type = G_VARIANT_TYPE(cases[i].type);
                CallSpec spec = { .path = "/a", .key = "key" };

                spec.value = g_variant_new_from_data(type, bytes, n_bytes / cases[i].ratio, TRUE,
                                                     NULL, NULL);
                g_assert_false(message_is_too_long(&spec));
                g_variant_unref(spec.value);
                spec.value = g_variant_new_from_data(
                        type, bytes, MESSAGE_BYTES_MAX / cases[i].ratio, TRUE, NULL, NULL);
                g_assert_true(message_is_too_long(&spec));
                g_variant_unref(spec.value);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/message-size/random", test_size_is_that_of_the_message);
        g_test_add_func("/message-size/growing", test_size_of_what_grows_most);
        g_test_add_func("/message-size/longest", test_longest_that_goes);
        return g_test_run();
}
