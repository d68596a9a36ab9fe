/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Site
 */

#include "site.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void bytes_unref(gpointer bytes)
{
        g_bytes_unref(bytes);
}

static Site *site_new(void)
{
        Site *site = g_new(Site, 1);

        site->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, bytes_unref);
        return site;
}

Site *site_free(Site *site)
{
        if (!site)
                return NULL;

        g_hash_table_unref(site->files);
        g_free(site);
        return NULL;
}

static bool is_left_out(const char *name)
{
        return strcmp(name, "tmp") == 0 || strcmp(name, "lock") == 0;
}

static void read_below(Site *site, const char *root, const char *below)
{
        g_autofree char *directory = g_build_filename(root, below, NULL);
        g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *path =
                        *below ? g_build_filename(below, name, NULL) : g_strdup(name);
                g_autofree char *full = g_build_filename(root, path, NULL);
                char *text;
                gsize n;

                if (is_left_out(name))
                        continue;
                if (g_file_test(full, G_FILE_TEST_IS_DIR)) {
                        read_below(site, root, path);
                        continue;
                }
                /* A store that is in use may take it away. */
                if (g_file_get_contents(full, &text, &n, NULL))
                        site_put(site, path, g_bytes_new_take(text, n));
        }
}

Site *site_read(const char *directory)
{
        Site *site = site_new();

        read_below(site, directory, "");
        return site;
}

Site *site_copy(const Site *site)
{
        Site *copy = site_new();
        GHashTableIter iter;
        gpointer path, bytes;

        g_hash_table_iter_init(&iter, site->files);
        while (g_hash_table_iter_next(&iter, &path, &bytes))
                site_put(copy, path, g_bytes_ref(bytes));
        return copy;
}

/* Zeros at the end are most of a journal, and are left a hole. */
static void write_file(const char *path, GBytes *bytes)
{
        gsize n;
        const char *text = g_bytes_get_data(bytes, &n);
        gsize n_dirty = n;
        int fd;

        while (n_dirty > 0 && text[n_dirty - 1] == 0)
                n_dirty--;
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(write(fd, text, n_dirty), ==, n_dirty);
        g_assert_cmpint(ftruncate(fd, (off_t) n), ==, 0);
        close(fd);
}

void site_write(const Site *site, const char *directory)
{
        GHashTableIter iter;
        gpointer path, bytes;

        g_hash_table_iter_init(&iter, site->files);
        while (g_hash_table_iter_next(&iter, &path, &bytes)) {
                g_autofree char *full = g_build_filename(directory, path, NULL);
                g_autofree char *parent = g_path_get_dirname(full);

                g_assert_cmpint(g_mkdir_with_parents(parent, 0700), ==, 0);
                write_file(full, bytes);
        }
}

GBytes *site_get(const Site *site, const char *path)
{
        return g_hash_table_lookup(site->files, path);
}

void site_put(Site *site, const char *path, GBytes *bytes)
{
        if (bytes)
                g_hash_table_replace(site->files, g_strdup(path), bytes);
        else
                g_hash_table_remove(site->files, path);
}

bool site_agrees(const Site *site, const Site *other, const char *path)
{
        GBytes *mine = site_get(site, path), *theirs = site_get(other, path);

        if (!mine || !theirs)
                return mine == theirs;
        return mine == theirs || g_bytes_equal(mine, theirs);
}

bool site_has_bytes(const Site *site, const char *prefix, GBytes *bytes)
{
        GHashTableIter iter;
        gpointer path, some;

        g_hash_table_iter_init(&iter, site->files);
        while (g_hash_table_iter_next(&iter, &path, &some))
                if (g_str_has_prefix(path, prefix) && g_bytes_equal(some, bytes))
                        return true;
        return false;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

GPtrArray *site_paths(const Site *site)
{
        GPtrArray *paths = g_ptr_array_new();
        GHashTableIter iter;
        gpointer path;

        g_hash_table_iter_init(&iter, site->files);
        while (g_hash_table_iter_next(&iter, &path, NULL))
                g_ptr_array_add(paths, path);
        g_ptr_array_sort(paths, compare_names);
        return paths;
}
