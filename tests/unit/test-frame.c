/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames come back as they were written; sd-bus reads what is written here, and what sd-bus writes is read here. What is
 * cut off or no frame is refused.
 */

#include "peer-bus.h"
#include "util/auto.h"
#include "wire/frame.h"

#include <string.h>
#include <unistd.h>

#define N_ROUNDS    2000
#define ARRAY_MAX   4
#define RECEIVE_MAX 4096

/* What a message is made of here: "sva{sv}ut". */
typedef struct Content {
        WireFrame frame;
        char *text;
        GVariant *value;
        GPtrArray *keys, *values;
        uint32_t number;
        uint64_t revision;
} Content;

#define SIGNATURE "sva{sv}ut"

static char *random_text(GRand *random)
{
        gint32 n = g_rand_int_range(random, 0, 20);
        char *text = g_malloc0((gsize) n + 1);

        for (gint32 i = 0; i < n; i++)
                text[i] = (char) g_rand_int_range(random, 1, 0x80);
        return text;
}

static uint64_t random_number(GRand *random)
{
        return (uint64_t) g_rand_int(random) << 32 | g_rand_int(random);
}

static GVariant *random_plain(GRand *random)
{
        static const char types[] = "ynqiuxtdbs";
        const char type[] = { types[g_rand_int_range(random, 0, sizeof types - 1)], '\0' };
        uint64_t number = random_number(random);
        g_autoptr(GBytes) bytes = NULL;
        g_autofree char *text = NULL;
        size_t n_bytes;

        if (*type == 'b')
                return g_variant_new_boolean(number & 1);
        if (*type == 's') {
                text = random_text(random);
                return g_variant_new_string(text);
        }

        n_bytes = *type == 'y' ? 1 : strchr("nq", *type) ? 2 : strchr("iu", *type) ? 4 : 8;
        bytes = g_bytes_new(&number, n_bytes);
        return g_variant_new_from_bytes(G_VARIANT_TYPE(type), bytes, true);
}

static void value_unref(gpointer value)
{
        g_variant_unref(value);
}

static void content_init(Content *content, GRand *random)
{
        gint32 n = g_rand_int_range(random, 0, ARRAY_MAX + 1);

        *content = (Content){
                .frame = {
                        .type = WIRE_FRAME_CALL,
                        .flags = WIRE_FRAME_INTERACTIVE,
                        .serial = g_rand_int(random) | 1,
                        .path = g_rand_boolean(random) ? "/" : "/org/example/Path",
                        .interface_name = "org.example.Interface",
                        .member = g_rand_boolean(random) ? "M" : "Member",
                        .signature = SIGNATURE,
                },
                .text = random_text(random),
                .value = g_variant_ref_sink(random_plain(random)),
                .keys = g_ptr_array_new_with_free_func(g_free),
                .values = g_ptr_array_new_with_free_func(value_unref),
                .number = g_rand_int(random),
                .revision = random_number(random),
        };
        for (gint32 i = 0; i < n; i++) {
                g_ptr_array_add(content->keys, random_text(random));
                g_ptr_array_add(content->values, g_variant_ref_sink(random_plain(random)));
        }
}

static void content_clear(Content *content)
{
        g_free(content->text);
        g_variant_unref(content->value);
        g_ptr_array_unref(content->keys);
        g_ptr_array_unref(content->values);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Content, content_clear)

static void write_content(const Content *content, WireBytes *bytes)
{
        size_t array;

        wire_bytes_begin(bytes, &content->frame);
        wire_put_string(bytes, content->text);
        wire_put_value(bytes, content->value);
        array = wire_put_array(bytes, 8);
        for (guint i = 0; i < content->keys->len; i++) {
                wire_put_alignment(bytes, 8);
                wire_put_string(bytes, content->keys->pdata[i]);
                wire_put_value(bytes, content->values->pdata[i]);
        }
        wire_end_array(bytes, array, 8);
        wire_put_uint32(bytes, content->number);
        wire_put_uint64(bytes, content->revision);
        g_assert_true(wire_bytes_end(bytes));
}

