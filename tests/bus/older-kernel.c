/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A kernel before Linux 6.16
 *
 * Preloaded into regentd: no socket can be told to take no file descriptors (SO_PASSRIGHTS).
 */

#define _GNU_SOURCE

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PASSRIGHTS 83

__attribute__((visibility("default"))) int setsockopt(
        int fd, int level, int name, const void *value, socklen_t n_bytes)
{
        if (level == SOL_SOCKET && name == PASSRIGHTS) {
                errno = ENOPROTOOPT;
                return -1;
        }
        return (int) syscall(SYS_setsockopt, fd, level, name, value, n_bytes);
}
