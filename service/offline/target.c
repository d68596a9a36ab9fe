/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Target
 */

#include "offline/target.h"

#include "client/regent-store-stream.h"
#include "offline/examine.h"
#include "offline/reading.h"
#include "offline/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_of_store(const char *name)
{
        return examine_name(name) != FILE_UNKNOWN || strcmp(name, "lock") == 0 ||
               strcmp(name, "damaged") == 0 || strcmp(name, "last-known-good") == 0;
}

/* A slip of the pen must not make somebody's home a state directory. */
static int check(const char *path)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(StoreDirectory) directory = NULL;
        int r;

        r = reading_open_directory(&directory, path);
        if (r == -ENOENT)
                return stream_fail(REGENT_STORE_NOT_FOUND,
                                   "Make it first: 'install -d -o regent -g regent -m 0700'.",
                                   "%s: it is not there", path);
        if (r == 0)
                r = io_list(directory->io, directory->fd, names);
        if (r < 0)
                return stream_fail_errno(r, path);

        for (guint i = 0; i < names->len; i++)
                if (is_of_store(names->pdata[i]))
                        return 0;
        return names->len == 0 ? 0
                               : stream_fail(REGENT_STORE_INVALID, NULL,
                                             "%s: it is no state directory, and not empty", path);
}

int target_take(const char *path)
{
        struct stat st;
        int r;

        r = check(path);
        if (r < 0)
                return r;
        if (stat(path, &st) < 0)
                return stream_fail_errno(-errno, path);
        if (geteuid() == st.st_uid)
                return 0;
        if (geteuid() != 0)
                return stream_fail(REGENT_STORE_DENIED, "Its owner may, and root.",
                                   "%s: it belongs to the user %u", path, (unsigned) st.st_uid);

        if (setgroups(0, NULL) < 0 || setresgid(st.st_gid, st.st_gid, st.st_gid) < 0 ||
            setresuid(st.st_uid, st.st_uid, st.st_uid) < 0)
                return stream_fail_errno(-errno, path);
        return 0;
}