static void assert_same(GVariant *got, GVariant *wanted)
{
        g_assert_nonnull(got);
        g_assert_cmpstr(g_variant_get_type_string(got), ==, g_variant_get_type_string(wanted));
        g_assert_cmpmem(g_variant_get_data(got), g_variant_get_size(got),
                        g_variant_get_data(wanted), g_variant_get_size(wanted));
}

static void assert_body(const WireFrame *frame, const Content *content)
{
        g_autoptr(GVariant) value = NULL;
        WireCursor cursor;
        size_t end;
        guint n = 0;

        wire_cursor_init(&cursor, frame);
        g_assert_cmpstr(wire_get_string(&cursor), ==, content->text);
        value = wire_get_value(&cursor);
        assert_same(value, content->value);
        end = wire_get_array(&cursor, 8);
        for (; wire_array_goes_on(&cursor, end, 8); n++) {
                g_autoptr(GVariant) element = NULL;

                g_assert_cmpuint(n, <, content->keys->len);
                g_assert_cmpstr(wire_get_string(&cursor), ==, content->keys->pdata[n]);
                element = wire_get_value(&cursor);
                assert_same(element, content->values->pdata[n]);
        }
        g_assert_cmpuint(n, ==, content->keys->len);
        g_assert_cmpuint(wire_get_uint32(&cursor), ==, content->number);
        g_assert_false(wire_cursor_end(&cursor));
        g_assert_cmpuint(wire_get_uint64(&cursor), ==, content->revision);
        g_assert_true(wire_cursor_end(&cursor));
}

static void assert_frame(const uint8_t *bytes, size_t n_bytes, const Content *content)
{
        WireFrame frame;

        g_assert_true(wire_frame_read(bytes, n_bytes, &frame));
        g_assert_cmpuint(frame.n_bytes, ==, n_bytes);
        g_assert_cmpuint(wire_frame_size(bytes), ==, n_bytes);
        g_assert_cmpuint(frame.type, ==, content->frame.type);
        g_assert_cmpstr(frame.path, ==, content->frame.path);
        g_assert_cmpstr(frame.interface_name, ==, content->frame.interface_name);
        g_assert_cmpstr(frame.member, ==, content->frame.member);
        g_assert_cmpstr(frame.signature, ==, SIGNATURE);
        g_assert_null(frame.error_name);
        assert_body(&frame, content);
}

/* Alone in its memory, so that a sanitizer sees what is read beyond it. */
static bool is_frame(const uint8_t *bytes, size_t n_bytes)
{
        g_autofree uint8_t *copy = g_memdup2(bytes, n_bytes);
        WireFrame frame;

        return wire_frame_read(copy, n_bytes, &frame);
}

static void test_round_trip_comes_back_and_what_is_cut_off_is_refused(void)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(6);

        for (int i = 0; i < N_ROUNDS; i++) {
                g_auto(Content) content = {};
                WireBytes bytes;

                content_init(&content, random);
                write_content(&content, &bytes);
                assert_frame(bytes.bytes, bytes.n_bytes, &content);
                for (size_t n = 0; i < 20 && n < bytes.n_bytes; n++)
                        g_assert_false(is_frame(bytes.bytes, n));
        }
}

static void test_one_bit_that_differs_never_leads_outside(void)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(7);
        g_auto(Content) content = {};
        WireBytes bytes;

        content_init(&content, random);
        write_content(&content, &bytes);
        for (size_t bit = 0; bit < 8 * bytes.n_bytes; bit++) {
                g_autofree uint8_t *copy = g_memdup2(bytes.bytes, bytes.n_bytes);
                g_autoptr(GVariant) value = NULL;
                WireCursor cursor;
                WireFrame frame;

                copy[bit / 8] ^= (uint8_t) (1u << bit % 8);
                if (!wire_frame_read(copy, bytes.n_bytes, &frame))
                        continue;
                wire_cursor_init(&cursor, &frame);
                (void) wire_get_string(&cursor);
                value = wire_get_value(&cursor);
                for (size_t end = wire_get_array(&cursor, 8); wire_array_goes_on(&cursor, end, 8);)
                        (void) wire_get_text(&cursor);
        }
}

