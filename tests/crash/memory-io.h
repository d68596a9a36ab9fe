/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Memory Io
 *
 * An Io on a Disk. Its descriptors are real ones, of nothing, so that they can be closed.
 */

#include "disk.h"
#include "util/io.h"

typedef struct MemoryIo {
        Io io;
        GMutex mutex;
        Disk *disk;
        int null_fd;
        GPtrArray *open; /* by descriptor: DiskNode */

        /* Called before each change, if it is set, with @mutex held. */
        void (*on_change)(void *userdata);
        void *userdata;
} MemoryIo;

void memory_io_init(MemoryIo *memory);
void memory_io_clear(MemoryIo *memory);

/* From now on this is the disk. */
void memory_io_set_disk(MemoryIo *memory, Disk *disk);
