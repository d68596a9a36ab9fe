/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Power Io
 *
 * Each write is done at once, and what it wrote over is kept until the file is synced; each change
 * of a name is done at once, and how to undo it is kept until its directory is synced. A file that
 * loses a name through the change keeps another one, in the directory given for that.
 */

#include "support/power-io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SECTOR_BYTES 512u

/* What one write wrote over. */
typedef struct OldBytes {
        int fd; /* an own one */
        ino_t file;
        uint64_t offset;
        size_t n_bytes;      /* written */
        size_t n_old;        /* of them had been in the file */
        uint64_t file_bytes; /* its size before */
        bool is_stuck;       /* a sync of it has failed: only another write brings it to disk */
        uint8_t *bytes;
} OldBytes;

/* How to undo one change of a name in a directory. */
typedef struct OldName {
        int dir_fd; /* an own one */
        ino_t dir;
        char *name;
        char *kept; /* the name that what was there before has now; NULL: nothing was there */
        int to_fd;  /* a rename: what is there goes back to, an own one; or -1 */
        char *to;
} OldName;

struct PowerIo {
        Io io;
        GMutex mutex;
        GRand *random;
        int keep_fd;
        unsigned n_kept;
        bool is_lying;
        int n_until_failure;  /* syncs of files; 0: none fails */
        GPtrArray *old_bytes; /* oldest first */
        GPtrArray *old_names;
};

static void old_bytes_free(gpointer userdata)
{
        OldBytes *old = userdata;

        close(old->fd);
        g_free(old->bytes);
        g_free(old);
}

static void old_name_free(gpointer userdata)
{
        OldName *old = userdata;

        close(old->dir_fd);
        if (old->to_fd >= 0)
                close(old->to_fd);
        g_free(old->name);
        g_free(old->kept);
        g_free(old->to);
        g_free(old);
}

static ino_t inode_of(int fd)
{
        struct stat st;

        g_assert_cmpint(fstat(fd, &st), ==, 0);
        return st.st_ino;
}

static int duplicate(int fd)
{
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

        g_assert_cmpint(copy, >=, 0);
        return copy;
}

static void keep_bytes(PowerIo *power, int fd, size_t n_bytes, uint64_t offset)
{
        OldBytes *old = g_new0(OldBytes, 1);
        struct stat st;
        ssize_t n;

        g_assert_cmpint(fstat(fd, &st), ==, 0);
        old->fd = duplicate(fd);
        old->file = st.st_ino;
        old->file_bytes = (uint64_t) st.st_size;
        old->offset = offset;
        old->n_bytes = n_bytes;
        old->bytes = g_malloc0(n_bytes);
        n = io_pread_full(io_system(), fd, old->bytes, n_bytes, offset);
        g_assert_cmpint(n, >=, 0);
        old->n_old = (size_t) n;
        g_ptr_array_add(power->old_bytes, old);
}

/* Notes that @name is about to mean something else, or nothing. */
static OldName *keep_name(PowerIo *power, int dir_fd, const char *name)
{
        g_autofree char *kept = g_strdup_printf("kept-%u", power->n_kept++);
        OldName *old = g_new0(OldName, 1);

        old->dir_fd = duplicate(dir_fd);
        old->dir = inode_of(dir_fd);
        old->name = g_strdup(name);
        old->to_fd = -1;
        if (linkat(dir_fd, name, power->keep_fd, kept, 0) == 0)
                old->kept = g_steal_pointer(&kept);
        g_ptr_array_add(power->old_names, old);
        return old;
}

static ssize_t power_pwrite(
        void *userdata, int fd, const void *buffer, size_t n_bytes, uint64_t offset)
{
        PowerIo *power = userdata;
        ssize_t n;

        g_mutex_lock(&power->mutex);
        keep_bytes(power, fd, n_bytes, offset);
        n = io_pwrite(io_system(), fd, buffer, n_bytes, offset);
        g_mutex_unlock(&power->mutex);
        return n;
}

/* Whether a later write of the same bytes is still to be synced, or just was. */
static bool is_written_again(const PowerIo *power, guint i)
{
        const OldBytes *old = power->old_bytes->pdata[i];

        for (guint j = i + 1; j < power->old_bytes->len; j++) {
                const OldBytes *later = power->old_bytes->pdata[j];

                if (later->file == old->file && later->offset <= old->offset &&
                    later->offset + later->n_bytes >= old->offset + old->n_bytes)
                        return true;
        }

        return false;
}

