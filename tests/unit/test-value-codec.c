/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every type of value goes through a real message and comes back with the same bytes; what cannot be
 * kept is refused by name.
 */

#include "bus/value-codec.h"

#include "core/limits.h"
#include "core/value.h"
#include "peer-bus.h"
#include "random-value.h"
#include "util/auto.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static sd_bus *bus;

static void assert_same(GVariant *got, GVariant *wanted)
{
        /* Not g_variant_equal(): a NaN must keep its payload, an empty array its type. */
        g_autoptr(GVariant) normal = g_variant_get_normal_form(wanted);

        g_assert_cmpstr(g_variant_get_type_string(got), ==, g_variant_get_type_string(normal));
        g_assert_cmpmem(g_variant_get_data(got), g_variant_get_size(got),
                        g_variant_get_data(normal), g_variant_get_size(normal));
}

static void assert_normal(GVariant *value)
{
        g_autoptr(GBytes) bytes = g_variant_get_data_as_bytes(value);
        g_autoptr(GVariant) untrusted = g_variant_ref_sink(
                g_variant_new_from_bytes(g_variant_get_type(value), bytes, FALSE));

        g_assert_true(g_variant_is_normal_form(untrusted));
}

static int read_back(sd_bus_message *m, GVariant **ret_value)
{
        size_t n_elements = SIZE_MAX;

        peer_bus_seal(m);
        return value_codec_read(m, &n_elements, ret_value);
}

/* Takes @value, floating or not. */
static void assert_round_trip(GVariant *value)
{
        g_autoptr(GVariant) owned = g_variant_take_ref(value);
        g_autoptr(sd_bus_message) m = peer_bus_message(bus);
        g_autoptr(sd_bus_message) from_entry = peer_bus_message(bus);
        g_autoptr(GVariant) normal = g_variant_get_normal_form(owned);
        g_autoptr(Entry) entry = entry_new("key", normal, ENTRY_PERSISTENT);
        g_autoptr(GVariant) first = NULL;
        g_autoptr(GVariant) second = NULL;

        g_assert_cmpint(value_codec_append(m, value), ==, 0);
        g_assert_cmpint(read_back(m, &first), ==, 0);
        assert_same(first, owned);
        assert_normal(first);
        g_assert_cmpint(sd_bus_message_at_end(m, 1), >, 0);

        g_assert_cmpint(value_codec_append_entry(from_entry, entry), ==, 0);
        g_assert_cmpint(read_back(from_entry, &second), ==, 0);
        assert_same(second, owned);
        g_assert_cmpint(sd_bus_message_at_end(from_entry, 1), >, 0);
}

static const char *const every_type[] = {
        "true",
        "false",
        "byte 255",
        "int16 -32768",
        "uint16 65535",
        "-2147483648",
        "uint32 4294967295",
        "int64 -9223372036854775808",
        "uint64 18446744073709551615",
        "1.5",
        "''",
        "'text'",
        "'ünï\xf0\x9f\x90\x89'",
        "objectpath '/'",
        "objectpath '/a/b_1'",
        "signature ''",
        "signature 'a{sv}(ii)'",
        "@ab []",
        "[true, false, true]",
        "@ay []",
        "@an []",
        "@ax []",
        "@ad []",
        "[byte 1, 2, 3]",
        "[int16 1, -2]",
        "[int64 1, -2]",
        "@as []",
        "['', 'a', 'bc']",
        "@ao ['/', '/a']",
        "@ag ['', 'i', '']",
        "@av []",
        "[<1>, <'a'>, <@as []>]",
        "<1>",
        "<<<byte 1>>>",
        "(byte 1, 'a', int64 2)",
        "(1, byte 2)",
        "(byte 1, 2)",
        "('a', 'b', byte 3)",
        "(('a', 1), <(byte 1,)>, 'z')",
        "@a(iy) []",
        "[(1, byte 2), (3, byte 4)]",
        "[(byte 1, 'a'), (byte 2, '')]",
        "@a{sv} {}",
        "{'a': <1>, 'b': <@a{sv} {}>}",
        "{byte 1: 'a'}",
        "{int64 1: byte 2, 3: 4}",
        "{'same': 1, 'same': 2}",
        "@aas [[], ['a'], []]",
        "@aai [[], [1], [], [2, 3]]",
        "@aab [[], [true]]",
        "@a{sa{sa(ysv)}} {'x': {'y': [(byte 1, 's', <[<'deep'>]>)]}}",
};

static void test_every_type_round_trips(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(every_type); i++) {
                g_autoptr(GError) error = NULL;
                GVariant *value = g_variant_parse(NULL, every_type[i], NULL, NULL, &error);

                g_assert_no_error(error);
                assert_round_trip(value);
        }
}

