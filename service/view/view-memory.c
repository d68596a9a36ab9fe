/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * View memory
 *
 * The descriptor is one that was opened anew from that of memfd_create(): those are counted as files
 * are, and so the kernel grants a write lease on it if, and only if, there is no other. A mapping
 * counts as a descriptor does. Readers get one opened for them alone.
 *
 * F_SEAL_FUTURE_WRITE is what keeps others from writing: whoever has a read-only descriptor might
 * open it for writing through /proc otherwise. The mode keeps them from that, too, and so from being
 * counted as a writer; not uid 0.
 */

#include "view/view-memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

static int reopen(int fd, int flags)
{
        char path[32];
        int again;

        (void) snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        again = open(path, flags | O_CLOEXEC);
        return again >= 0 ? again : -errno;
}

static int create(void)
{
        int fd = memfd_create("regent-view", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

        if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
                fd = memfd_create("regent-view", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        return fd >= 0 ? fd : -errno;
}

/* The kernel takes it from us when we die, and readers can see whether somebody has it. */
static int lock(int fd)
{
        struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

        return fcntl(fd, F_OFD_SETLK, &whole) < 0 ? -errno : 0;
}

static int size_and_seal(ViewMemory *memory, size_t n_bytes)
{
        void *bytes;

        if (ftruncate(memory->fd, (off_t) n_bytes) < 0)
                return -errno;
        bytes = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, 0);
        if (bytes == MAP_FAILED)
                return -errno;

        memory->bytes = bytes;
        memory->n_bytes = n_bytes;
        if (fcntl(memory->fd, F_ADD_SEALS, SEALS) < 0 || fchmod(memory->fd, 0400) < 0)
                return -errno;
        return 0;
}

int view_memory_make(ViewMemory *memory, size_t n_bytes)
{
        int created = create(), r;

        *memory = (ViewMemory){ .fd = -1 };
        if (created < 0)
                return created;

        r = reopen(created, O_RDWR);
        (void) close(created);
        if (r < 0)
                return r;

        memory->fd = r;
        r = lock(memory->fd);
        if (r == 0)
                r = size_and_seal(memory, n_bytes);
        if (r < 0)
                view_memory_clear(memory);
        return r;
}

void view_memory_clear(ViewMemory *memory)
{
        if (memory->bytes)
                (void) munmap(memory->bytes, memory->n_bytes);
        if (memory->fd >= 0)
                (void) close(memory->fd);
        *memory = (ViewMemory){ .fd = -1 };
}

int view_memory_open_reader(const ViewMemory *memory)
{
        return reopen(memory->fd, O_RDONLY);
}

bool view_memory_is_held(const ViewMemory *memory)
{
        if (fcntl(memory->fd, F_SETLEASE, F_WRLCK) < 0)
                return true;
        (void) fcntl(memory->fd, F_SETLEASE, F_UNLCK);
        return false;
}
