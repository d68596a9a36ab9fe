/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store check
 */

#include "support/store-check.h"

#include "store/checkpoint-file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool is_there(const StoreDirectory *directory, const char *name)
{
        int fd = io_openat(directory->io, directory->fd, name, O_RDONLY, 0);

        if (fd < 0)
                return false;
        close(fd);
        return true;
}

static bool is_generation_complete(const StoreDirectory *directory,
                                   const ManifestGeneration *generation)
{
        if (!sd_id128_is_null(generation->checkpoint.uuid) &&
            checkpoint_verify(directory, &generation->checkpoint) != 0)
                return false;

        for (guint i = 0; i < generation->journals->len; i++) {
                g_autofree char *name = manifest_journal_name(
                        g_array_index(generation->journals, ManifestFile, i).revision);

                if (!is_there(directory, name))
                        return false;
        }
        return true;
}

static bool is_complete(const StoreDirectory *directory)
{
        g_autoptr(Manifest) manifest = NULL;
        g_autofree char *text = NULL;
        size_t n_bytes;
        int r;

        r = directory_read(directory, MANIFEST_NAME, MANIFEST_BYTES_MAX, &text, &n_bytes);
        if (r < 0)
                return r == -ENOENT;
        if (manifest_from_text(&manifest, text, n_bytes) != 0)
                return false;

        for (guint i = 0; i < manifest->generations->len; i++)
                if (!is_generation_complete(directory, manifest_generation(manifest, i)))
                        return false;
        return true;
}

/* A directory that is not there has no manifest either. */
bool store_check_is_complete(const Io *io, const char *path)
{
        g_autofree char *parent = g_path_get_dirname(path);
        g_autofree char *name = g_path_get_basename(path);
        StoreDirectory directory = { .io = io };
        bool result = true;
        int parent_fd;

        parent_fd = io_openat(io, AT_FDCWD, parent, O_RDONLY | O_DIRECTORY, 0);
        if (parent_fd < 0)
                return true;
        directory.fd = io_openat(io, parent_fd, name, O_RDONLY | O_DIRECTORY, 0);
        close(parent_fd);
        if (directory.fd < 0)
                return true;

        result = is_complete(&directory);
        close(directory.fd);
        return result;
}
