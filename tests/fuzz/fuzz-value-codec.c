/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz: value codec
 *
 * The input is a byte that chooses the byte order, and the body of a message of signature "v". What
 * is read from it is in normal form and of a valid type, and comes back from another message with
 * the same bytes.
 */

#include "bus/value-codec.h"
#include "core/value.h"
#include "fuzz.h"
#include "util/auto.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_BYTES_MAX 65536u

static const char authentication[] = "\0AUTH ANONYMOUS\r\nDATA\r\nBEGIN\r\n";

/* Path "/", interface "a.b", member "C" and signature "v": the numbers are the lengths. */
static const uint8_t fields_little[] = {
        1, 1, 'o', 0, 1, 0,   0, 0, '/', 0,   0,   0, 0, 0, 0, 0, /**/
        2, 1, 's', 0, 3, 0,   0, 0, 'a', '.', 'b', 0, 0, 0, 0, 0, /**/
        3, 1, 's', 0, 1, 0,   0, 0, 'C', 0,   0,   0, 0, 0, 0, 0, /**/
        8, 1, 'g', 0, 1, 'v', 0,
};

typedef struct Peer {
        sd_bus *bus;
        int fd;
        bool is_read;
} Peer;

static void assert_round_trip(sd_bus *bus, GVariant *value)
{
        g_autoptr(sd_bus_message) m = NULL;
        g_autoptr(GVariant) again = NULL;
        g_autoptr(Entry) entry = entry_new("key", value, ENTRY_PERSISTENT);
        size_t n_elements = SIZE_MAX;

        g_assert(sd_bus_message_new_signal(bus, &m, "/", "a.b", "C") >= 0);
        g_assert(value_codec_append_entry(m, entry) == 0);
        g_assert(sd_bus_message_seal(m, 1, 0) >= 0);
        g_assert(value_codec_read(m, &n_elements, &again) == 0);
        g_assert(strcmp(g_variant_get_type_string(again), g_variant_get_type_string(value)) == 0);
        g_assert(g_variant_get_size(again) == g_variant_get_size(value));
        g_assert(g_variant_get_size(value) == 0 ||
                 memcmp(g_variant_get_data(again), g_variant_get_data(value),
                        g_variant_get_size(value)) == 0);
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *reterr_error)
{
        g_autoptr(GVariant) value = NULL;
        g_autoptr(GVariant) untrusted = NULL;
        g_autoptr(GBytes) bytes = NULL;
        Peer *peer = userdata;
        size_t n_elements = SIZE_MAX;

        (void) reterr_error;
        peer->is_read = true;
        if (value_codec_read(m, &n_elements, &value) != 0) {
                g_assert(!value);
                return 1;
        }

        g_assert(value_type_is_valid(g_variant_get_type_string(value)));
        bytes = g_variant_get_data_as_bytes(value);
        untrusted = g_variant_ref_sink(
                g_variant_new_from_bytes(g_variant_get_type(value), bytes, FALSE));
        g_assert(g_variant_is_normal_form(untrusted));
        assert_round_trip(peer->bus, value);
        return 1;
}

static void peer_open(Peer *peer)
{
        int pair[2];

        g_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
        g_assert(sd_bus_new(&peer->bus) >= 0);
        g_assert(sd_bus_set_fd(peer->bus, pair[0], pair[0]) >= 0);
        g_assert(sd_bus_set_server(peer->bus, 1, (sd_id128_t){ .bytes = { 1 } }) >= 0);
        g_assert(sd_bus_set_anonymous(peer->bus, 1) >= 0);
        g_assert(sd_bus_add_filter(peer->bus, NULL, on_message, peer) >= 0);
        g_assert(sd_bus_start(peer->bus) >= 0);
        peer->fd = pair[1];
        g_assert(write(peer->fd, authentication, sizeof authentication - 1) > 0);
}

static void put_number(GByteArray *message, bool is_big, uint32_t number)
{
        uint32_t swapped = is_big ? GUINT32_TO_BE(number) : GUINT32_TO_LE(number);

        g_byte_array_append(message, (const uint8_t *) &swapped, sizeof swapped);
}

static GByteArray *wrap(bool is_big, const uint8_t *body, size_t n_bytes)
{
        GByteArray *message = g_byte_array_new();
        const uint8_t start[] = { is_big ? 'B' : 'l', 4 /* signal */, 0, 1 };
        const uint8_t padding[8] = {};
        uint8_t fields[sizeof fields_little];

        memcpy(fields, fields_little, sizeof fields);
        for (size_t i = 0; is_big && i < 3; i++) {
                fields[16 * i + 7] = fields[16 * i + 4];
                fields[16 * i + 4] = 0;
        }

        g_byte_array_append(message, start, sizeof start);
        put_number(message, is_big, (uint32_t) n_bytes);
        put_number(message, is_big, 1);
        put_number(message, is_big, sizeof fields);
        g_byte_array_append(message, fields, sizeof fields);
        g_byte_array_append(message, padding, -message->len & 7);
        g_byte_array_append(message, body, (guint) n_bytes);
        return message;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_bytes)
{
        static Peer peer;
        g_autoptr(GByteArray) message = NULL;

        if (n_bytes == 0 || n_bytes > BODY_BYTES_MAX)
                return 0;
        if (!peer.bus)
                peer_open(&peer);

        message = wrap(input[0] & 1, input + 1, n_bytes - 1);
        g_assert(write(peer.fd, message->data, message->len) == (ssize_t) message->len);

        /* Authentication and message take a few turns; what sd-bus itself refuses ends the peer. */
        peer.is_read = false;
        for (int i = 0; i < 64 && !peer.is_read; i++)
                if (sd_bus_process(peer.bus, NULL) < 0)
                        break;
        if (!peer.is_read) {
                sd_bus_close_unref(peer.bus);
                close(peer.fd);
                peer = (Peer){};
        }
        return 0;
}
