/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A clock that is ahead
 *
 * Preloaded into regentd: its clocks that only go forward are ahead by the seconds in the file that
 * $REGENT_TEST_CLOCK names, an int64_t that may change at any time.
 */

#define _GNU_SOURCE

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *seconds;

__attribute__((constructor)) static void open_clock(void)
{
        const char *path = getenv("REGENT_TEST_CLOCK");
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        void *found =
                fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *seconds, PROT_READ, MAP_SHARED, fd, 0);

        if (fd >= 0)
                close(fd);
        seconds = found == MAP_FAILED ? NULL : found;
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *now)
{
        int r = (int) syscall(SYS_clock_gettime, clock, now);

        if (r == 0 && seconds && (clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME))
                now->tv_sec += *seconds;
        return r;
}
