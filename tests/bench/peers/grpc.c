/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Grpc
 *
 * What comes is collected in `incoming`, and whole messages are cut off its front. A message begins with a byte
 * (not compressed) and its length.
 */

#include "grpc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PREFIX_BYTES 5u
#define READ_BYTES   65536
#define WINDOW_BYTES (1 << 24)
#define N_HEADERS    6
#define MESSAGE_MAX  (64u << 20)

struct Grpc {
        char *address;
        nghttp2_session *session;
        int fd;
        int32_t stream;
        GByteArray *outgoing; /* prefix and message */
        size_t n_sent;
        bool goes_on; /* the stream is not closed on our side */
        bool is_over; /* on theirs */
        GByteArray *incoming;
        GByteArray *message;
        char status[8];
};

static ssize_t on_send(
        nghttp2_session *session, const uint8_t *bytes, size_t n_bytes, int flags, void *userdata)
{
        Grpc *grpc = userdata;
        ssize_t n;

        (void) session;
        (void) flags;
        n = send(grpc->fd, bytes, n_bytes, MSG_NOSIGNAL);
        return n < 0 ? NGHTTP2_ERR_CALLBACK_FAILURE : n;
}

static int on_data(nghttp2_session *session,
                   uint8_t flags,
                   int32_t stream,
                   const uint8_t *bytes,
                   size_t n_bytes,
                   void *userdata)
{
        Grpc *grpc = userdata;

        (void) session;
        (void) flags;
        if (stream == grpc->stream)
                g_byte_array_append(grpc->incoming, bytes, (guint) n_bytes);
        return 0;
}

static int on_header(nghttp2_session *session,
                     const nghttp2_frame *frame,
                     const uint8_t *name,
                     size_t n_name,
                     const uint8_t *value,
                     size_t n_value,
                     uint8_t flags,
                     void *userdata)
{
        Grpc *grpc = userdata;

        (void) session;
        (void) frame;
        (void) flags;
        if (n_name == strlen("grpc-status") && memcmp(name, "grpc-status", n_name) == 0)
                (void) snprintf(grpc->status, sizeof grpc->status, "%.*s", (int) n_value,
                                (const char *) value);
        if (n_value > 0 && n_name == strlen("grpc-message") &&
            memcmp(name, "grpc-message", n_name) == 0)
                fprintf(stderr, "etcd: %.*s\n", (int) n_value, (const char *) value);
        return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t error, void *userdata)
{
        Grpc *grpc = userdata;

        (void) session;
        (void) error;
        if (stream == grpc->stream)
                grpc->is_over = true;
        return 0;
}

static ssize_t on_read(nghttp2_session *session,
                       int32_t stream,
                       uint8_t *buffer,
                       size_t size,
                       uint32_t *flags,
                       nghttp2_data_source *source,
                       void *userdata)
{
        Grpc *grpc = userdata;
        size_t n = MIN(size, grpc->outgoing->len - grpc->n_sent);

        (void) session;
        (void) stream;
        (void) source;
        if (n == 0 && grpc->goes_on)
                return NGHTTP2_ERR_DEFERRED;

        memcpy(buffer, grpc->outgoing->data + grpc->n_sent, n);
        grpc->n_sent += n;
        if (grpc->n_sent == grpc->outgoing->len && !grpc->goes_on)
                *flags |= NGHTTP2_DATA_FLAG_EOF;
        return (ssize_t) n;
}

static int connect_to(const char *address)
{
        g_auto(GStrv) parts = g_strsplit(address, ":", 2);
        struct sockaddr_in to = { .sin_family = AF_INET };
        int fd, yes = 1;

        if (!parts[0] || !parts[1] || inet_pton(AF_INET, parts[0], &to.sin_addr) != 1)
                return -EINVAL;
        to.sin_port = htons((uint16_t) strtoul(parts[1], NULL, 10));

        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *) &to, sizeof to) < 0 ||
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) < 0) {
                int r = -errno;

                (void) close(fd);
                return r;
        }
        return fd;
}

