/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading
 */

#include "offline/reading.h"

#include "client/regent-store-stream.h"
#include "offline/examine.h"
#include "offline/read-only-io.h"
#include "offline/stream.h"
#include "store/last-good.h"
#include "store/sides-loader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ATTEMPTS_MAX 10

/* Takes @fd, or the errno in its place. */
static int take_directory(StoreDirectory **ret_directory, int fd, const char *path)
{
        StoreDirectory *directory = g_new(StoreDirectory, 1);

        *directory = (StoreDirectory){
                .io = read_only_io(),
                .path = g_strdup(path),
                .fd = fd,
                .tmp_fd = -1,
                .lock_fd = -1,
                .read_lock_fd = -1,
        };
        if (fd < 0) {
                directory_free(directory);
                return fd;
        }
        *ret_directory = directory;
        return 0;
}

int reading_open_directory(StoreDirectory **ret_directory, const char *path)
{
        return take_directory(ret_directory, read_only_open(AT_FDCWD, path, O_DIRECTORY), path);
}

int reading_open_below(StoreDirectory **ret_directory,
                       const StoreDirectory *parent,
                       const char *name)
{
        g_autofree char *path = g_build_filename(parent->path, name, NULL);

        return take_directory(ret_directory,
                              read_only_open(parent->fd, name, O_DIRECTORY | O_NOFOLLOW), path);
}

int reading_open_named(const char *path)
{
        int fd = read_only_open(AT_FDCWD, path, 0);

        if (fd == -EIO)
                return stream_fail(REGENT_STORE_INVALID, NULL, "%s: %s", path, EXAMINE_NO_FILE);
        return fd < 0 ? stream_fail_errno(fd, path) : fd;
}

bool reading_is_held(const StoreDirectory *directory)
{
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        int fd = io_openat(directory->io, directory->fd, "lock", O_RDONLY, 0);
        bool is_held;

        if (fd < 0)
                return false;
        is_held = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
        close(fd);
        return is_held;
}

/*
 * The copies of the last known good state are there once a regentd was. Those that files in
 * damaged/NAME/ may name stayed where they were.
 */
static int open_good(Side *side)
{
        g_autofree char *real = realpath(side->directory->path, NULL);
        g_autofree char *parent = real ? g_path_get_dirname(real) : NULL;
        int r;

        r = reading_open_below(&side->good_directory, side->directory, LAST_GOOD_NAME);
        if (r == -ENOENT && parent && g_str_has_suffix(parent, "/damaged")) {
                g_autofree char *path = g_build_filename(parent, "..", LAST_GOOD_NAME, NULL);

                r = reading_open_directory(&side->good_directory, path);
        }
        /* What is no directory a start moves out of the way. */
        return r == -ENOENT || r == -ENOTDIR ? 0 : r;
}

static int open_side(Side *side, const char *path, CommitPart part)
{
        int r;

        *side = (Side){ .part = part };
        r = reading_open_directory(&side->directory, path);
        if (r == 0 && part == COMMIT_PERSISTENT)
                r = open_good(side);
        return r;
}

int reading_open(Reading *ret_reading, const ReadingOptions *options)
{
        g_auto(Reading) reading = { 0 };
        Side *persistent = &reading.sides[COMMIT_PERSISTENT];
        Side *runtime = &reading.sides[COMMIT_RUNTIME];
        int r;

        runtime->part = COMMIT_RUNTIME;
        r = open_side(persistent, options->state_directory, COMMIT_PERSISTENT);
        if (r < 0)
                return stream_fail_errno(r, options->state_directory);
        if (options->runtime_directory) {
                r = open_side(runtime, options->runtime_directory, COMMIT_RUNTIME);
                if (r < 0)
                        return stream_fail_errno(r, options->runtime_directory);
        }

        reading.is_held = reading_is_held(persistent->directory);
        *ret_reading = reading;
        memset(&reading, 0, sizeof reading);
        return 0;
}

static int load_sides(Reading *reading, sd_id128_t boot_id)
{
        SidesLoader loader = {
                .persistent = &reading->sides[COMMIT_PERSISTENT],
                .runtime = &reading->sides[COMMIT_RUNTIME],
                .state = reading->state,
                .boot_id = boot_id,
        };
        int r;

        r = sides_loader_run(&loader);
        memcpy(reading->findings, loader.findings, sizeof reading->findings);
        if (r == RECOVERY_E_NEWER)
                reading->newer = loader.at->directory->path;
        return MIN(r, 0);
}

static void forget(Reading *reading)
{
        for (size_t i = 0; i < G_N_ELEMENTS(reading->sides); i++)
                g_clear_pointer(&reading->sides[i].manifest, manifest_free);
        g_clear_pointer(&reading->state, state_free);
        g_clear_pointer(&reading->damaged_copies, g_ptr_array_unref);
        reading->newer = NULL;
        memset(reading->findings, 0, sizeof reading->findings);
}

static int load_once(Reading *reading)
{
        Side *persistent = &reading->sides[COMMIT_PERSISTENT];
        sd_id128_t boot_id;
        int r;

        forget(reading);
        reading->state = state_new();
        reading->damaged_copies = g_ptr_array_new_with_free_func(g_free);
        r = sd_id128_get_boot(&boot_id);
        if (r < 0)
                return r;

        persistent->good = (ManifestFile){ 0 };
        if (persistent->good_directory) {
                r = last_good_find(persistent->good_directory, &persistent->good,
                                   reading->damaged_copies);
                /* A start ends here; what the other files are is worth knowing all the same. */
                if (r == LAST_GOOD_E_NEWER)
                        reading->newer = persistent->good_directory->path;
                if (r < 0)
                        return r;
        }
        return load_sides(reading, boot_id);
}

int reading_load(Reading *reading)
{
        int r = -ENOENT;

        /* Beside a regentd, a file may go between being listed and being opened. */
        for (unsigned i = 0; i < ATTEMPTS_MAX && r == -ENOENT; i++)
                r = load_once(reading);
        return r;
}

void reading_clear(Reading *reading)
{
        forget(reading);
        for (size_t i = 0; i < G_N_ELEMENTS(reading->sides); i++)
                side_clear(&reading->sides[i]);
}

uint64_t reading_revision(const Reading *reading)
{
        const Manifest *manifest = reading->sides[COMMIT_PERSISTENT].manifest;

        return MAX(state_revision(reading->state), manifest ? manifest->floor : 0);
}

const char *reading_damage(const Reading *reading)
{
        const char *damage = reading->findings[COMMIT_PERSISTENT].damage;

        return damage ? damage : reading->findings[COMMIT_RUNTIME].damage;
}
