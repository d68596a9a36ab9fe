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
        int fd = io_openat(runtime->io, runtime->fd, DOUBT_NAME,
                           O_WRONLY | O_CREAT | O_NONBLOCK | O_NOFOLLOW, 0600);

        /* What is no file says the same. */
        if (fd < 0)
                return doubt_is_there(runtime) ? 0 : fd;
        close(fd);
        return 0;
}

int doubt_clear(const StoreDirectory *runtime)
{
        int r = io_unlinkat(runtime->io, runtime->fd, DOUBT_NAME);

        if (r == -EISDIR)
                r = directory_move_away(runtime, DOUBT_NAME);
        return r == -ENOENT ? 0 : r;
}

bool doubt_is_there(const StoreDirectory *runtime)
{
        int fd = directory_open_file(runtime, DOUBT_NAME);

        if (fd < 0)
                return fd != -ENOENT;
        close(fd);
        return true;
}
