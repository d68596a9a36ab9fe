/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Read-only Io
 */

#include "offline/read-only-io.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A fifo, a socket, a device or a directory in a file's place reads as a disk that fails. */
static int refuse_others(int fd, bool may_be_directory)
{
        struct stat st;
        int r = 0;

        if (fstat(fd, &st) < 0)
                r = -errno;
        else if (!S_ISREG(st.st_mode) && !(may_be_directory && S_ISDIR(st.st_mode)))
                r = -EIO;
        if (r == 0)
                return fd;

        close(fd);
        return r;
}

int read_only_open(int dir_fd, const char *path, int flags)
{
        int fd;

        flags |= O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
        fd = openat(dir_fd, path, flags | O_NOATIME);
        /* Only its owner may leave the time of access alone. */
        if (fd < 0 && errno == EPERM)
                fd = openat(dir_fd, path, flags);
        if (fd < 0)
                return errno == ENXIO || errno == ENODEV ? -EIO : -errno;
        return refuse_others(fd, true);
}

static int only_openat(void *unused G_GNUC_UNUSED,
                       int dir_fd,
                       const char *path,
                       int flags,
                       mode_t mode G_GNUC_UNUSED)
{
        int fd;

        if ((flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)))
                return -EROFS;

        fd = read_only_open(dir_fd, path, flags | O_NOFOLLOW);
        if (fd < 0)
                return fd == -ELOOP ? -EIO : fd;
        return refuse_others(fd, flags & O_DIRECTORY);
}

static ssize_t refuse_pwrite(void *unused G_GNUC_UNUSED,
                             int fd G_GNUC_UNUSED,
                             const void *buffer G_GNUC_UNUSED,
                             size_t n_bytes G_GNUC_UNUSED,
                             uint64_t offset G_GNUC_UNUSED)
{
        return -EROFS;
}

static int refuse_fd(void *unused G_GNUC_UNUSED, int fd G_GNUC_UNUSED)
{
        return -EROFS;
}

static int refuse_names(void *unused G_GNUC_UNUSED,
                        int from_fd G_GNUC_UNUSED,
                        const char *from G_GNUC_UNUSED,
                        int to_fd G_GNUC_UNUSED,
                        const char *to G_GNUC_UNUSED)
{
        return -EROFS;
}

static int refuse_name(void *unused G_GNUC_UNUSED,
                       int dir_fd G_GNUC_UNUSED,
                       const char *path G_GNUC_UNUSED)
{
        return -EROFS;
}

static int refuse_mkdirat(void *unused G_GNUC_UNUSED,
                          int dir_fd G_GNUC_UNUSED,
                          const char *path G_GNUC_UNUSED,
                          mode_t mode G_GNUC_UNUSED)
{
        return -EROFS;
}

static int refuse_fallocate(void *unused G_GNUC_UNUSED,
                            int fd G_GNUC_UNUSED,
                            uint64_t offset G_GNUC_UNUSED,
                            uint64_t n_bytes G_GNUC_UNUSED)
{
        return -EROFS;
}

const Io *read_only_io(void)
{
        static Io io;
        static gsize is_made;

        if (g_once_init_enter(&is_made)) {
                io = *io_system();
                io.openat = only_openat;
                io.pwrite = refuse_pwrite;
                io.fdatasync = refuse_fd;
                io.fsync = refuse_fd;
                io.renameat = refuse_names;
                io.linkat = refuse_names;
                io.unlinkat = refuse_name;
                io.mkdirat = refuse_mkdirat;
                io.fallocate = refuse_fallocate;
                io.lock = refuse_fd;
                g_once_init_leave(&is_made, 1);
        }
        return &io;
}
