/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Board
 *
 * A file that is mapped by a writer and by those who watch. Each of these notes when it was told;
 * the last wakes the writer, after all times have been taken.
 */

#include <stdint.h>

#define BOARD_WATCHERS_MAX 64

typedef struct Board {
        uint32_t n_told; /* by all together, since the file was made */
        uint32_t n_watchers;
        uint64_t told_nsec[BOARD_WATCHERS_MAX];
} Board;

/* Makes the file when it is not there. 0 or a negative errno. */
int board_open(Board **ret_board, const char *path);

void board_note(Board *board, uint32_t watcher, uint64_t nsec);

/*
 * Waits until each watcher has been told once more than @n_told / n_watchers times. 0 and the time of the
 * last; -ETIMEDOUT; -EOVERFLOW when one was told more than once.
 */
int board_wait(Board *board, uint32_t n_told, uint64_t *ret_nsec);