static void test_doubles_keep_their_bits(void)
{
        static const uint64_t patterns[] = {
                0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000001, 0xfff8deadbeef0001,
                0x7ff0000000000001, 0x8000000000000000, 0x0000000000000001, 0x000fffffffffffff,
        };

        for (size_t i = 0; i < G_N_ELEMENTS(patterns); i++)
                assert_round_trip(g_variant_new_from_data(G_VARIANT_TYPE_DOUBLE, &patterns[i], 8,
                                                          TRUE, NULL, NULL));
        assert_round_trip(g_variant_new_from_data(G_VARIANT_TYPE("ad"), patterns, sizeof patterns,
                                                  TRUE, NULL, NULL));
}

static void test_offsets_of_every_width_round_trip(void)
{
        /* The container of one string whose size meets each place where offsets get wider. */
        static const size_t sizes[] = { 250,   251,   252,   253,   254,   255,
                                        256,   257,   65526, 65530, 65531, 65532,
                                        65533, 65534, 65535, 65536, 65537 };

        for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
                g_autofree char *text = g_strnfill(sizes[i], 'x');
                const char *strings[] = { text, "", NULL };

                assert_round_trip(g_variant_new_strv(strings, 1));
                assert_round_trip(g_variant_new_strv(strings, 2));
                assert_round_trip(g_variant_new("(ss)", text, "a"));
                assert_round_trip(g_variant_new("(sys)", text, 1, "a"));
                assert_round_trip(g_variant_new_variant(g_variant_new_string(text)));
        }
}

static void test_a_mebibyte_round_trips(void)
{
        g_autofree uint8_t *bytes = g_malloc(LIMIT_MIB);

        for (size_t i = 0; i < LIMIT_MIB; i++)
                bytes[i] = (uint8_t) (i * 7 + (i >> 8));

        assert_round_trip(g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bytes, LIMIT_MIB, 1));
        for (size_t i = 0; i < LIMIT_MIB; i++)
                bytes[i] &= 1;
        assert_round_trip(g_variant_new_fixed_array(G_VARIANT_TYPE_BOOLEAN, bytes, LIMIT_MIB, 1));
}

static void test_random_values_round_trip(void)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(20);

        for (int i = 0; i < 20000; i++)
                assert_round_trip(random_value(random));
}

static GVariant *wrap_in_dictionary(GVariant *value)
{
        GVariant *entry = g_variant_new_dict_entry(g_variant_new_string("k"), value);

        return g_variant_new_array(NULL, &entry, 1);
}

/* @n containers around a number; of '{', dictionaries and the variants that are their values. */
static GVariant *nest(const char *wrap, unsigned n)
{
        GVariant *value = g_variant_new_int32(1);

        for (unsigned i = 0; i < n; i++) {
                if (*wrap == '(')
                        value = g_variant_new_tuple(&value, 1);
                else if (*wrap == 'a')
                        value = g_variant_new_array(NULL, &value, 1);
                else if (*wrap == '{' && i % 2 == 1)
                        value = wrap_in_dictionary(value);
                else
                        value = g_variant_new_variant(value);
        }

        return value;
}

/* Around what sd-bus can still sign: it takes 32 arrays or structs in one signature. */
static int read_nested(const char *wrap, unsigned n_outer, unsigned n_inner)
{
        g_autoptr(GVariant) value = NULL;
        g_autoptr(GVariant) read = NULL;
        g_autoptr(sd_bus_message) m = peer_bus_message(bus);
        GVariant *inner = nest(wrap, n_inner);

        if (n_outer > 0) {
                inner = g_variant_new_variant(inner);
                for (unsigned i = 1; i < n_outer; i++)
                        inner = *wrap == '(' ? g_variant_new_tuple(&inner, 1)
                                             : g_variant_new_array(NULL, &inner, 1);
        }
        value = g_variant_ref_sink(inner);
        g_assert_cmpint(value_codec_append(m, value), ==, 0);
        return read_back(m, &read);
}

static void test_depth_of_32_is_taken_and_33_refused(void)
{
        g_assert_cmpint(read_nested("v", 0, 32), ==, 0);
        g_assert_cmpint(read_nested("v", 0, 33), ==, VALUE_CODEC_E_TOO_DEEP);
        g_assert_cmpint(read_nested("v", 0, 60), ==, VALUE_CODEC_E_TOO_DEEP);
        g_assert_cmpint(read_nested("a", 0, 32), ==, 0);
        g_assert_cmpint(read_nested("a", 1, 31), ==, 0);
        g_assert_cmpint(read_nested("a", 1, 32), ==, VALUE_CODEC_E_TOO_DEEP);
        g_assert_cmpint(read_nested("a", 16, 17), ==, VALUE_CODEC_E_TOO_DEEP);
        g_assert_cmpint(read_nested("(", 0, 32), ==, 0);
        g_assert_cmpint(read_nested("(", 8, 24), ==, 0);
        g_assert_cmpint(read_nested("(", 8, 25), ==, VALUE_CODEC_E_TOO_DEEP);
        g_assert_cmpint(read_nested("{", 0, 32), ==, 0);
        g_assert_cmpint(read_nested("{", 0, 33), ==, VALUE_CODEC_E_TOO_DEEP);
        g_assert_cmpint(read_nested("{", 0, 34), ==, VALUE_CODEC_E_TOO_DEEP);
}

