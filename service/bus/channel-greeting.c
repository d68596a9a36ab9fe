/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Greeting of a channel
 *
 * Lines are taken whole, the one that ends it and not a byte more: so what sd-bus reads next is the
 * first message from its beginning. A line that is not complete stays in the socket. The answers are
 * short, and the socket is empty: one that does not take them is somebody's who does not listen.
 */

#include "bus/channel-greeting.h"

#include "bus/channel-socket.h"
#include "util/auto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of lines that come together, and of the answers to them. */
#define LINES_MAX 1024u

struct ChannelGreeting {
        int fd;       /* borrowed: the channel's */
        int relay_fd; /* the other end of what sd-bus has */
        bool has_begun;
};

int channel_greeting_new(ChannelGreeting **ret_greeting, int fd, int *ret_bus_fd)
{
        ChannelGreeting *greeting;
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
                return -errno;

        greeting = g_new(ChannelGreeting, 1);
        *greeting = (ChannelGreeting){ .fd = fd, .relay_fd = fds[0] };
        *ret_bus_fd = fds[1];
        *ret_greeting = greeting;
        return 0;
}

ChannelGreeting *channel_greeting_free(ChannelGreeting *greeting)
{
        if (!greeting)
                return NULL;

        close(greeting->relay_fd);
        g_free(greeting);
        return NULL;
}

/* How much of @lines is whole, as far as the end of the greeting. */
static size_t whole_lines(const char *lines, size_t n_bytes, bool *ret_has_begun)
{
        static const char begin[] = "BEGIN\r\n";
        size_t n = 0;
        const char *end;

        *ret_has_begun = false;
        while (!*ret_has_begun && (end = memmem(lines + n, n_bytes - n, "\r\n", 2))) {
                size_t length = (size_t) (end - lines) + 2 - n;

                *ret_has_begun =
                        length == sizeof begin - 1 && memcmp(lines + n, begin, length) == 0;
                n += length;
        }

        return n;
}

/* 0 or how many bytes sd-bus has got. */
static ssize_t take_lines(ChannelGreeting *greeting)
{
        char lines[LINES_MAX];
        ssize_t n_bytes = channel_socket_peek(greeting->fd, lines, sizeof lines);
        size_t n;

        if (n_bytes < 0)
                return n_bytes == -EAGAIN || n_bytes == -EINTR ? 0 : n_bytes;
        if (n_bytes == 0)
                return -ECONNRESET;

        n = whole_lines(lines, (size_t) n_bytes, &greeting->has_begun);
        if (n == 0)
                return n_bytes == sizeof lines ? -EBADMSG : 0;

        n_bytes = recv(greeting->fd, lines, n, MSG_DONTWAIT);
        if (n_bytes != (ssize_t) n || send(greeting->relay_fd, lines, n, MSG_NOSIGNAL) != n_bytes)
                return -EIO;
        return n_bytes;
}

static int hand_on_answers(const ChannelGreeting *greeting)
{
        char answers[LINES_MAX];
        ssize_t n = recv(greeting->relay_fd, answers, sizeof answers, MSG_DONTWAIT);

        if (n < 0)
                return errno == EAGAIN ? 0 : -errno;
        return send(greeting->fd, answers, (size_t) n, MSG_NOSIGNAL | MSG_DONTWAIT) == n
                       ? 0
                       : -ECONNRESET;
}

/* 1: there were lines, and there may be more. */
static int take_on(ChannelGreeting *greeting, sd_bus *bus)
{
        ssize_t n = take_lines(greeting);
        int r;

        if (n <= 0)
                return (int) n;

        do {
                r = sd_bus_process(bus, NULL);
                if (r < 0)
                        return r;
        } while (r > 0);

        r = hand_on_answers(greeting);
        return r < 0 ? r : 1;
}

int channel_greeting_go_on(ChannelGreeting *greeting, sd_bus *bus, int bus_fd, int bus_output_fd)
{
        int r;

        do
                r = take_on(greeting, bus);
        while (r > 0 && !greeting->has_begun);
        if (r <= 0)
                return r;
        /* Said too early, as before anybody is authenticated. */
        if (sd_bus_is_ready(bus) <= 0)
                return -EBADMSG;

        if (dup3(greeting->fd, bus_fd, O_CLOEXEC) < 0 ||
            dup3(greeting->fd, bus_output_fd, O_CLOEXEC) < 0)
                return -errno;
        return CHANNEL_GREETING_E_DONE;
}
