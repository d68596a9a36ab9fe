/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store directory
 */

#include "store/directory.h"

#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define DIRECTORY_MODE 0700
#define FILE_MODE      0600

static void close_open(int fd)
{
        if (fd >= 0)
                close(fd);
}

/* Nothing of regentd's is lost with it: what is not of the kind expected no regentd has made. */
static int move_away(const Io *io, int parent_fd, const char *name)
{
        g_autofree char *new_name =
                g_strdup_printf("%s.moved-%" G_GINT64_FORMAT, name, g_get_real_time());
        int r;

        r = io_renameat(io, parent_fd, name, parent_fd, new_name);
        if (r < 0)
                return r;

        log_warning("'%s' was in the way of what regentd writes, it is '%s' now", name, new_name);
        return 0;
}

/* Makes and opens a directory in @parent_fd. It is durable by name when this returns. */
static int make_and_open(const Io *io, int parent_fd, const char *name, bool is_synced, int flags)
{
        int r;

        r = io_mkdirat(io, parent_fd, name, DIRECTORY_MODE);
        if (r < 0 && r != -EEXIST)
                return r;
        if (is_synced) {
                r = io_fsync(io, parent_fd);
                if (r < 0)
                        return r;
        }

        return io_openat(io, parent_fd, name, O_RDONLY | O_DIRECTORY | flags, 0);
}

/* A link is not followed, for files are deleted in what is opened here. */
static int open_subdirectory(const Io *io, int parent_fd, const char *name, bool is_synced)
{
        int fd, r;

        fd = make_and_open(io, parent_fd, name, is_synced, O_NOFOLLOW);
        /* No directory, or a link. */
        if (fd != -ENOTDIR && fd != -ENOENT && fd != -ELOOP)
                return fd;

        r = move_away(io, parent_fd, name);
        return r < 0 ? fd : make_and_open(io, parent_fd, name, is_synced, O_NOFOLLOW);
}

static int open_root(const Io *io, const char *path, bool is_synced)
{
        g_autofree char *parent = g_path_get_dirname(path);
        g_autofree char *name = g_path_get_basename(path);
        int parent_fd, fd;

        parent_fd = io_openat(io, AT_FDCWD, parent, O_RDONLY | O_DIRECTORY, 0);
        if (parent_fd < 0)
                return parent_fd;

        /* The parent may belong to somebody else; one that exists already needs nothing of it. */
        fd = io_openat(io, parent_fd, name, O_RDONLY | O_DIRECTORY, 0);
        if (fd == -ENOENT)
                fd = make_and_open(io, parent_fd, name, is_synced, 0);
        close(parent_fd);
        return fd;
}

int directory_move_away(const StoreDirectory *directory, const char *name)
{
        return move_away(directory->io, directory->fd, name);
}

int directory_make_below(const StoreDirectory *directory, int parent_fd, const char *name)
{
        return open_subdirectory(directory->io, parent_fd, name, directory->is_synced);
}

/* The file's lock, for which it has to be writable. */
static int lock_file(StoreDirectory *directory)
{
        const Io *io = directory->io;
        int fd, r;

        fd = io_openat(io, directory->fd, "lock", O_RDWR | O_CREAT, FILE_MODE);
        if (fd < 0)
                return fd;
        /* It would be in the way of the other. */
        close_open(directory->read_lock_fd);
        directory->read_lock_fd = -1;
        r = io_lock(io, fd);
        if (r < 0) {
                close(fd);
                return r == -EAGAIN ? DIRECTORY_E_LOCKED : r;
        }

        directory->lock_fd = fd;
        return 0;
}

/* Where the file cannot be opened for writing. Where there is none, nobody has written anything yet. */
static int lock_for_reading(StoreDirectory *directory)
{
        const Io *io = directory->io;
        int r;

        if (directory->lock_fd >= 0)
                return 0;
        directory->read_lock_fd = directory_open_file(directory, "lock");
        if (directory->read_lock_fd < 0)
                return 0;
        r = io_lock(io, directory->read_lock_fd);
        return r == -EAGAIN ? DIRECTORY_E_LOCKED : 0;
}

static int open_tmp(const StoreDirectory *directory)
{
        return open_subdirectory(directory->io, directory->fd, "tmp", directory->is_synced);
}

static int make_tmp_ready(StoreDirectory *directory)
{
        int r;

        directory->tmp_fd = open_tmp(directory);
        if (directory->tmp_fd < 0)
                return directory->tmp_fd;
        r = directory_empty_tmp(directory);
        if (r != -EISDIR)
                return r;

        r = directory_move_away(directory, "tmp");
        if (r < 0)
                return r;
        close(directory->tmp_fd);
        directory->tmp_fd = open_tmp(directory);
        return MIN(directory->tmp_fd, 0);
}

int directory_make_ready(StoreDirectory *directory)
{
        int r;

        if (directory->lock_fd < 0) {
                r = lock_file(directory);
                if (r != 0)
                        return r;
        }
        if (directory->tmp_fd >= 0)
                return 0;

        return make_tmp_ready(directory);
}

int directory_empty_tmp(const StoreDirectory *directory)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        int r;

        r = io_list(directory->io, directory->tmp_fd, names);
        for (guint i = 0; i < names->len && r >= 0; i++)
                r = io_unlinkat(directory->io, directory->tmp_fd, names->pdata[i]);

        return r;
}

