/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Filler
 *
 * Fills the journal with zeros ahead of its end, in the background: a sync then has no metadata to
 * write. When the writer outruns it, the journal just grows.
 */

#include "store/journal.h"
#include "store/worker.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Filler Filler;

/* Nothing is being filled now: 0, or the errno of a journal that is not to be trusted any more. */
typedef void (*FillerOnIdle)(void *userdata, int r);

/* Borrows @worker. @retry_usec: how long it waits after it has found no room. */
Filler *filler_new(Worker *worker, uint64_t retry_usec, FillerOnIdle on_idle, void *userdata);
Filler *filler_free(Filler *filler);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Filler, filler_free)

/*
 * Fills the file of @journal when its end has come near what is filled: far ahead while it is going
 * to grow up to @expected_bytes, and a little beyond that. Borrows @journal until on_idle().
 */
void filler_keep_ahead(Filler *filler, Journal *journal, uint64_t expected_bytes);

/*
 * Whether bytes up to @end must not be written to the journal before on_idle(). What has not begun
 * is called off instead.
 */
bool filler_is_in_the_way(Filler *filler, uint64_t end);

bool filler_is_busy(const Filler *filler);

/* Whether there was no room the last time. */
bool filler_is_short(const Filler *filler);
uint64_t filler_n_bytes(const Filler *filler);
