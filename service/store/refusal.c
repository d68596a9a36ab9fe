/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Refusal
 */

#include "store/refusal.h"

#include <string.h>
#include <unistd.h>

static bool is_read(const char *name)
{
        return g_str_has_prefix(name, "checkpoint-") || g_str_has_prefix(name, "journal-") ||
               strcmp(name, MANIFEST_NAME) == 0;
}

static char *path_in(const StoreDirectory *directory, int r)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

        if (!directory || directory->fd < 0)
                return NULL;
        if (io_list(directory->io, directory->fd, names) < 0)
                return NULL;
        for (guint i = 0; i < names->len; i++) {
                int fd;

                if (!is_read(names->pdata[i]))
                        continue;
                fd = directory_open_file(directory, names->pdata[i]);
                if (fd >= 0)
                        close(fd);
                else if (fd == r)
                        return g_build_filename(directory->path, names->pdata[i], NULL);
        }
        return NULL;
}

char *refusal_path(const Side *sides, size_t n_sides, int r)
{
        for (size_t i = 0; i < n_sides; i++) {
                char *path = path_in(sides[i].directory, r);

                if (!path)
                        path = path_in(sides[i].good_directory, r);
                if (path)
                        return path;
        }
        return NULL;
}