int directory_open(StoreDirectory **ret_directory, const Io *io, const char *path, bool is_synced)
{
        g_autoptr(StoreDirectory) directory = g_new(StoreDirectory, 1);
        int r;

        *directory = (StoreDirectory){
                .io = io,
                .path = g_strdup(path),
                .is_synced = is_synced,
                .fd = -1,
                .tmp_fd = -1,
                .lock_fd = -1,
                .read_lock_fd = -1,
        };

        directory->fd = open_root(io, path, is_synced);
        if (directory->fd < 0)
                return directory->fd;
        r = directory_make_ready(directory);
        if (r == DIRECTORY_E_LOCKED)
                return r;
        if (r < 0 && lock_for_reading(directory) == DIRECTORY_E_LOCKED)
                return DIRECTORY_E_LOCKED;

        directory->failure = r;
        *ret_directory = g_steal_pointer(&directory);
        return r < 0 ? DIRECTORY_E_READ_ONLY : 0;
}

StoreDirectory *directory_new_below(const StoreDirectory *parent, const char *name)
{
        StoreDirectory *directory = g_new(StoreDirectory, 1);

        *directory = (StoreDirectory){
                .io = parent->io,
                .path = g_build_filename(parent->path, name, NULL),
                .is_synced = parent->is_synced,
                .fd = io_openat(parent->io, parent->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                                0),
                .tmp_fd = -1,
                .lock_fd = -1,
                .read_lock_fd = -1,
        };
        return directory;
}

int directory_make_ready_below(StoreDirectory *directory, const StoreDirectory *parent)
{
        g_autofree char *name = g_path_get_basename(directory->path);

        if (directory->fd < 0)
                directory->fd = directory_make_below(parent, parent->fd, name);
        if (directory->fd < 0)
                return directory->fd;
        if (directory->tmp_fd < 0)
                directory->tmp_fd =
                        io_openat(parent->io, parent->fd, "tmp", O_RDONLY | O_DIRECTORY, 0);
        return MIN(directory->tmp_fd, 0);
}

StoreDirectory *directory_free(StoreDirectory *directory)
{
        if (!directory)
                return NULL;

        close_open(directory->tmp_fd);
        close_open(directory->fd);
        close_open(directory->lock_fd);
        close_open(directory->read_lock_fd);
        g_free(directory->path);
        g_free(directory);
        return NULL;
}

int directory_sync_file(const StoreDirectory *directory, int fd)
{
        return directory->is_synced ? io_fdatasync(directory->io, fd) : 0;
}

int directory_sync(const StoreDirectory *directory)
{
        return directory->is_synced ? io_fsync(directory->io, directory->fd) : 0;
}

int directory_create(const StoreDirectory *directory, const char *name)
{
        int r;

        /* What an attempt that failed may have left. */
        r = io_unlinkat(directory->io, directory->tmp_fd, name);
        if (r < 0 && r != -ENOENT)
                return r;

        return io_openat(directory->io, directory->tmp_fd, name, O_RDWR | O_CREAT | O_EXCL,
                         FILE_MODE);
}

/* A rename that failed may have been done all the same. */
static bool is_still_in_tmp(const StoreDirectory *directory, const char *name)
{
        int fd = io_openat(directory->io, directory->tmp_fd, name, O_RDONLY, 0);

        if (fd < 0)
                return false;
        close(fd);
        return true;
}

int directory_put_in_place(const StoreDirectory *directory, const char *name, const char *new_name)
{
        int r;

        r = io_renameat(directory->io, directory->tmp_fd, name, directory->fd, new_name);
        if (r < 0)
                return is_still_in_tmp(directory, name) ? r : DIRECTORY_E_UNCERTAIN;
        return directory_sync(directory) < 0 ? DIRECTORY_E_UNCERTAIN : 0;
}

static int write_and_compare(const StoreDirectory *directory, int fd, const char *text)
{
        size_t n_bytes = strlen(text);
        g_autofree char *copy = g_malloc(n_bytes + 1);
        ssize_t n;
        int r;

        r = io_pwrite_once(directory->io, fd, text, n_bytes, 0);
        if (r < 0)
                return r;
        r = directory_sync_file(directory, fd);
        if (r < 0)
                return r;

        n = io_pread_full(directory->io, fd, copy, n_bytes + 1, 0);
        if (n < 0)
                return (int) n;
        return (size_t) n == n_bytes && memcmp(copy, text, n_bytes) == 0 ? 0 : -EIO;
}

int directory_replace(const StoreDirectory *directory, const char *name, const char *text)
{
        int fd, r;

        fd = directory_create(directory, name);
        if (fd < 0)
                return fd;
        r = write_and_compare(directory, fd, text);
        close(fd);
        if (r < 0)
                return r;

        return directory_put_in_place(directory, name, name);
}

int directory_open_file(const StoreDirectory *directory, const char *name)
{
        return io_openat(directory->io, directory->fd, name,
                         O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, 0);
}

static int read_all(const Io *io, int fd, size_t max_bytes, char **ret_text, size_t *ret_bytes)
{
        g_autofree char *text = NULL;
        uint64_t size;
        ssize_t n;
        int r;

        r = io_size(io, fd, &size);
        if (r < 0)
                return r;
        if (size > max_bytes)
                return -EFBIG;

        text = g_malloc(size + 1);
        n = io_pread_full(io, fd, text, size, 0);
        if (n < 0)
                return (int) n;

        text[n] = '\0';
        *ret_text = g_steal_pointer(&text);
        *ret_bytes = (size_t) n;
        return 0;
}

int directory_read(const StoreDirectory *directory,
                   const char *name,
                   size_t max_bytes,
                   char **ret_text,
                   size_t *ret_bytes)
{
        int fd, r;

        fd = directory_open_file(directory, name);
        if (fd < 0)
                return fd;

        r = read_all(directory->io, fd, max_bytes, ret_text, ret_bytes);
        close(fd);
        return r;
}
