/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "flush-clock.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static FlushClock *flush_clock;
static struct timespec delay;
static int (*real_fdatasync)(int fd);

__attribute__((constructor)) static void open_clock(void)
{
        const char *path = getenv("BENCH_FLUSH_CLOCK"), *usec = getenv("BENCH_FLUSH_USEC");
        int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
        void *memory = MAP_FAILED;

        if (fd >= 0) {
                memory = mmap(NULL, sizeof *flush_clock, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
                (void) close(fd);
        }
        if (memory != MAP_FAILED)
                flush_clock = memory;
        if (usec)
                delay.tv_nsec = strtol(usec, NULL, 10) * 1000;
        *(void **) &real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
        struct timespec now;
        int r = real_fdatasync(fd);

        if (delay.tv_nsec > 0)
                (void) nanosleep(&delay, NULL);
        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        if (flush_clock)
                __atomic_store_n(&flush_clock->end_nsec,
                                 (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec,
                                 __ATOMIC_RELEASE);
        return r;
}
