/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Configuration files
 */

#include "util/conf-file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static bool is_null_device(const struct stat *st)
{
        return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

static int read_all(int fd, size_t bytes_max, GByteArray *bytes)
{
        uint8_t block[4096];
        ssize_t n;

        do {
                n = read(fd, block, sizeof block);
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        g_byte_array_append(bytes, block, (guint) n);
                if (bytes->len > bytes_max)
                        return -EFBIG;
        } while (n != 0);

        return 0;
}

int conf_file_read(const char *path, size_t bytes_max, GByteArray **ret_bytes)
{
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        struct stat st;
        int fd, r;

        /* Not to wait for whoever would write to a FIFO. */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -errno;

        if (fstat(fd, &st) < 0)
                r = -errno;
        else if (is_null_device(&st))
                r = CONF_FILE_E_MASKED;
        else if (S_ISREG(st.st_mode))
                r = read_all(fd, bytes_max, bytes);
        else
                r = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
        close(fd);
        if (r != 0)
                return r;

        *ret_bytes = g_steal_pointer(&bytes);
        return 0;
}

static int compare_names(gconstpointer a, gconstpointer b, gpointer unused G_GNUC_UNUSED)
{
        return strcmp(a, b);
}

GTree *conf_files_new(void)
{
        return g_tree_new_full(compare_names, NULL, g_free, g_free);
}

static int compare_listed(gconstpointer a, gconstpointer b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Hidden ones are what editors and package managers leave about. */
static bool is_conf_file(const char *name)
{
        return *name != '.' && g_str_has_suffix(name, ".conf");
}

int conf_files_list(const char *directory, GPtrArray **ret_names)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        const struct dirent *entry;
        DIR *dir;
        int r;

        dir = opendir(directory);
        r = dir ? 0 : -errno;
        if (r < 0 && r != -ENOENT)
                return r;

        for (errno = 0; dir && (entry = readdir(dir)); errno = 0)
                if (is_conf_file(entry->d_name))
                        g_ptr_array_add(names, g_strdup(entry->d_name));
        r = dir ? -errno : 0;
        if (dir)
                closedir(dir);
        if (r < 0)
                return r;

        g_ptr_array_sort(names, compare_listed);
        *ret_names = g_steal_pointer(&names);
        return 0;
}

int conf_files_add(GTree *files, const char *directory, guint n_max)
{
        g_autoptr(GPtrArray) names = NULL;
        int r;

        r = conf_files_list(directory, &names);
        if (r < 0)
                return r;

        for (guint i = 0; i < names->len; i++) {
                const char *name = names->pdata[i];

                if ((guint) g_tree_nnodes(files) < n_max || g_tree_lookup(files, name))
                        g_tree_replace(files, g_strdup(name),
                                       g_build_filename(directory, name, NULL));
                else
                        r = -E2BIG;
        }
        return r;
}
