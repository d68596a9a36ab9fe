/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Traces
 */

#include "offline/traces.h"

#include "client/regent-store-stream.h"
#include "offline/examine.h"
#include "offline/reading.h"
#include "store/last-good.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define DAMAGED_NAME "damaged"

typedef struct Search {
        uint64_t highest;
        bool has_files, has_manifest; /* in the directory that is looked at now */
} Search;

static int look_at(Search *search, const StoreDirectory *directory, const char *name)
{
        FileKind kind = examine_name(name);
        Examination found;
        int fd, r;

        if (kind == FILE_UNKNOWN)
                return 0;
        fd = io_openat(directory->io, directory->fd, name, O_RDONLY, 0);
        if (fd < 0)
                return fd == -ENOENT || fd == -EIO ? 0 : fd;
        r = examine(directory->io, fd, kind, NULL, &found);
        close(fd);
        if (r < 0)
                return r;

        search->has_files = true;
        search->highest = MAX(search->highest, found.highest);
        if (kind == FILE_MANIFEST && strcmp(found.verdict, REGENT_STORE_WHOLE) == 0)
                search->has_manifest = true;
        return 0;
}

static int look_into(Search *search, const StoreDirectory *directory)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        int r;

        search->has_files = search->has_manifest = false;
        r = io_list(directory->io, directory->fd, names);
        for (guint i = 0; i < names->len && r == 0; i++)
                r = look_at(search, directory, names->pdata[i]);
        return r;
}

/* Files in it, and in the directories right below it with @is_deep. */
static int look_below(Search *search, const StoreDirectory *parent, const char *name, bool is_deep)
{
        g_autoptr(StoreDirectory) directory = NULL;
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        int r;

        r = reading_open_below(&directory, parent, name);
        if (r < 0)
                return r == -ENOENT || r == -ENOTDIR ? 0 : r;
        r = look_into(search, directory);
        if (r == 0 && is_deep)
                r = io_list(directory->io, directory->fd, names);
        for (guint i = 0; i < names->len && r == 0; i++)
                r = look_below(search, directory, names->pdata[i], false);
        return r;
}

int traces_highest(const StoreDirectory *directory, uint64_t *ret_revision)
{
        Search search = { 0 };
        bool is_in_doubt;
        int r;

        r = look_into(&search, directory);
        is_in_doubt = search.has_files && !search.has_manifest;
        if (r == 0)
                r = look_below(&search, directory, LAST_GOOD_NAME, false);
        if (r == 0)
                r = look_below(&search, directory, DAMAGED_NAME, true);
        if (r < 0)
                return r;

        *ret_revision = search.highest + (is_in_doubt ? TRACES_REVISIONS_IN_DOUBT : 0);
        return 0;
}
