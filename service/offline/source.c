/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Source
 */

#include "offline/source.h"

#include "client/regent-store-stream.h"
#include "offline/examine.h"
#include "offline/read-only-io.h"
#include "offline/reading.h"
#include "offline/stream.h"
#include "store/checkpoint-load.h"
#include "store/last-good.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FORCE_HINT "'regentctl verify' says more; with --force it takes what can be read."

void source_clear(Source *source)
{
        g_clear_pointer(&source->state, state_free);
}

static int read_checkpoint(Source *source, int fd, const char *path)
{
        Examination found;
        int r;

        r = examine(read_only_io(), fd, FILE_UNKNOWN, NULL, &found);
        if (r < 0)
                return stream_fail_errno(r, path);
        if (strcmp(found.verdict, REGENT_STORE_NEWER) == 0)
                return stream_fail(REGENT_STORE_REFUSED, NULL, "%s: %s", path, found.reason);
        if (found.kind != FILE_CHECKPOINT)
                return stream_fail(REGENT_STORE_INVALID,
                                   "'regentctl backup' writes one. A directory may be named, too.",
                                   "%s: it is no backup", path);
        if (strcmp(found.verdict, REGENT_STORE_WHOLE) != 0)
                return stream_fail(REGENT_STORE_INVALID, NULL, "%s: %s", path, found.reason);

        source->state = state_new();
        source->revision = found.identity.revision;
        source->created_usec = found.created_usec;
        r = checkpoint_load_open(read_only_io(), fd, &found.identity, source->state);
        return r == 0 ? 0 : stream_fail_errno(r < 0 ? r : -EBADMSG, path);
}

static int read_directory(Source *source, const char *path, bool is_forced)
{
        const ReadingOptions options = { .state_directory = path };
        g_auto(Reading) reading = { 0 };
        const RecoveryFindings *findings = &reading.findings[COMMIT_PERSISTENT];
        int r;

        r = reading_open(&reading, &options);
        if (r < 0)
                return r;
        r = reading_load(&reading);
        if (r < 0)
                return stream_fail_errno(r, path);
        if (reading.newer)
                return stream_fail(REGENT_STORE_REFUSED, NULL,
                                   "%s: it was written by a later version", path);
        if (findings->is_nothing)
                return stream_fail(REGENT_STORE_INVALID, NULL, "%s: there is no state in it", path);
        if (findings->damage && !is_forced)
                return stream_fail(REGENT_STORE_INVALID, FORCE_HINT, "%s: %s", path,
                                   findings->damage);

        source->state = g_steal_pointer(&reading.state);
        source->revision = findings->revision;
        source->damage = findings->damage;
        return 0;
}

static int read_last_good(Source *source, const char *state_directory)
{
        g_autofree char *path = g_build_filename(state_directory, LAST_GOOD_NAME, NULL);
        g_autoptr(GPtrArray) damaged = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(StoreDirectory) parent = NULL;
        g_autoptr(StoreDirectory) directory = NULL;
        ManifestFile file;
        int r;

        r = reading_open_directory(&parent, state_directory);
        if (r == 0)
                r = reading_open_below(&directory, parent, LAST_GOOD_NAME);
        if (r < 0)
                return stream_fail_errno(r, path);
        r = last_good_find(directory, &file, damaged);
        if (r < 0)
                return stream_fail_errno(r, path);
        if (r == LAST_GOOD_E_NEWER)
                return stream_fail(REGENT_STORE_REFUSED, NULL,
                                   "%s: it was written by a later version", path);
        if (file.revision == 0 && damaged->len > 0)
                return stream_fail(REGENT_STORE_INVALID, NULL, "%s: the copy is damaged", path);
        if (file.revision == 0)
                return stream_fail(REGENT_STORE_NOT_FOUND, NULL,
                                   "%s: there is no last known good state", path);

        source->state = state_new();
        source->revision = file.revision;
        r = last_good_load(directory, &file, source->state);
        return r == 0 ? 0 : stream_fail_errno(r, path);
}

static int read_from(Source *source, const char *from, const char *state_directory, bool is_forced)
{
        struct stat st;
        int fd, r;

        if (strcmp(from, SOURCE_LAST_GOOD) == 0)
                return read_last_good(source, state_directory);

        fd = reading_open_named(from);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
                r = read_directory(source, from, is_forced);
        else
                r = read_checkpoint(source, fd, from);
        close(fd);
        return r;
}

int source_read(Source *ret_source, const char *from, const char *state_directory, bool is_forced)
{
        g_auto(Source) source = { 0 };
        int r;

        r = read_from(&source, from, state_directory, is_forced);
        if (r < 0)
                return r;

        if (state_revision(source.state) < source.revision)
                state_set_revision(source.state, source.revision);
        *ret_source = source;
        memset(&source, 0, sizeof source);
        return 0;
}