int grpc_open(Grpc **ret_grpc, const char *address)
{
        const nghttp2_settings_entry settings[] = {
                { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_BYTES },
        };
        nghttp2_session_callbacks *callbacks;
        Grpc *grpc;
        int fd, r;

        fd = connect_to(address);
        if (fd < 0)
                return fd;

        grpc = g_new0(Grpc, 1);
        grpc->address = g_strdup(address);
        grpc->fd = fd;
        grpc->outgoing = g_byte_array_new();
        grpc->incoming = g_byte_array_new();
        grpc->message = g_byte_array_new();
        (void) nghttp2_session_callbacks_new(&callbacks);
        nghttp2_session_callbacks_set_send_callback(callbacks, on_send);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
        r = nghttp2_session_client_new(&grpc->session, callbacks, grpc);
        nghttp2_session_callbacks_del(callbacks);
        if (r == 0)
                r = nghttp2_submit_settings(grpc->session, NGHTTP2_FLAG_NONE, settings,
                                            G_N_ELEMENTS(settings));
        if (r == 0)
                r = nghttp2_session_set_local_window_size(grpc->session, NGHTTP2_FLAG_NONE, 0,
                                                          WINDOW_BYTES);
        if (r != 0)
                return -EPROTO;

        *ret_grpc = grpc;
        return 0;
}

static nghttp2_nv header(const char *name, const char *value)
{
        return (nghttp2_nv){ (uint8_t *) (uintptr_t) name, (uint8_t *) (uintptr_t) value,
                             strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE };
}

static int submit(Grpc *grpc, const char *path, const GByteArray *request, bool goes_on)
{
        const nghttp2_nv headers[N_HEADERS] = {
                header(":method", "POST"), header(":scheme", "http"),
                header(":path", path),     header(":authority", grpc->address),
                header("te", "trailers"),  header("content-type", "application/grpc"),
        };
        const nghttp2_data_provider provider = { .read_callback = on_read };
        uint8_t prefix[PREFIX_BYTES] = { 0 };

        for (unsigned i = 0; i < 4; i++)
                prefix[1 + i] = (uint8_t) (request->len >> (24 - 8 * i));
        g_byte_array_set_size(grpc->outgoing, 0);
        g_byte_array_append(grpc->outgoing, prefix, sizeof prefix);
        g_byte_array_append(grpc->outgoing, request->data, request->len);
        g_byte_array_set_size(grpc->incoming, 0);
        grpc->n_sent = 0;
        grpc->goes_on = goes_on;
        grpc->is_over = false;
        grpc->status[0] = '\0';
        grpc->stream =
                nghttp2_submit_request(grpc->session, NULL, headers, N_HEADERS, &provider, NULL);
        return grpc->stream < 0 ? -EPROTO : 0;
}

/* Sends what there is to send and waits for something to come. */
static int turn(Grpc *grpc)
{
        uint8_t buffer[READ_BYTES];
        ssize_t n;

        if (nghttp2_session_send(grpc->session) != 0)
                return -EPROTO;

        n = recv(grpc->fd, buffer, sizeof buffer, 0);
        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -ECONNRESET;
        return nghttp2_session_mem_recv(grpc->session, buffer, (size_t) n) == n ? 0 : -EPROTO;
}

/* Takes a whole message off the front of what has come. 0, -EAGAIN when there is none yet, -EMSGSIZE. */
static int take_message(Grpc *grpc)
{
        const uint8_t *bytes = grpc->incoming->data;
        uint32_t n_bytes = 0;

        if (grpc->incoming->len < PREFIX_BYTES)
                return -EAGAIN;
        for (unsigned i = 1; i < PREFIX_BYTES; i++)
                n_bytes = n_bytes << 8 | bytes[i];
        if (n_bytes > MESSAGE_MAX)
                return -EMSGSIZE;
        if (grpc->incoming->len - PREFIX_BYTES < n_bytes)
                return -EAGAIN;

        g_byte_array_set_size(grpc->message, 0);
        g_byte_array_append(grpc->message, bytes + PREFIX_BYTES, n_bytes);
        g_byte_array_remove_range(grpc->incoming, 0, PREFIX_BYTES + n_bytes);
        return 0;
}

int grpc_call(Grpc *grpc, const char *path, const GByteArray *request, const GByteArray **ret_reply)
{
        int r;

        r = submit(grpc, path, request, false);
        while (r == 0 && !grpc->is_over)
                r = turn(grpc);
        if (r == 0 && strcmp(grpc->status, "0") != 0)
                r = -EREMOTEIO;
        if (r == 0)
                r = take_message(grpc);
        if (r == 0)
                *ret_reply = grpc->message;
        return r;
}

int grpc_begin(Grpc *grpc, const char *path, const GByteArray *request)
{
        return submit(grpc, path, request, true);
}

int grpc_next(Grpc *grpc, const GByteArray **ret_message)
{
        int r;

        while ((r = take_message(grpc)) == -EAGAIN) {
                r = grpc->is_over ? -ECONNRESET : turn(grpc);
                if (r < 0)
                        return r;
        }
        if (r == 0)
                *ret_message = grpc->message;
        return r;
}
