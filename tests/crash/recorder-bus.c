/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recorder: the bus
 *
 * Cuts the two streams of a connection to the bus into messages. A message that the socket did not
 * take whole is written down once more when it is sent again.
 */

#include "recorder.h"

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#define AUTHENTICATION     "\0AUTH"
#define FIXED_HEADER_BYTES 16u
#define MESSAGE_BYTES_MAX  (128u << 20)

static struct {
        int fd; /* 0: none yet */
        GByteArray *received, *sent;
} bus;

static guint32 number_at(const GByteArray *bytes, guint offset)
{
        guint32 number;

        memcpy(&number, bytes->data + offset, sizeof number);
        return number;
}

/* What was said before the first message. */
static void drop_authentication(GByteArray *bytes)
{
        while (bytes->len > 0 && bytes->data[0] != 'l') {
                const guint8 *end = memchr(bytes->data, '\n', bytes->len);

                if (!end)
                        return;
                g_byte_array_remove_range(bytes, 0, (guint) (end - bytes->data) + 1);
        }
}

/* The length of the first message, or 0: it is not whole. */
static guint message_bytes(const GByteArray *bytes)
{
        guint n_fields, n_body;

        if (bytes->len < FIXED_HEADER_BYTES || bytes->data[0] != 'l')
                return 0;
        n_body = number_at(bytes, 4);
        n_fields = number_at(bytes, 12);
        g_assert(n_body < MESSAGE_BYTES_MAX && n_fields < MESSAGE_BYTES_MAX);
        n_fields = (n_fields + 7) & ~7u;
        return bytes->len >= FIXED_HEADER_BYTES + n_fields + n_body
                       ? FIXED_HEADER_BYTES + n_fields + n_body
                       : 0;
}

static void put_messages(TraceKind kind, GByteArray *bytes)
{
        guint n;

        drop_authentication(bytes);
        while ((n = message_bytes(bytes)) > 0) {
                recorder_put(kind, bytes->data, n);
                g_byte_array_remove_range(bytes, 0, n);
        }
}

static void append(GByteArray *bytes, const struct msghdr *message, size_t n_bytes)
{
        for (size_t i = 0; i < message->msg_iovlen && n_bytes > 0; i++) {
                size_t n = MIN(n_bytes, message->msg_iov[i].iov_len);

                g_byte_array_append(bytes, message->msg_iov[i].iov_base, (guint) n);
                n_bytes -= n;
        }
}

static bool begins_authentication(const struct msghdr *message)
{
        return message->msg_iovlen > 0 && message->msg_iov[0].iov_len >= 5 &&
               memcmp(message->msg_iov[0].iov_base, AUTHENTICATION, 5) == 0;
}

void recorder_bus_closed(int fd)
{
        if (bus.fd == fd)
                bus.fd = 0;
}

INTERPOSE ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
        g_autoptr(GByteArray) attempted = NULL;
        ssize_t n;

        if (bus.fd == 0 && begins_authentication(message)) {
                bus.fd = fd;
                bus.received = g_byte_array_new();
                bus.sent = g_byte_array_new();
        }
        if (fd != bus.fd)
                return NEXT(sendmsg)(fd, message, flags);

        attempted = g_byte_array_new();
        g_byte_array_append(attempted, bus.sent->data, bus.sent->len);
        append(attempted, message, SIZE_MAX);
        put_messages(TRACE_SENT, attempted);

        n = NEXT(sendmsg)(fd, message, flags);
        if (n > 0) {
                append(bus.sent, message, (size_t) n);
                drop_authentication(bus.sent);
                for (guint n_whole; (n_whole = message_bytes(bus.sent)) > 0;)
                        g_byte_array_remove_range(bus.sent, 0, n_whole);
        }
        return n;
}

INTERPOSE ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
        ssize_t n = NEXT(recvmsg)(fd, message, flags);
        int error = errno;

        if (fd == bus.fd && n > 0) {
                append(bus.received, message, (size_t) n);
                put_messages(TRACE_RECEIVED, bus.received);
        }
        errno = error;
        return n;
}
