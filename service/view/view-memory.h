/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * View memory
 *
 * Memory that this process writes and others may read, and nobody else may ever write: sealed, of fixed
 * size, zeroed. It can tell whether anybody but us has it, and they whether we live: see regent-view.h.
 */

#include <stdbool.h>
#include <stddef.h>

typedef struct ViewMemory {
        void *bytes;
        size_t n_bytes;
        int fd; /* the one description that may write; stays here */
} ViewMemory;

/* @n_bytes: of whole pages. */
int view_memory_make(ViewMemory *memory, size_t n_bytes);
void view_memory_clear(ViewMemory *memory);

/* A read-only descriptor of it, to be given away: >= 0, or a negative errno. */
int view_memory_open_reader(const ViewMemory *memory);

/* Whether anybody has it mapped, open or in a message on its way; true when that cannot be found out. */
bool view_memory_is_held(const ViewMemory *memory);
