/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Io
 *
 * Every system call that touches a file of the store, as a table of functions: tests put their own
 * in its place to fail, shorten, count, or forget. Called from several threads at once.
 *
 * All return 0 or more on success, and a negative errno.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

typedef struct Io {
        int (*openat)(void *userdata, int dir_fd, const char *path, int flags, mode_t mode);
        ssize_t (*pread)(void *userdata, int fd, void *buffer, size_t n_bytes, uint64_t offset);
        ssize_t (*pwrite)(
                void *userdata, int fd, const void *buffer, size_t n_bytes, uint64_t offset);
        int (*fdatasync)(void *userdata, int fd);
        int (*fsync)(void *userdata, int fd);
        int (*renameat)(void *userdata, int from_fd, const char *from, int to_fd, const char *to);
        int (*linkat)(void *userdata, int from_fd, const char *from, int to_fd, const char *to);
        int (*unlinkat)(void *userdata, int dir_fd, const char *path);
        int (*mkdirat)(void *userdata, int dir_fd, const char *path, mode_t mode);
        int (*fstat)(void *userdata, int fd, struct stat *ret_stat);
        int (*fallocate)(void *userdata, int fd, uint64_t offset, uint64_t n_bytes);
        int (*write_out)(
                void *userdata, int fd, uint64_t offset, uint64_t n_bytes, bool is_awaited);
        uint64_t (*next_data)(void *userdata, int fd, uint64_t offset);
        int (*lock)(void *userdata, int fd);
        int (*list)(void *userdata, int dir_fd, GPtrArray *names);
        void *userdata;
} Io;

/* The real calls. */
const Io *io_system(void);

/* The descriptor, always O_CLOEXEC. Close it with close(). */
static inline int io_openat(const Io *io, int dir_fd, const char *path, int flags, mode_t mode)
{
        return io->openat(io->userdata, dir_fd, path, flags, mode);
}

static inline ssize_t io_pread(const Io *io, int fd, void *buffer, size_t n_bytes, uint64_t offset)
{
        return io->pread(io->userdata, fd, buffer, n_bytes, offset);
}

static inline ssize_t io_pwrite(
        const Io *io, int fd, const void *buffer, size_t n_bytes, uint64_t offset)
{
        return io->pwrite(io->userdata, fd, buffer, n_bytes, offset);
}

static inline int io_fdatasync(const Io *io, int fd)
{
        return io->fdatasync(io->userdata, fd);
}

static inline int io_fsync(const Io *io, int fd)
{
        return io->fsync(io->userdata, fd);
}

static inline int io_renameat(
        const Io *io, int from_fd, const char *from, int to_fd, const char *to)
{
        return io->renameat(io->userdata, from_fd, from, to_fd, to);
}

static inline int io_linkat(const Io *io, int from_fd, const char *from, int to_fd, const char *to)
{
        return io->linkat(io->userdata, from_fd, from, to_fd, to);
}

static inline int io_unlinkat(const Io *io, int dir_fd, const char *path)
{
        return io->unlinkat(io->userdata, dir_fd, path);
}

static inline int io_mkdirat(const Io *io, int dir_fd, const char *path, mode_t mode)
{
        return io->mkdirat(io->userdata, dir_fd, path, mode);
}

static inline int io_fstat(const Io *io, int fd, struct stat *ret_stat)
{
        return io->fstat(io->userdata, fd, ret_stat);
}

/* Reserves space on the disk; the size of the file stays. */
static inline int io_fallocate(const Io *io, int fd, uint64_t offset, uint64_t n_bytes)
{
        return io->fallocate(io->userdata, fd, offset, n_bytes);
}

/*
 * Has what was written there go to the disk now, or waits until it has gone. It promises nothing: only a
 * sync does, which then has less left. A table may leave it out.
 */
static inline int io_write_out(
        const Io *io, int fd, uint64_t offset, uint64_t n_bytes, bool is_awaited)
{
        return io->write_out ? io->write_out(io->userdata, fd, offset, n_bytes, is_awaited) : 0;
}

/*
 * The first offset from @offset on that may be in no hole of the file, UINT64_MAX when there is none: all
 * before it reads as zeros. Never fails: who does not know says @offset. A table may leave it out.
 */
static inline uint64_t io_next_data(const Io *io, int fd, uint64_t offset)
{
        return io->next_data ? io->next_data(io->userdata, fd, offset) : offset;
}

/*
 * An exclusive lock on a file, however it is open; it goes with the descriptor, and is not waited for:
 * -EAGAIN when somebody has it.
 */
static inline int io_lock(const Io *io, int fd)
{
        return io->lock(io->userdata, fd);
}

/* Appends the owned names in a directory, without . and .., in no order. */
static inline int io_list(const Io *io, int dir_fd, GPtrArray *names)
{
        return io->list(io->userdata, dir_fd, names);
}

/* Whether a call has failed for lack of room alone: on the disk, in a quota, or in a file's size. */
bool io_is_full(int r);

/*
 * Whether a call has failed for want of permission, descriptors or memory: of the file that says
 * nothing.
 */
bool io_is_refusal(int r);

/* One pwrite; -EIO when it was short, for what was not written can no longer be known. */
int io_pwrite_once(const Io *io, int fd, const void *buffer, size_t n_bytes, uint64_t offset);

/* Reads until @n_bytes or the end of the file, and returns how much that was. */
ssize_t io_pread_full(const Io *io, int fd, void *buffer, size_t n_bytes, uint64_t offset);

/* The size of a file. */
int io_size(const Io *io, int fd, uint64_t *ret_bytes);
