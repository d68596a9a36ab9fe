/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Confirmations
 *
 * What the oracle knows of changes that wait for a confirmation: that what is written of them is right,
 * and what waits.
 */

#include "core/state.h"
#include "written.h"

/* Of all that waits in @state. */
uint64_t confirmations_digest(State *state);

/*
 * Complains when @written, which comes next to @before, makes such a change and its way back is not what
 * was there; or undoes one, and that is not what comes of it.
 */
void confirmations_check(const Written *written, State *before, GPtrArray *complaints);
