/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Many reads of a view
 *
 * Values are numbers (u) that only grow.
 */

#include "client/regent.h"

typedef struct ViewFollowed {
        uint64_t n_reads;
        uint64_t n_values; /* different ones */
        uint64_t last;
} ViewFollowed;

/* -ENOMEM when reading allocates, -ENOSYS when it makes a system call. */
int view_load_quietly(RegentView *view, const char *key, uint64_t n_reads);

/* So many threads read for so long. -EILSEQ when what one reads goes back. */
int view_load_by_threads(RegentView *view,
                         const char *key,
                         uint64_t n_threads,
                         uint64_t usec,
                         uint64_t *ret_n_reads);

/*
 * Reads by regent_view_get_uint32() alone, until the value is @last or @usec have passed (-ETIMEDOUT). -EILSEQ when the
 * value or the revision goes back. Sees each @n_between reads whether the view is to be opened anew; 0: never.
 */
int view_load_follow(RegentView *view,
                     const char *key,
                     uint64_t last,
                     uint64_t usec,
                     uint64_t n_between,
                     ViewFollowed *ret_followed);
