/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Checkpoint, taken at once
 *
 * For when nobody waits for the event loop: at a clean stop, and after damage. While the service
 * runs it is Checkpointer's.
 */

#include "core/state.h"
#include "store/side.h"

#include <stdint.h>

/*
 * A new generation of the present state becomes durable: its checkpoint, then its journal, then the
 * manifest. 0 or an errno; then @side is as it was. Blocks.
 */
int checkpoint_take(Side *side, State *state, uint64_t now_usec);

/* The same at a clean stop, if anything has changed; it is only logged when that fails. */
void checkpoint_take_last(Side *side, State *state, uint64_t now_usec);
