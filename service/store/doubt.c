/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Doubt
 */

#include "store/doubt.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define DOUBT_NAME "in-doubt"

int doubt_leave(const StoreDirectory *runtime)
{
        int fd = io_openat(runtime->io, runtime->fd, DOUBT_NAME, O_WRONLY | O_CREAT, 0600);

        if (fd < 0)
                return fd;
        close(fd);
        return 0;
}

int doubt_clear(const StoreDirectory *runtime)
{
        int r = io_unlinkat(runtime->io, runtime->fd, DOUBT_NAME);

        return r == -ENOENT ? 0 : r;
}

bool doubt_is_there(const StoreDirectory *runtime)
{
        int fd = io_openat(runtime->io, runtime->fd, DOUBT_NAME, O_RDONLY, 0);

        if (fd < 0)
                return fd != -ENOENT;
        close(fd);
        return true;
}