static void forget_stuck(PowerIo *power, ino_t file)
{
        for (guint i = power->old_bytes->len; i > 0; i--) {
                OldBytes *old = power->old_bytes->pdata[i - 1];

                if (old->file == file && old->is_stuck && is_written_again(power, i - 1))
                        g_ptr_array_remove_index(power->old_bytes, i - 1);
        }
}

static void sync_bytes(PowerIo *power, ino_t file, bool has_failed)
{
        if (!has_failed)
                forget_stuck(power, file);

        for (guint i = power->old_bytes->len; i > 0; i--) {
                OldBytes *old = power->old_bytes->pdata[i - 1];

                if (old->file != file)
                        continue;
                if (has_failed)
                        old->is_stuck = true;
                else if (!old->is_stuck && !power->is_lying)
                        g_ptr_array_remove_index(power->old_bytes, i - 1);
        }
}

static int power_fdatasync(void *userdata, int fd)
{
        PowerIo *power = userdata;
        bool has_failed;

        g_mutex_lock(&power->mutex);
        has_failed = power->n_until_failure > 0 && --power->n_until_failure == 0;
        sync_bytes(power, inode_of(fd), has_failed);
        g_mutex_unlock(&power->mutex);
        return has_failed ? -EIO : 0;
}

/* Of directories. */
static int power_fsync(void *userdata, int fd)
{
        PowerIo *power = userdata;
        ino_t inode = inode_of(fd);

        g_mutex_lock(&power->mutex);
        for (guint i = power->old_names->len; i > 0; i--)
                if (((OldName *) power->old_names->pdata[i - 1])->dir == inode)
                        g_ptr_array_remove_index(power->old_names, i - 1);
        g_mutex_unlock(&power->mutex);
        return 0;
}

static int power_openat(void *userdata, int dir_fd, const char *path, int flags, mode_t mode)
{
        PowerIo *power = userdata;
        int fd;

        g_mutex_lock(&power->mutex);
        if ((flags & O_CREAT) && faccessat(dir_fd, path, F_OK, 0) < 0)
                keep_name(power, dir_fd, path);
        fd = io_openat(io_system(), dir_fd, path, flags, mode);
        g_mutex_unlock(&power->mutex);
        return fd;
}

static int power_renameat(void *userdata, int from_fd, const char *from, int to_fd, const char *to)
{
        PowerIo *power = userdata;
        OldName *old;
        int r;

        g_mutex_lock(&power->mutex);
        old = keep_name(power, to_fd, to);
        old->to_fd = duplicate(from_fd);
        old->to = g_strdup(from);
        r = io_renameat(io_system(), from_fd, from, to_fd, to);
        g_mutex_unlock(&power->mutex);
        return r;
}

static int power_linkat(void *userdata, int from_fd, const char *from, int to_fd, const char *to)
{
        PowerIo *power = userdata;
        int r;

        g_mutex_lock(&power->mutex);
        r = io_linkat(io_system(), from_fd, from, to_fd, to);
        if (r == 0) {
                OldName *old = keep_name(power, to_fd, to);

                g_clear_pointer(&old->kept, g_free);
        }
        g_mutex_unlock(&power->mutex);
        return r;
}

static int power_unlinkat(void *userdata, int dir_fd, const char *path)
{
        PowerIo *power = userdata;
        int r;

        g_mutex_lock(&power->mutex);
        if (faccessat(dir_fd, path, F_OK, 0) == 0)
                keep_name(power, dir_fd, path);
        r = io_unlinkat(io_system(), dir_fd, path);
        g_mutex_unlock(&power->mutex);
        return r;
}

/* The rest is as it always is. */

static ssize_t power_pread(
        void *unused G_GNUC_UNUSED, int fd, void *buffer, size_t n_bytes, uint64_t offset)
{
        return io_pread(io_system(), fd, buffer, n_bytes, offset);
}

static int power_mkdirat(void *unused G_GNUC_UNUSED, int dir_fd, const char *path, mode_t mode)
{
        return io_mkdirat(io_system(), dir_fd, path, mode);
}