static int read_empty(const char *type)
{
        g_autoptr(sd_bus_message) m = peer_bus_message(bus);
        g_autoptr(GVariant) value = NULL;

        g_assert_cmpint(sd_bus_message_open_container(m, 'v', type), >=, 0);
        g_assert_cmpint(sd_bus_message_open_container(m, 'a', type + 1), >=, 0);
        g_assert_cmpint(sd_bus_message_close_container(m), >=, 0);
        g_assert_cmpint(sd_bus_message_close_container(m), >=, 0);
        return read_back(m, &value);
}

static void test_dictionaries_no_message_could_carry_are_refused(void)
{
        g_autoptr(GString) type = g_string_new("a");
        g_autofree char *deep = NULL, *deeper = NULL;

        /* An array and an entry each: 54 containers and 56. */
        for (int i = 0; i < 27; i++)
                g_string_prepend(type, "a{s");
        g_string_truncate(type, type->len - 1);
        deep = g_strdup_printf("%si%s", type->str, "}}}}}}}}}}}}}}}}}}}}}}}}}}}");
        deeper = g_strdup_printf("a{s%s}", deep);

        g_assert_cmpint(read_empty(deep), ==, 0);
        g_assert_cmpint(read_empty(deeper), ==, VALUE_CODEC_E_TOO_DEEP);
}

static void test_descriptors_are_refused_wherever_they_are(void)
{
        static const char *const empty[] = { "ah", "aah", "a(ih)", "a{sh}", "a{s(ah)}" };
        g_autoptr(sd_bus_message) plain = peer_bus_message(bus);
        g_autoptr(sd_bus_message) inside = peer_bus_message(bus);
        g_autoptr(GVariant) value = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(empty); i++)
                g_assert_cmpint(read_empty(empty[i]), ==, VALUE_CODEC_E_DESCRIPTOR);

        g_assert_cmpint(sd_bus_message_append(plain, "v", "(ih)", 1, STDIN_FILENO), >=, 0);
        g_assert_cmpint(read_back(plain, &value), ==, VALUE_CODEC_E_DESCRIPTOR);

        g_assert_cmpint(sd_bus_message_append(inside, "v", "a{sv}", 2, "a", "i", 1, "b", "av", 1,
                                              "h", STDIN_FILENO),
                        >=, 0);
        g_assert_cmpint(read_back(inside, &value), ==, VALUE_CODEC_E_DESCRIPTOR);
        g_assert_null(value);
}

static void test_oversized_values_are_refused(void)
{
        g_autoptr(sd_bus_message) block = peer_bus_message(bus);
        g_autoptr(sd_bus_message) strings = peer_bus_message(bus);
        g_autoptr(GVariant) value = NULL;
        void *space;

        g_assert_cmpint(sd_bus_message_open_container(block, 'v', "ay"), >=, 0);
        g_assert_cmpint(
                sd_bus_message_append_array_space(block, 'y', VALUE_CODEC_BYTES_MAX + 1, &space),
                >=, 0);
        memset(space, 0, VALUE_CODEC_BYTES_MAX + 1);
        g_assert_cmpint(sd_bus_message_close_container(block), >=, 0);
        g_assert_cmpint(read_back(block, &value), ==, VALUE_CODEC_E_TOO_BIG);

        /* The offsets count too: 5 bytes a string, though a message takes but 2 for "ag". */
        g_assert_cmpint(sd_bus_message_open_container(strings, 'v', "ag"), >=, 0);
        g_assert_cmpint(sd_bus_message_open_container(strings, 'a', "g"), >=, 0);
        for (unsigned i = 0; i < VALUE_CODEC_BYTES_MAX / 5 + 1; i++)
                g_assert_cmpint(sd_bus_message_append_basic(strings, 'g', ""), >=, 0);
        g_assert_cmpint(sd_bus_message_close_container(strings), >=, 0);
        g_assert_cmpint(sd_bus_message_close_container(strings), >=, 0);
        g_assert_cmpint(read_back(strings, &value), ==, VALUE_CODEC_E_TOO_BIG);
}

