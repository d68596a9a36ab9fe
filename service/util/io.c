/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Io
 */

#include "util/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static int result(int r)
{
        return r < 0 ? -errno : r;
}

static int system_openat(
        void *unused G_GNUC_UNUSED, int dir_fd, const char *path, int flags, mode_t mode)
{
        return result(openat(dir_fd, path, flags | O_CLOEXEC, mode));
}

static ssize_t system_pread(
        void *unused G_GNUC_UNUSED, int fd, void *buffer, size_t n_bytes, uint64_t offset)
{
        ssize_t n = pread(fd, buffer, n_bytes, (off_t) offset);

        return n < 0 ? -errno : n;
}

static ssize_t system_pwrite(
        void *unused G_GNUC_UNUSED, int fd, const void *buffer, size_t n_bytes, uint64_t offset)
{
        ssize_t n = pwrite(fd, buffer, n_bytes, (off_t) offset);

        return n < 0 ? -errno : n;
}

static int system_fdatasync(void *unused G_GNUC_UNUSED, int fd)
{
        return result(fdatasync(fd));
}

static int system_write_out(
        void *unused G_GNUC_UNUSED, int fd, uint64_t offset, uint64_t n_bytes, bool is_awaited)
{
        unsigned flags = SYNC_FILE_RANGE_WRITE;

        if (is_awaited)
                flags |= SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER;
        /* Some file systems cannot. */
        return sync_file_range(fd, (off_t) offset, (off_t) n_bytes, flags) < 0 && errno != ESPIPE &&
                               errno != EINVAL
                       ? -errno
                       : 0;
}

static int system_fsync(void *unused G_GNUC_UNUSED, int fd)
{
        return result(fsync(fd));
}

static int system_renameat(
        void *unused G_GNUC_UNUSED, int from_fd, const char *from, int to_fd, const char *to)
{
        return result(renameat(from_fd, from, to_fd, to));
}

static int system_linkat(
        void *unused G_GNUC_UNUSED, int from_fd, const char *from, int to_fd, const char *to)
{
        return result(linkat(from_fd, from, to_fd, to, 0));
}

static int system_unlinkat(void *unused G_GNUC_UNUSED, int dir_fd, const char *path)
{
        return result(unlinkat(dir_fd, path, 0));
}

static int system_mkdirat(void *unused G_GNUC_UNUSED, int dir_fd, const char *path, mode_t mode)
{
        return result(mkdirat(dir_fd, path, mode));
}

static int system_fstat(void *unused G_GNUC_UNUSED, int fd, struct stat *ret_stat)
{
        return result(fstat(fd, ret_stat));
}

static int system_fallocate(void *unused G_GNUC_UNUSED, int fd, uint64_t offset, uint64_t n_bytes)
{
        return result(fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t) offset, (off_t) n_bytes));
}

static uint64_t system_next_data(void *unused G_GNUC_UNUSED, int fd, uint64_t offset)
{
        off_t found = lseek(fd, (off_t) offset, SEEK_DATA);

        if (found >= 0)
                return (uint64_t) found;
        return errno == ENXIO ? UINT64_MAX : offset;
}

static int lock_all(int fd, short type)
{
        struct flock lock = { .l_type = type, .l_whence = SEEK_SET };
        int r = result(fcntl(fd, F_OFD_SETLK, &lock));

        return r == -EACCES ? -EAGAIN : r;
}

/*
 * A file that is open for reading alone can have no exclusive OFD lock: a shared one keeps those away
 * that can, and flock() those that cannot either.
 */
static int system_lock(void *unused G_GNUC_UNUSED, int fd)
{
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0 || (flags & O_ACCMODE) != O_RDONLY)
                return lock_all(fd, F_WRLCK);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
                return -EAGAIN;
        return lock_all(fd, F_RDLCK);
}

static int read_names(DIR *directory, GPtrArray *names)
{
        for (;;) {
                const struct dirent *item;

                errno = 0;
                item = readdir(directory);
                if (!item)
                        return -errno;
                if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0)
                        g_ptr_array_add(names, g_strdup(item->d_name));
        }
}

static int system_list(void *unused G_GNUC_UNUSED, int dir_fd, GPtrArray *names)
{
        int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *directory;
        int r;

        if (fd < 0)
                return -errno;
        directory = fdopendir(fd);
        if (!directory) {
                r = -errno;
                close(fd);
                return r;
        }

        r = read_names(directory, names);
        closedir(directory);
        return r;
}

const Io *io_system(void)
{
        static const Io io = {
                .openat = system_openat,
                .pread = system_pread,
                .pwrite = system_pwrite,
                .fdatasync = system_fdatasync,
                .fsync = system_fsync,
                .renameat = system_renameat,
                .linkat = system_linkat,
                .unlinkat = system_unlinkat,
                .mkdirat = system_mkdirat,
                .fstat = system_fstat,
                .fallocate = system_fallocate,
                .write_out = system_write_out,
                .next_data = system_next_data,
                .lock = system_lock,
                .list = system_list,
        };

        return &io;
}

bool io_is_full(int r)
{
        return r == -ENOSPC || r == -EDQUOT || r == -EFBIG;
}

bool io_is_refusal(int r)
{
        return r == -EACCES || r == -EPERM || r == -EMFILE || r == -ENFILE || r == -ENOMEM;
}

int io_pwrite_once(const Io *io, int fd, const void *buffer, size_t n_bytes, uint64_t offset)
{
        ssize_t n = io_pwrite(io, fd, buffer, n_bytes, offset);

        if (n < 0)
                return (int) n;
        return (size_t) n == n_bytes ? 0 : -EIO;
}

ssize_t io_pread_full(const Io *io, int fd, void *buffer, size_t n_bytes, uint64_t offset)
{
        size_t n_read = 0;

        while (n_read < n_bytes) {
                ssize_t n = io_pread(io, fd, (char *) buffer + n_read, n_bytes - n_read,
                                     offset + n_read);

                if (n == -EINTR)
                        continue;
                if (n < 0)
                        return n;
                if (n == 0)
                        break;
                n_read += (size_t) n;
        }

        return (ssize_t) n_read;
}

int io_size(const Io *io, int fd, uint64_t *ret_bytes)
{
        struct stat st;
        int r = io_fstat(io, fd, &st);

        if (r < 0)
                return r;
        *ret_bytes = (uint64_t) st.st_size;
        return 0;
}