static int power_fstat(void *unused G_GNUC_UNUSED, int fd, struct stat *ret_stat)
{
        return io_fstat(io_system(), fd, ret_stat);
}

static int power_fallocate(void *unused G_GNUC_UNUSED, int fd, uint64_t offset, uint64_t n_bytes)
{
        return io_fallocate(io_system(), fd, offset, n_bytes);
}

static int power_lock(void *unused G_GNUC_UNUSED, int fd)
{
        return io_lock(io_system(), fd);
}

static int power_list(void *unused G_GNUC_UNUSED, int dir_fd, GPtrArray *names)
{
        return io_list(io_system(), dir_fd, names);
}

PowerIo *power_io_new(const char *keep, guint32 seed)
{
        PowerIo *power = g_new0(PowerIo, 1);

        power->io = (Io){
                .openat = power_openat,
                .pread = power_pread,
                .pwrite = power_pwrite,
                .fdatasync = power_fdatasync,
                .fsync = power_fsync,
                .renameat = power_renameat,
                .linkat = power_linkat,
                .unlinkat = power_unlinkat,
                .mkdirat = power_mkdirat,
                .fstat = power_fstat,
                .fallocate = power_fallocate,
                .lock = power_lock,
                .list = power_list,
                .userdata = power,
        };
        g_mutex_init(&power->mutex);
        power->random = g_rand_new_with_seed(seed);
        power->keep_fd = open(keep, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_cmpint(power->keep_fd, >=, 0);
        power->old_bytes = g_ptr_array_new_with_free_func(old_bytes_free);
        power->old_names = g_ptr_array_new_with_free_func(old_name_free);
        return power;
}

PowerIo *power_io_free(PowerIo *power)
{
        if (!power)
                return NULL;

        g_ptr_array_unref(power->old_bytes);
        g_ptr_array_unref(power->old_names);
        g_rand_free(power->random);
        close(power->keep_fd);
        g_mutex_clear(&power->mutex);
        g_free(power);
        return NULL;
}

const Io *power_io(const PowerIo *power)
{
        return &power->io;
}

void power_io_lie(PowerIo *power)
{
        power->is_lying = true;
}

void power_io_fail_sync(PowerIo *power, int n)
{
        power->n_until_failure = n;
}

/* Each sector that was written goes back to what it was, or stays, by chance. */
static void take_back_bytes(PowerIo *power, const OldBytes *old)
{
        uint64_t at = old->offset;
        uint64_t end = old->offset + old->n_bytes;

        while (at < end) {
                uint64_t next = MIN(end, (at / SECTOR_BYTES + 1) * SECTOR_BYTES);

                if (g_rand_boolean(power->random))
                        g_assert_cmpint(pwrite(old->fd, old->bytes + (at - old->offset), next - at,
                                               (off_t) at),
                                        ==, (ssize_t) (next - at));
                at = next;
        }
        if (old->n_old < old->n_bytes && g_rand_boolean(power->random))
                g_assert_cmpint(ftruncate(old->fd, (off_t) old->file_bytes), ==, 0);
}

/* What was to happen may have failed, and what was there may be there again. */
static void assert_taken_back(int r)
{
        g_assert_true(r == 0 || errno == ENOENT || errno == EEXIST);
}

static void take_back_name(PowerIo *power, const OldName *old)
{
        if (old->to_fd >= 0)
                assert_taken_back(renameat(old->dir_fd, old->name, old->to_fd, old->to));
        else
                assert_taken_back(unlinkat(old->dir_fd, old->name, 0));
        if (old->kept)
                assert_taken_back(linkat(power->keep_fd, old->kept, old->dir_fd, old->name, 0));
}

void power_io_cut(PowerIo *power)
{
        guint n_names = power->old_names->len > 0
                                ? (guint) g_rand_int_range(power->random, 0,
                                                           (gint32) power->old_names->len + 1)
                                : 0;

        for (guint i = power->old_bytes->len; i > 0; i--)
                take_back_bytes(power, power->old_bytes->pdata[i - 1]);
        for (guint i = 0; i < n_names; i++)
                take_back_name(power, power->old_names->pdata[power->old_names->len - 1 - i]);

        g_ptr_array_set_size(power->old_bytes, 0);
        g_ptr_array_set_size(power->old_names, 0);
}
