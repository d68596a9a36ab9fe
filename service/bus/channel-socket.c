/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Socket of a channel
 *
 * The kernel says MSG_CTRUNC of descriptors for which there is no room, and there never is. A look ends
 * behind the first of them.
 */

#include "bus/channel-socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

/* What the kernel keeps of each direction, before it doubles it for its own use. */
#define SOCKET_BYTES (128 * 1024)

/* At once; so much goes into an empty socket. */
#define MOVED_BYTES ((size_t) 64 * 1024)

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

bool channel_socket_skip(int fd, size_t n_bytes)
{
        uint8_t bytes[CHANNEL_SOCKET_BYTES_MAX];

        return n_bytes <= sizeof bytes &&
               recv(fd, bytes, n_bytes, MSG_DONTWAIT) == (ssize_t) n_bytes;
}

/* A part of so little is never sent alone: it takes one buffer of the kernel's, or none. */
bool channel_socket_send(int fd, const void *bytes, size_t n_bytes)
{
        return send(fd, bytes, n_bytes, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t) n_bytes;
}
