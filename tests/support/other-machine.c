/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Another machine
 *
 * Preloaded into regentd: the kernel's release is $REGENT_TEST_RELEASE, the boot's id
 * $REGENT_TEST_BOOT, as far as these are set; and the path of each file that is synced is appended to
 * the file $REGENT_TEST_SYNCS names.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#define PUBLIC __attribute__((visibility("default")))

/* Calls the function that stands behind this one. */
#define NEXT(name, ...)                                 \
        ({                                              \
                __typeof__(&name) next_;                \
                void *found_ = dlsym(RTLD_NEXT, #name); \
                memcpy(&next_, &found_, sizeof next_);  \
                next_(__VA_ARGS__);                     \
        })

PUBLIC int uname(struct utsname *names)
{
        const char *release = getenv("REGENT_TEST_RELEASE");
        int r = NEXT(uname, names);

        if (r == 0 && release)
                (void) snprintf(names->release, sizeof names->release, "%s", release);
        return r;
}

PUBLIC int sd_id128_get_boot(sd_id128_t *ret_boot)
{
        const char *text = getenv("REGENT_TEST_BOOT");

        return text ? sd_id128_from_string(text, ret_boot) : NEXT(sd_id128_get_boot, ret_boot);
}

static void note_sync(int fd)
{
        const char *log = getenv("REGENT_TEST_SYNCS");
        FILE *file = log ? fopen(log, "ae") : NULL;
        char link[32], path[4096];
        ssize_t n;

        if (!file)
                return;
        (void) snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof path);
        if (n > 0)
                (void) fprintf(file, "%.*s\n", (int) n, path);
        (void) fclose(file);
}

#define SYNC(name)                     \
        PUBLIC int name(int fd)        \
        {                              \
                note_sync(fd);         \
                return NEXT(name, fd); \
        }

SYNC(fsync)
SYNC(fdatasync)
SYNC(syncfs)
