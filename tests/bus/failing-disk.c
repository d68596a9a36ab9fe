/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A disk that fails
 *
 * Preloaded into regentd: while the file $REGENT_TEST_DISK_FAILURE names is there, whatever would
 * change a file fails with the errno it holds, as on a disk that was remounted read-only or has gone.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define PUBLIC __attribute__((visibility("default")))

/* Calls the function that stands behind this one. */
#define NEXT(name, type, ...)                           \
        ({                                              \
                type next_;                             \
                void *found_ = dlsym(RTLD_NEXT, #name); \
                memcpy(&next_, &found_, sizeof next_);  \
                next_(__VA_ARGS__);                     \
        })

static int failure(void)
{
        const char *path = getenv("REGENT_TEST_DISK_FAILURE");
        FILE *file = path ? fopen(path, "re") : NULL;
        char text[16] = "";

        if (!file)
                return 0;
        (void) !fgets(text, sizeof text, file);
        (void) fclose(file);
        errno = (int) strtol(text, NULL, 10);
        return -1;
}

typedef ssize_t (*Pwrite)(int, const void *, size_t, off_t);
typedef int (*Sync)(int);
typedef int (*Openat)(int, const char *, int, mode_t);
typedef int (*Renameat)(int, const char *, int, const char *);
typedef int (*Unlinkat)(int, const char *, int);
typedef int (*Fallocate)(int, int, off_t, off_t);

PUBLIC ssize_t pwrite64(int fd, const void *bytes, size_t n_bytes, off_t offset)
{
        return failure() < 0 ? -1 : NEXT(pwrite64, Pwrite, fd, bytes, n_bytes, offset);
}

PUBLIC ssize_t pwrite(int fd, const void *bytes, size_t n_bytes, off_t offset)
{
        return pwrite64(fd, bytes, n_bytes, offset);
}

PUBLIC int fdatasync(int fd)
{
        return failure() < 0 ? -1 : NEXT(fdatasync, Sync, fd);
}

PUBLIC int fsync(int fd)
{
        return failure() < 0 ? -1 : NEXT(fsync, Sync, fd);
}

PUBLIC int openat64(int dir_fd, const char *path, int flags, ...)
{
        mode_t mode;
        va_list arguments;

        va_start(arguments, flags);
        mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
        va_end(arguments);
        if ((flags & (O_WRONLY | O_RDWR | O_CREAT)) && failure() < 0)
                return -1;
        return NEXT(openat64, Openat, dir_fd, path, flags, mode);
}

PUBLIC int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
        return failure() < 0 ? -1 : NEXT(renameat, Renameat, from_fd, from, to_fd, to);
}

PUBLIC int unlinkat(int dir_fd, const char *path, int flags)
{
        return failure() < 0 ? -1 : NEXT(unlinkat, Unlinkat, dir_fd, path, flags);
}

PUBLIC int fallocate64(int fd, int mode, off_t offset, off_t n_bytes)
{
        return failure() < 0 ? -1 : NEXT(fallocate64, Fallocate, fd, mode, offset, n_bytes);
}
