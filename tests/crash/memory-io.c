/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory Io
 */

#include "memory-io.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/*
 * One more call is one more for recorder.c and trace-format.h, too; but for write_out() and next_data(),
 * after which nothing is other than before.
 */
static_assert(sizeof(Io) == 16 * sizeof(void *), "Io has a call that is not recorded");

static DiskNode *node_of(const MemoryIo *memory, int fd)
{
        g_assert(fd >= 0 && (guint) fd < memory->open->len);
        return memory->open->pdata[fd];
}

/* Locks, until the end of the block it stands in. */
#define LOCKED(memory) \
        g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&(memory)->mutex)

static void about_to_change(const MemoryIo *memory)
{
        if (memory->on_change)
                memory->on_change(memory->userdata);
}

static int open_node(MemoryIo *memory, DiskNode *node)
{
        int fd = fcntl(memory->null_fd, F_DUPFD_CLOEXEC, 3);

        g_assert_cmpint(fd, >=, 0);
        if ((guint) fd >= memory->open->len)
                g_ptr_array_set_size(memory->open, fd + 1);
        memory->open->pdata[fd] = node;
        return fd;
}

/* The directories that hold the two are one, and it is called /. */
static int memory_openat(
        void *userdata, int dir_fd, const char *path, int flags, mode_t unused G_GNUC_UNUSED)
{
        MemoryIo *memory = userdata;
        DiskNode *directory, *node;
        LOCKED(memory);

        if (dir_fd == AT_FDCWD)
                return strcmp(path, "/") == 0 ? open_node(memory, memory->disk->root) : -ENOENT;

        directory = node_of(memory, dir_fd);
        node = disk_lookup(directory, path);
        if (node && (flags & O_EXCL))
                return -EEXIST;
        if (!node && !(flags & O_CREAT))
                return -ENOENT;
        if (node && node->is_directory != !!(flags & O_DIRECTORY))
                return node->is_directory ? -EISDIR : -ENOTDIR;
        if (!node) {
                about_to_change(memory);
                node = disk_add(memory->disk, directory, path, false);
        }
        return open_node(memory, node);
}

static ssize_t memory_pread(void *userdata, int fd, void *buffer, size_t n_bytes, uint64_t offset)
{
        MemoryIo *memory = userdata;
        LOCKED(memory);

        return (ssize_t) disk_read(node_of(memory, fd), buffer, n_bytes, offset);
}

static bool is_zeros(const char *bytes, size_t n_bytes)
{
        return n_bytes > 0 && bytes[0] == 0 && memcmp(bytes, bytes + 1, n_bytes - 1) == 0;
}

static ssize_t memory_pwrite(
        void *userdata, int fd, const void *buffer, size_t n_bytes, uint64_t offset)
{
        MemoryIo *memory = userdata;
        LOCKED(memory);

        about_to_change(memory);
        disk_write(memory->disk, node_of(memory, fd), is_zeros(buffer, n_bytes) ? NULL : buffer,
                   n_bytes, offset);
        return (ssize_t) n_bytes;
}

static int memory_sync(void *userdata, int fd)
{
        MemoryIo *memory = userdata;
        LOCKED(memory);

        about_to_change(memory);
        disk_synced(memory->disk, node_of(memory, fd), disk_now(memory->disk), false);
        return 0;
}

static int memory_renameat(void *userdata, int from_fd, const char *from, int to_fd, const char *to)
{
        MemoryIo *memory = userdata;
        LOCKED(memory);

        if (!disk_lookup(node_of(memory, from_fd), from))
                return -ENOENT;
        about_to_change(memory);
        disk_move(memory->disk, node_of(memory, from_fd), from, node_of(memory, to_fd), to);
        return 0;
}

static int memory_linkat(void *userdata, int from_fd, const char *from, int to_fd, const char *to)
{
        MemoryIo *memory = userdata;
        DiskNode *node;
        LOCKED(memory);

        node = disk_lookup(node_of(memory, from_fd), from);
        if (!node)
                return -ENOENT;
        if (disk_lookup(node_of(memory, to_fd), to))
                return -EEXIST;
        about_to_change(memory);
        disk_link(memory->disk, node_of(memory, to_fd), to, node);
        return 0;
}

static int memory_unlinkat(void *userdata, int dir_fd, const char *path)
{
        MemoryIo *memory = userdata;
        LOCKED(memory);

        if (!disk_lookup(node_of(memory, dir_fd), path))
                return -ENOENT;
        about_to_change(memory);
        disk_unlink(memory->disk, node_of(memory, dir_fd), path);
        return 0;
}

static int memory_mkdirat(void *userdata, int dir_fd, const char *path, mode_t unused G_GNUC_UNUSED)
{
        MemoryIo *memory = userdata;
        LOCKED(memory);

        if (disk_lookup(node_of(memory, dir_fd), path))
                return -EEXIST;
        about_to_change(memory);
        disk_add(memory->disk, node_of(memory, dir_fd), path, true);
        return 0;
}

static int memory_fstat(void *userdata, int fd, struct stat *ret_stat)
{
        MemoryIo *memory = userdata;
        const DiskNode *node;
        LOCKED(memory);

        node = node_of(memory, fd);
        memset(ret_stat, 0, sizeof *ret_stat);
        ret_stat->st_ino = node->number + 1;
        ret_stat->st_mode = node->is_directory ? S_IFDIR | 0700 : S_IFREG | 0600;
        ret_stat->st_size = (off_t) node->n_bytes;
        return 0;
}

static int memory_fallocate(void *unused G_GNUC_UNUSED,
                            int fd G_GNUC_UNUSED,
                            uint64_t offset G_GNUC_UNUSED,
                            uint64_t n_bytes G_GNUC_UNUSED)
{
        return 0;
}

static int memory_lock(void *unused G_GNUC_UNUSED, int fd G_GNUC_UNUSED)
{
        return 0;
}

static int memory_list(void *userdata, int dir_fd, GPtrArray *names)
{
        MemoryIo *memory = userdata;
        GHashTableIter iter;
        gpointer name;
        LOCKED(memory);

        g_hash_table_iter_init(&iter, node_of(memory, dir_fd)->names);
        while (g_hash_table_iter_next(&iter, &name, NULL))
                g_ptr_array_add(names, g_strdup(name));
        return 0;
}

void memory_io_init(MemoryIo *memory)
{
        *memory = (MemoryIo){
                .io = {
                        .openat = memory_openat,
                        .pread = memory_pread,
                        .pwrite = memory_pwrite,
                        .fdatasync = memory_sync,
                        .fsync = memory_sync,
                        .renameat = memory_renameat,
                        .linkat = memory_linkat,
                        .unlinkat = memory_unlinkat,
                        .mkdirat = memory_mkdirat,
                        .fstat = memory_fstat,
                        .fallocate = memory_fallocate,
                        .lock = memory_lock,
                        .list = memory_list,
                        .userdata = memory,
                },
                .null_fd = open("/dev/null", O_RDWR | O_CLOEXEC),
                .open = g_ptr_array_new(),
        };
        g_assert_cmpint(memory->null_fd, >=, 0);
        g_mutex_init(&memory->mutex);
}

void memory_io_clear(MemoryIo *memory)
{
        close(memory->null_fd);
        g_ptr_array_unref(memory->open);
        g_mutex_clear(&memory->mutex);
}

void memory_io_set_disk(MemoryIo *memory, Disk *disk)
{
        memory->disk = disk;
        g_ptr_array_set_size(memory->open, 0);
}