static void test_what_is_too_long_is_not_written(void)
{
        const WireFrame frame = {
                .type = WIRE_FRAME_RETURN, .serial = 1, .reply_serial = 2, .signature = "s"
        };
        char text[WIRE_FRAME_BYTES_MAX + 1];
        bool is_written = true;

        memset(text, 'x', sizeof text);
        for (size_t n = 0; n < sizeof text; n++) {
                WireBytes bytes;

                text[n] = '\0';
                wire_bytes_begin(&bytes, &frame);
                wire_put_string(&bytes, text);
                g_assert_true(is_written || !wire_bytes_end(&bytes));
                is_written = wire_bytes_end(&bytes);
                g_assert_cmpint(is_written, ==, bytes.body_at + 4 + n + 1 <= WIRE_FRAME_BYTES_MAX);
                text[n] = 'x';
        }
        g_assert_false(is_written);
}

/* A connection that has greeted, with nothing more to be read at the other end. */
static sd_bus *greeted_bus(int *ret_fd)
{
        uint8_t ignored[RECEIVE_MAX];
        sd_bus *bus = peer_bus_new_raw(ret_fd);

        while (sd_bus_is_ready(bus) <= 0)
                g_assert_cmpint(sd_bus_process(bus, NULL), >=, 0);
        while (sd_bus_process(bus, NULL) > 0)
                ;
        g_assert_cmpint(read(*ret_fd, ignored, sizeof ignored), >, 0);
        return bus;
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *reterr)
{
        (void) reterr;
        *(sd_bus_message **) userdata = sd_bus_message_ref(m);
        return 1;
}

static sd_bus_message *receive(sd_bus *bus, int fd, const WireBytes *bytes)
{
        sd_bus_message *m = NULL;
        sd_bus_slot *slot;

        g_assert_cmpint(write(fd, bytes->bytes, bytes->n_bytes), ==, bytes->n_bytes);
        g_assert_cmpint(sd_bus_add_filter(bus, &slot, on_message, &m), >=, 0);
        while (!m)
                g_assert_cmpint(sd_bus_process(bus, NULL), >, 0);
        sd_bus_slot_unref(slot);
        return m;
}

static void assert_basic(sd_bus_message *m, GVariant *wanted)
{
        const char *type = g_variant_get_type_string(wanted);
        uint64_t number = 0;
        const char *text;
        int truth;

        g_assert_cmpint(sd_bus_message_enter_container(m, 'v', type), >, 0);
        if (*type == 's') {
                g_assert_cmpint(sd_bus_message_read_basic(m, 's', (void *) &text), >, 0);
                g_assert_cmpstr(text, ==, g_variant_get_string(wanted, NULL));
        } else if (*type == 'b') {
                g_assert_cmpint(sd_bus_message_read_basic(m, 'b', &truth), >, 0);
                g_assert_cmpint(truth, ==, g_variant_get_boolean(wanted));
        } else {
                g_assert_cmpint(sd_bus_message_read_basic(m, *type, &number), >, 0);
                g_assert_cmpmem(&number, g_variant_get_size(wanted), g_variant_get_data(wanted),
                                g_variant_get_size(wanted));
        }
        g_assert_cmpint(sd_bus_message_exit_container(m), >, 0);
}

static void assert_message(sd_bus_message *m, const Content *content)
{
        const char *text;
        uint32_t number;
        uint64_t revision, cookie;

        g_assert_cmpint(sd_bus_message_is_method_call(m, content->frame.interface_name,
                                                      content->frame.member),
                        >, 0);
        g_assert_cmpstr(sd_bus_message_get_path(m), ==, content->frame.path);
        g_assert_cmpint(sd_bus_message_get_cookie(m, &cookie), >=, 0);
        g_assert_cmpuint(cookie, ==, content->frame.serial);
        g_assert_cmpint(sd_bus_message_get_allow_interactive_authorization(m), >, 0);
        g_assert_cmpint(sd_bus_message_read(m, "s", &text), >, 0);
        g_assert_cmpstr(text, ==, content->text);
        assert_basic(m, content->value);
        g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "{sv}"), >=, 0);
        for (guint i = 0; i < content->keys->len; i++) {
                g_assert_cmpint(sd_bus_message_enter_container(m, 'e', "sv"), >, 0);
                g_assert_cmpint(sd_bus_message_read(m, "s", &text), >, 0);
                g_assert_cmpstr(text, ==, content->keys->pdata[i]);
                assert_basic(m, content->values->pdata[i]);
                g_assert_cmpint(sd_bus_message_exit_container(m), >, 0);
        }
        g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
        g_assert_cmpint(sd_bus_message_read(m, "ut", &number, &revision), >, 0);
        g_assert_cmpuint(number, ==, content->number);
        g_assert_cmpuint(revision, ==, content->revision);
        g_assert_cmpint(sd_bus_message_at_end(m, 1), >, 0);
}

