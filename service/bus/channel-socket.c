/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Socket of a channel
 *
 * The kernel says MSG_CTRUNC of descriptors for which there is no room, and there never is. A look ends
 * behind the first of them.
 */

#include "bus/channel-socket.h"

#include "util/log.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

/* What the kernel keeps of each direction, before it doubles it for its own use. */
#define SOCKET_BYTES (128 * 1024)

/* At once; so much goes into an empty socket. */
#define MOVED_BYTES (64 * 1024)

struct ChannelClosing {
        int fd;
        int is_done; /* atomic */
};

int channel_socket_new(int ret_fds[2], bool *ret_is_shut)
{
        static const int n_bytes = SOCKET_BYTES, no = 0;
        int fds[2], r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
                return -errno;

        /* sd-bus makes the buffers as large as it can; where regentd is privileged that is much. */
        if (setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &n_bytes, sizeof n_bytes) < 0) {
                r = -errno;
                close(fds[0]);
                close(fds[1]);
                return r;
        }

        *ret_is_shut = setsockopt(fds[0], SOL_SOCKET, SO_PASSRIGHTS, &no, sizeof no) >= 0;
        ret_fds[0] = fds[0];
        ret_fds[1] = fds[1];
        return 0;
}

ssize_t channel_socket_peek(int fd, void *buffer, size_t size)
{
        struct iovec part = { .iov_base = buffer, .iov_len = size };
        struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
        ssize_t n = recvmsg(fd, &m, MSG_PEEK | MSG_DONTWAIT);

        if (n < 0)
                return -errno;
        return m.msg_flags & MSG_CTRUNC ? -EBADMSG : n;
}

ssize_t channel_socket_move(int fd, int to_fd, uint64_t n_bytes_max)
{
        g_autofree char *part = g_malloc(MOVED_BYTES);
        ssize_t n = channel_socket_peek(fd, part, MIN(n_bytes_max, MOVED_BYTES));

        if (n <= 0)
                return n;
        if (recv(fd, part, (size_t) n, MSG_DONTWAIT) != n ||
            send(to_fd, part, (size_t) n, MSG_NOSIGNAL | MSG_DONTWAIT) != n)
                return -EIO;
        return n;
}

bool channel_closing_is_done(ChannelClosing *closing)
{
        return g_atomic_int_get(&closing->is_done);
}

void channel_closing_unref(ChannelClosing *closing)
{
        g_atomic_rc_box_release(closing);
}

static gpointer close_aside(gpointer userdata)
{
        ChannelClosing *closing = userdata;

        close(closing->fd);
        g_atomic_int_set(&closing->is_done, true);
        channel_closing_unref(closing);
        return NULL;
}

static bool is_empty(int fd)
{
        int n_bytes = 0;

        return ioctl(fd, FIONREAD, &n_bytes) >= 0 && n_bytes == 0;
}

void channel_socket_close(int fd, bool is_shut, ChannelClosing **ret_closing)
{
        ChannelClosing *closing;
        GThread *thread;

        *ret_closing = NULL;
        (void) shutdown(fd, SHUT_RDWR); /* nothing comes any more */
        if (is_shut || is_empty(fd)) {
                close(fd);
                return;
        }

        closing = g_atomic_rc_box_new0(ChannelClosing);
        closing->fd = fd;
        thread = g_thread_try_new("close", close_aside, g_atomic_rc_box_acquire(closing), NULL);
        if (thread) {
                g_thread_unref(thread);
                *ret_closing = closing;
                return;
        }

        log_warning("There is no thread to close a channel: it is closed while all wait");
        close_aside(closing);
        channel_closing_unref(closing);
}
