/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Good loader
 *
 * Reads the last known good state in the background, for a commit that takes the state back to it.
 */

#include "core/commit.h"
#include "core/state.h"
#include "store/side.h"
#include "store/worker.h"

/* As StoreLoaded. */
typedef void (*GoodLoaded)(void *userdata, int r, State *source, const CommitSource *identity);

/* Borrows @side until @on_loaded, which is not called when @worker ends before. */
void good_loader_start(Worker *worker, const Side *side, GoodLoaded on_loaded, void *userdata);