static void test_sd_bus_reads_what_is_written(void)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(8);
        int fd;
        sd_bus *bus = greeted_bus(&fd);

        for (int i = 0; i < N_ROUNDS; i++) {
                g_autoptr(sd_bus_message) m = NULL;
                g_auto(Content) content = {};
                WireBytes bytes;

                content_init(&content, random);
                write_content(&content, &bytes);
                m = receive(bus, fd, &bytes);
                assert_message(m, &content);
        }
        sd_bus_close_unref(bus);
        close(fd);
}

static void test_sd_bus_reads_errors_that_are_written(void)
{
        const WireFrame frame = { .type = WIRE_FRAME_ERROR,
                                  .serial = 1,
                                  .reply_serial = 1000,
                                  .error_name = "org.example.Error",
                                  .signature = "s" };
        g_autoptr(sd_bus_message) m = NULL;
        WireFrame again;
        WireCursor cursor;
        WireBytes bytes;
        int fd;
        sd_bus *bus = greeted_bus(&fd);

        wire_bytes_begin(&bytes, &frame);
        wire_put_string(&bytes, "gr\xc3\xbc\xc3\x9f");
        g_assert_true(wire_bytes_end(&bytes));
        m = receive(bus, fd, &bytes);
        g_assert_cmpint(sd_bus_message_is_method_error(m, "org.example.Error"), >, 0);
        g_assert_cmpstr(sd_bus_message_get_error(m)->message, ==, "gr\xc3\xbc\xc3\x9f");

        g_assert_true(wire_frame_read(bytes.bytes, bytes.n_bytes, &again));
        g_assert_cmpstr(again.error_name, ==, "org.example.Error");
        g_assert_cmpuint(again.reply_serial, ==, 1000);
        wire_cursor_init(&cursor, &again);
        g_assert_cmpstr(wire_get_text(&cursor), ==, "gr\xc3\xbc\xc3\x9f");
        g_assert_true(wire_cursor_end(&cursor));
        wire_cursor_init(&cursor, &again);
        g_assert_cmpstr(wire_get_string(&cursor), ==, "");
        g_assert_false(wire_cursor_end(&cursor));
        sd_bus_close_unref(bus);
        close(fd);
}

static void append_basic(sd_bus_message *m, GVariant *value)
{
        const char *type = g_variant_get_type_string(value);
        const void *bytes = g_variant_get_data(value);
        int truth;

        g_assert_cmpint(sd_bus_message_open_container(m, 'v', type), >=, 0);
        if (*type == 'b') {
                truth = g_variant_get_boolean(value);
                bytes = &truth;
        }
        g_assert_cmpint(sd_bus_message_append_basic(m, *type, bytes), >=, 0);
        g_assert_cmpint(sd_bus_message_close_container(m), >=, 0);
}

