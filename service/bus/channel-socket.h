/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Socket of a channel
 *
 * No method takes file descriptors, and none may get in: whoever closes the last of one waits for what it
 * stands for, and each takes one of regentd's. Where the kernel cannot be told (SO_PASSRIGHTS, Linux
 * 6.16), a part of a stream is looked at before it is taken; so only as much may be taken as was seen.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Both ends, the first of them regentd's. *ret_is_shut: the kernel lets nobody send it descriptors. */
int channel_socket_new(int ret_fds[2], bool *ret_is_shut);

/* Bytes that were seen and are still there; 0: the end. -EBADMSG: there are descriptors among them. */
ssize_t channel_socket_peek(int fd, void *buffer, size_t size);

#define CHANNEL_SOCKET_BYTES_MAX 4096u

/* Takes @n_bytes, at most CHANNEL_SOCKET_BYTES_MAX, that were seen; whether they were there. */
bool channel_socket_skip(int fd, size_t n_bytes);

/* Sends @n_bytes, at most CHANNEL_SOCKET_BYTES_MAX, all or nothing; whether it could. */
bool channel_socket_send(int fd, const void *bytes, size_t n_bytes);

/* Takes as much as there is, @n_bytes_max at most, into another socket; returns as the above. */
ssize_t channel_socket_move(int fd, int to_fd, uint64_t n_bytes_max);
