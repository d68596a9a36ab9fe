/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Evidence
 */

#include "store/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define COPY_BYTES ((size_t) 1 << 20)

static int copy_bytes(const Io *io, int from_fd, int to_fd)
{
        g_autofree void *buffer = g_malloc(COPY_BYTES);

        for (uint64_t offset = 0;;) {
                ssize_t n = io_pread_full(io, from_fd, buffer, COPY_BYTES, offset);
                int r;

                if (n <= 0)
                        return (int) n;
                r = io_pwrite_once(io, to_fd, buffer, (size_t) n, offset);
                if (r < 0)
                        return r;
                offset += (uint64_t) n;
        }
}

static int copy(const StoreDirectory *from, const char *name, int fd)
{
        const Io *io = from->io;
        int from_fd, to_fd, r;

        from_fd = directory_open_file(from, name);
        if (from_fd < 0)
                return from_fd;
        /* What an attempt that failed has left. */
        r = io_unlinkat(io, fd, name);
        to_fd = r < 0 && r != -ENOENT ? r
                                      : io_openat(io, fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (to_fd < 0) {
                close(from_fd);
                return to_fd;
        }

        r = copy_bytes(io, from_fd, to_fd);
        if (r >= 0)
                r = directory_sync_file(from, to_fd);
        close(from_fd);
        close(to_fd);
        return r;
}

static int keep(const StoreDirectory *from, const char *name, int fd)
{
        int r;

        r = io_linkat(from->io, from->fd, name, fd, name);
        if (r >= 0 || r == -ENOENT || r == -EEXIST)
                return 0;
        if (io_is_full(r) || r == -EROFS || r == -EACCES)
                return r;

        r = copy(from, name, fd);
        if (r >= 0 || io_is_full(r) || r == -EROFS || io_is_refusal(r))
                return r;
        (void) io_unlinkat(from->io, fd, name);
        return io_renameat(from->io, from->fd, name, fd, name);
}

int evidence_keep(const StoreDirectory *directory,
                  const StoreDirectory *from,
                  const char *label,
                  GPtrArray *names)
{
        const Io *io = directory->io;
        int damaged_fd, fd, r = 0;

        damaged_fd = directory_make_below(directory, directory->fd, "damaged");
        if (damaged_fd < 0)
                return damaged_fd;
        fd = directory_make_below(directory, damaged_fd, label);
        close(damaged_fd);
        if (fd < 0)
                return fd;

        for (guint i = 0; i < names->len && r >= 0; i++)
                r = keep(from, names->pdata[i], fd);
        if (r >= 0 && directory->is_synced)
                r = io_fsync(io, fd);

        close(fd);
        return MIN(r, 0);
}