static sd_bus_message *new_message(sd_bus *bus, const Content *content)
{
        sd_bus_message *m;

        g_assert_cmpint(sd_bus_message_new_method_call(bus, &m, NULL, content->frame.path,
                                                       content->frame.interface_name,
                                                       content->frame.member),
                        >=, 0);
        g_assert_cmpint(sd_bus_message_append(m, "s", content->text), >=, 0);
        append_basic(m, content->value);
        g_assert_cmpint(sd_bus_message_open_container(m, 'a', "{sv}"), >=, 0);
        for (guint i = 0; i < content->keys->len; i++) {
                g_assert_cmpint(sd_bus_message_open_container(m, 'e', "sv"), >=, 0);
                g_assert_cmpint(sd_bus_message_append(m, "s", content->keys->pdata[i]), >=, 0);
                append_basic(m, content->values->pdata[i]);
                g_assert_cmpint(sd_bus_message_close_container(m), >=, 0);
        }
        g_assert_cmpint(sd_bus_message_close_container(m), >=, 0);
        g_assert_cmpint(sd_bus_message_append(m, "ut", content->number, content->revision), >=, 0);
        return m;
}

static void test_what_sd_bus_writes_is_read(void)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(9);
        int fd;
        sd_bus *bus = greeted_bus(&fd);

        for (int i = 0; i < N_ROUNDS; i++) {
                g_autoptr(sd_bus_message) m = NULL;
                g_auto(Content) content = {};
                uint8_t bytes[RECEIVE_MAX];
                ssize_t n;

                content_init(&content, random);
                m = new_message(bus, &content);
                g_assert_cmpint(sd_bus_send(bus, m, NULL), >=, 0);
                n = read(fd, bytes, sizeof bytes);
                g_assert_cmpint(n, >, 0);
                assert_frame(bytes, (size_t) n, &content);
        }
        sd_bus_close_unref(bus);
        close(fd);
}

static void test_size_of_what_is_no_frame_is_none(void)
{
        static const uint8_t frame[] = {
                WIRE_FRAME_BYTE_ORDER, 2, 0, 1, 8, 0, 0, 0, 1, 0, 0, 0, 13, 0, 0, 0
        };
        uint8_t bytes[sizeof frame];

        if (G_BYTE_ORDER != G_LITTLE_ENDIAN)
                return;

        g_assert_cmpuint(wire_frame_size(frame), ==, 16 + 16 + 8);
        for (size_t i = 0; i < sizeof frame; i++) {
                memcpy(bytes, frame, sizeof bytes);
                bytes[i] = i == 8 ? 0 : 0xff;
                if (i == 0 || i == 3 || i == 7 || i == 8 || i == 15)
                        g_assert_cmpuint(wire_frame_size(bytes), ==, 0);
                else
                        g_assert_cmpuint(wire_frame_size(bytes), >=, 16 + 16 + 8);
        }
}

/* To sd-bus a reply to none is no message. */
static void test_reply_to_none(void)
{
        static const uint8_t field[] = { WIRE_FIELD_REPLY_SERIAL, 1, 'u', 0, 7, 0, 0, 0 };
        const WireFrame given = { .type = WIRE_FRAME_RETURN, .serial = 1, .reply_serial = 7 };
        WireFrame frame;
        WireBytes bytes;
        uint8_t *at;

        wire_bytes_begin(&bytes, &given);
        g_assert_true(wire_bytes_end(&bytes));
        g_assert_true(wire_frame_read(bytes.bytes, bytes.n_bytes, &frame));
        g_assert_cmpuint(frame.reply_serial, ==, 7);

        at = memmem(bytes.bytes, bytes.n_bytes, field, sizeof field);
        g_assert_nonnull(at);
        at[4] = 0;
        g_assert_false(wire_frame_read(bytes.bytes, bytes.n_bytes, &frame));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/frame/round-trip",
                        test_round_trip_comes_back_and_what_is_cut_off_is_refused);
        g_test_add_func("/frame/one-bit", test_one_bit_that_differs_never_leads_outside);
        g_test_add_func("/frame/too-long", test_what_is_too_long_is_not_written);
        g_test_add_func("/frame/sd-bus-reads", test_sd_bus_reads_what_is_written);
        g_test_add_func("/frame/sd-bus-reads-errors", test_sd_bus_reads_errors_that_are_written);
        g_test_add_func("/frame/sd-bus-writes", test_what_sd_bus_writes_is_read);
        g_test_add_func("/frame/size", test_size_of_what_is_no_frame_is_none);
        g_test_add_func("/frame/reply-to-none", test_reply_to_none);
        return g_test_run();
}
