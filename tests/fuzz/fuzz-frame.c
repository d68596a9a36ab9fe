/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz: frame
 *
 * The input is a message as it lies in a socket. What is read of it here is what sd-bus reads, where that takes it.
 */

#include "fuzz.h"
#include "wire/frame.h"

#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define FRAME_MAX 65536u

static const char authentication[] = "\0AUTH ANONYMOUS\r\nDATA\r\nBEGIN\r\n";

typedef struct Peer {
        sd_bus *bus;
        int fd;
        const WireFrame *frame; /* that is sent */
        bool is_read;
} Peer;

/* Each member of the body, the same in both; until one that is not known here, or not right. */
static void assert_same_body(sd_bus_message *m, const WireFrame *frame)
{
        WireCursor cursor;

        wire_cursor_init(&cursor, frame);
        for (const char *type = frame->signature; *type != '\0' && strchr("stu", *type); type++) {
                const char *text = NULL, *own_text = NULL;
                uint64_t number = 0, own_number = 0;
                int r;

                if (*type == 's') {
                        own_text = wire_get_text(&cursor);
                        r = sd_bus_message_read_basic(m, *type, (void *) &text);
                } else {
                        own_number =
                                *type == 't' ? wire_get_uint64(&cursor) : wire_get_uint32(&cursor);
                        r = sd_bus_message_read_basic(m, *type, &number);
                }
                g_assert(cursor.is_broken || r > 0 || *type == 's');
                if (cursor.is_broken || r <= 0)
                        return;
                g_assert(g_strcmp0(text, own_text) == 0 && number == own_number);
        }
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *reterr_error)
{
        Peer *peer = userdata;
        const WireFrame *frame = peer->frame;
        uint64_t cookie = 0, reply_cookie = 0;
        uint8_t type = 0;

        (void) reterr_error;
        if (peer->is_read)
                return 1;
        peer->is_read = true;
        g_assert(sd_bus_message_get_type(m, &type) >= 0 && type == frame->type);
        g_assert(sd_bus_message_get_cookie(m, &cookie) >= 0 && cookie == frame->serial);
        if (frame->reply_serial != 0)
                g_assert(sd_bus_message_get_reply_cookie(m, &reply_cookie) >= 0 &&
                         reply_cookie == frame->reply_serial);
        g_assert(g_strcmp0(sd_bus_message_get_path(m), frame->path) == 0);
        g_assert(g_strcmp0(sd_bus_message_get_interface(m), frame->interface_name) == 0);
        g_assert(g_strcmp0(sd_bus_message_get_member(m), frame->member) == 0);
        g_assert(g_strcmp0(sd_bus_message_get_signature(m, 1), frame->signature) == 0);
        if (type == SD_BUS_MESSAGE_METHOD_ERROR)
                g_assert(g_strcmp0(sd_bus_message_get_error(m)->name, frame->error_name) == 0);
        if (sd_bus_message_rewind(m, 1) >= 0)
                assert_same_body(m, frame);
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

/* The values of replies and of calls, whatever they are said to be. */
static void read_dictionary(const WireFrame *frame)
{
        WireCursor cursor;

        wire_cursor_init(&cursor, frame);
        (void) wire_get_uint64(&cursor);
        for (size_t end = wire_get_array(&cursor, 8); wire_array_goes_on(&cursor, end, 8);) {
                g_autoptr(GVariant) value = NULL;
                size_t at = cursor.at;

                (void) wire_get_string(&cursor);
                value = wire_get_value(&cursor);
                g_assert(!value || cursor.is_broken || g_variant_is_normal_form(value));
                g_assert(cursor.is_broken || cursor.at > at);
                g_assert(cursor.at <= cursor.n_bytes);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_bytes)
{
        static Peer peer;
        WireFrame frame;

        if (n_bytes > FRAME_MAX || !wire_frame_read(input, n_bytes, &frame))
                return 0;

        g_assert(frame.n_bytes <= n_bytes && wire_frame_size(input) == frame.n_bytes);
        read_dictionary(&frame);
        if (!peer.bus)
                peer_open(&peer);
        g_assert(write(peer.fd, input, frame.n_bytes) == (ssize_t) frame.n_bytes);

        /* Authentication and message take a few turns; what sd-bus itself refuses ends the peer. */
        peer.frame = &frame;
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
