/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Last known good
 */

#include "store/last-good.h"

#include "store/checkpoint-file.h"
#include "store/checkpoint-load.h"
#include "store/record-reader.h"
#include "store/restorations.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "checkpoint-"

static uint64_t revision_of(const char *name)
{
        guint64 revision;

        if (!g_str_has_prefix(name, PREFIX) ||
            !g_ascii_string_to_unsigned(name + strlen(PREFIX), 10, 1, UINT64_MAX, &revision, NULL))
                return 0;
        return revision;
}

static gint compare_revisions(gconstpointer a, gconstpointer b)
{
        uint64_t first = revision_of(*(const char *const *) a);
        uint64_t second = revision_of(*(const char *const *) b);

        return first < second ? 1 : first > second ? -1 : 0;
}

/* The names of all copies, newest first. */
static int list(const StoreDirectory *directory, GPtrArray *names)
{
        int r;

        r = io_list(directory->io, directory->fd, names);
        if (r < 0)
                return r;
        for (guint i = names->len; i > 0; i--)
                if (revision_of(names->pdata[i - 1]) == 0)
                        g_ptr_array_remove_index(names, i - 1);

        g_ptr_array_sort(names, compare_revisions);
        return 0;
}

/* Which file it is, by its header. 0, -EBADMSG, CHECKPOINT_E_NEWER or an errno. */
static int identify(const StoreDirectory *directory, const char *name, ManifestFile *ret_file)
{
        g_autoptr(RecordReader) reader = NULL;
        int fd, r;

        fd = directory_open_file(directory, name);
        if (fd < 0)
                return io_is_refusal(fd) ? fd : -EBADMSG;
        r = record_reader_new(&reader, directory->io, fd, FORMAT_MAGIC_CHECKPOINT);
        close(fd);
        if (r == RECORD_E_NEWER)
                return CHECKPOINT_E_NEWER;
        if (r != 0)
                return r < 0 && io_is_refusal(r) ? r : -EBADMSG;

        ret_file->revision = revision_of(name);
        memcpy(&ret_file->uuid, record_reader_header(reader)->uuid, sizeof ret_file->uuid);
        return 0;
}

int last_good_find(const StoreDirectory *directory, ManifestFile *ret_file, GPtrArray *damaged)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        int r;

        *ret_file = (ManifestFile){ 0 };
        if (directory->fd < 0)
                return 0;
        r = list(directory, names);
        if (r < 0)
                return r;

        for (guint i = 0; i < names->len; i++) {
                ManifestFile file;

                r = identify(directory, names->pdata[i], &file);
                if (r == 0)
                        r = checkpoint_verify(directory, &file);
                if (r == 0) {
                        *ret_file = file;
                        return 0;
                }
                if (r == CHECKPOINT_E_NEWER)
                        return LAST_GOOD_E_NEWER;
                if (r == -EBADMSG)
                        g_ptr_array_add(damaged, g_strdup(names->pdata[i]));
                else
                        return r;
        }

        return 0;
}

int last_good_load(const StoreDirectory *directory, const ManifestFile *file, State *state)
{
        int r = checkpoint_load(directory, file, COMMIT_PERSISTENT, state);

        return r > 0 || r == -EIO ? -EBADMSG : r;
}

static bool is_among(const GArray *files, const ManifestFile *file)
{
        for (guint i = 0; i < files->len; i++) {
                const ManifestFile *other = &g_array_index(files, ManifestFile, i);

                if (other->revision == file->revision && sd_id128_equal(other->uuid, file->uuid))
                        return true;
        }

        return false;
}

int last_good_prune(const StoreDirectory *directory,
                    const StoreDirectory *journals,
                    const Manifest *manifest)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GArray) named = g_array_new(FALSE, FALSE, sizeof(ManifestFile));
        ManifestFile file;
        int r;

        r = list(directory, names);
        if (r < 0 || names->len < 2)
                return r;
        r = restorations_find(journals, manifest, named);
        for (guint i = 1; i < names->len && r >= 0; i++)
                if (identify(directory, names->pdata[i], &file) == 0 && !is_among(named, &file))
                        r = io_unlinkat(directory->io, directory->fd, names->pdata[i]);

        return r < 0 ? r : 0;
}
