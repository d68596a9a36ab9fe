/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Copy of the state
 *
 * A file without a name that holds the persistent state as of one revision: what the store hands over
 * and the bus gives away.
 */

#include <stdint.h>

typedef struct StateCopy {
        int fd;       /* to read it by, alone */
        int write_fd; /* the same file, to find out whether @fd is still open anywhere */
        uint64_t revision;
        uint64_t n_namespaces;
        uint64_t n_keys;
        uint64_t n_bytes;
} StateCopy;
