/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Board
 */

#include "board.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Who counts and does not wake is noticed after one of these. */
#define PATIENCE_MSEC 100
#define PATIENCES     100

int board_open(Board **ret_board, const char *path)
{
        void *memory;
        int fd, r = 0;

        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;

        if (ftruncate(fd, sizeof(Board)) < 0)
                r = -errno;
        if (r == 0) {
                memory = mmap(NULL, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
                if (memory == MAP_FAILED)
                        r = -errno;
                else
                        *ret_board = memory;
        }

        (void) close(fd);
        return r;
}

void board_note(Board *board, uint32_t watcher, uint64_t nsec)
{
        uint32_t n_told;

        __atomic_store_n(&board->told_nsec[watcher], nsec, __ATOMIC_RELAXED);
        n_told = __atomic_add_fetch(&board->n_told, 1, __ATOMIC_ACQ_REL);
        if (n_told % board->n_watchers == 0)
                (void) syscall(SYS_futex, &board->n_told, FUTEX_WAKE, 1, NULL, NULL, 0);
}

int board_wait(Board *board, uint32_t n_told, uint64_t *ret_nsec)
{
        const struct timespec patience = { .tv_nsec = PATIENCE_MSEC * 1000000 };
        uint32_t all = n_told + board->n_watchers, now;
        unsigned n_patiences = 0;
        uint64_t last = 0;

        while ((now = __atomic_load_n(&board->n_told, __ATOMIC_ACQUIRE)) < all)
                if (syscall(SYS_futex, &board->n_told, FUTEX_WAIT, now, &patience, NULL, 0) < 0 &&
                    errno == ETIMEDOUT && ++n_patiences == PATIENCES)
                        return -ETIMEDOUT;
        if (now > all)
                return -EOVERFLOW;

        for (uint32_t i = 0; i < board->n_watchers; i++) {
                uint64_t told = __atomic_load_n(&board->told_nsec[i], __ATOMIC_RELAXED);

                last = told > last ? told : last;
        }
        *ret_nsec = last;
        return 0;
}
