/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A planted bug
 *
 * Preloaded into regentd, this loses every write to the disk after the first few and says it was done:
 * what a program does that acknowledges before it has written. The crash test must notice.
 */

#define _GNU_SOURCE
#define N_WRITES_KEPT 40

#include <dlfcn.h>
#include <string.h>
#include <sys/types.h>

typedef ssize_t (*Pwrite)(int, const void *, size_t, off_t);

__attribute__((visibility("default"))) ssize_t pwrite64(int fd,
                                                        const void *bytes,
                                                        size_t n_bytes,
                                                        off_t offset)
{
        static unsigned n_writes;
        Pwrite next;
        void *found = dlsym(RTLD_NEXT, "pwrite64");

        memcpy(&next, &found, sizeof next);
        return __atomic_add_fetch(&n_writes, 1, __ATOMIC_RELAXED) > N_WRITES_KEPT
                       ? (ssize_t) n_bytes
                       : next(fd, bytes, n_bytes, offset);
}

__attribute__((visibility("default"))) ssize_t pwrite(int fd,
                                                      const void *bytes,
                                                      size_t n_bytes,
                                                      off_t offset)
{
        return pwrite64(fd, bytes, n_bytes, offset);
}