static void test_elements_are_counted(void)
{
        g_autoptr(sd_bus_message) m = peer_bus_message(bus);
        g_autoptr(GVariant) value = NULL;
        size_t n_elements =
                6; /* the struct, the array of strings and two of them, a block, a byte */

        g_assert_cmpint(sd_bus_message_append(m, "v", "(asaiy)", 2, "a", "b", 3, 1, 2, 3, 7), >=,
                        0);
        peer_bus_seal(m);
        g_assert_cmpint(value_codec_read(m, &n_elements, &value), ==, 0);
        g_assert_cmpuint(n_elements, ==, 0);

        g_assert_cmpint(sd_bus_message_rewind(m, true), >=, 0);
        g_clear_pointer(&value, g_variant_unref);
        n_elements = 5;
        g_assert_cmpint(value_codec_read(m, &n_elements, &value), ==, VALUE_CODEC_E_TOO_MANY);
        g_assert_null(value);
}

static void test_other_arguments_are_refused(void)
{
        g_autoptr(sd_bus_message) string = peer_bus_message(bus);
        g_autoptr(sd_bus_message) nothing = peer_bus_message(bus);
        g_autoptr(GVariant) value = NULL;

        g_assert_cmpint(sd_bus_message_append(string, "s", "text"), >=, 0);
        g_assert_cmpint(read_back(string, &value), ==, -EBADMSG);
        g_assert_cmpint(read_back(nothing, &value), ==, -EBADMSG);
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *reterr_error G_GNUC_UNUSED)
{
        size_t n_elements = SIZE_MAX;

        g_assert_cmpint(value_codec_read(m, &n_elements, userdata), ==, 0);
        return 1;
}

/* Sends @value as another D-Bus library writes it, in either byte order. */
static void assert_read_from_wire(GVariant *value, GDBusMessageByteOrder order)
{
        g_autoptr(GVariant) owned = g_variant_ref_sink(value);
        g_autoptr(GDBusMessage) message = g_dbus_message_new_method_call(NULL, "/", "a.b", "C");
        g_autoptr(GVariant) read = NULL;
        g_autoptr(sd_bus) peer = NULL;
        g_autofree uint8_t *blob = NULL;
        g_autoptr(GError) error = NULL;
        size_t size;
        int fd;

        peer = peer_bus_new_raw(&fd);
        g_assert_cmpint(sd_bus_add_filter(peer, NULL, on_message, &read), >=, 0);

        g_dbus_message_set_body(message, g_variant_new("(v)", owned));
        g_dbus_message_set_byte_order(message, order);
        g_dbus_message_set_serial(message, 1);
        blob = g_dbus_message_to_blob(message, &size, G_DBUS_CAPABILITY_FLAGS_NONE, &error);
        g_assert_no_error(error);
        g_assert_cmpint(write(fd, blob, size), ==, (ssize_t) size);

        for (int i = 0; i < 100 && !read; i++)
                g_assert_cmpint(sd_bus_process(peer, NULL), >=, 0);
        g_assert_nonnull(read);
        assert_same(read, owned);
        close(fd);
}

static void test_other_libraries_and_byte_orders_are_read(void)
{
        static const char *const texts[] = {
                "int16 -2",
                "uint64 12345678901234567890",
                "1.25",
                "[1, 2, 3]",
                "[byte 1, 2]",
                "[int64 5, 6]",
                "[1.5, 2.5]",
                "@au []",
                "[true, false]",
                "(byte 1, 2)",
                "['a', 'bc']",
                "{'k': <[int16 1, 2]>}",
                "[(byte 1, 'x')]",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                assert_read_from_wire(g_variant_new_parsed(texts[i]),
                                      G_DBUS_MESSAGE_BYTE_ORDER_LITTLE_ENDIAN);
                assert_read_from_wire(g_variant_new_parsed(texts[i]),
                                      G_DBUS_MESSAGE_BYTE_ORDER_BIG_ENDIAN);
        }
}

int main(int argc, char *argv[])
{
        int fd;

        g_test_init(&argc, &argv, NULL);
        bus = peer_bus_new(&fd);

#define ADD(test) g_test_add_func("/value-codec/" #test, test_##test)
        ADD(every_type_round_trips);
        ADD(doubles_keep_their_bits);
        ADD(offsets_of_every_width_round_trip);
        ADD(a_mebibyte_round_trips);
        ADD(random_values_round_trip);
        ADD(depth_of_32_is_taken_and_33_refused);
        ADD(dictionaries_no_message_could_carry_are_refused);
        ADD(descriptors_are_refused_wherever_they_are);
        ADD(oversized_values_are_refused);
        ADD(elements_are_counted);
        ADD(other_arguments_are_refused);
        ADD(other_libraries_and_byte_orders_are_read);
        argc = g_test_run();
        sd_bus_close_unref(bus);
        close(fd);
        return argc;
}
