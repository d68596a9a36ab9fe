/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Restore
 *
 * What has to change for a state to become what another one was: the commit that takes it back to a
 * copy.
 */

#include "core/commit.h"
#include "core/state.h"

/*
 * Adds to @commit, which is empty, all that makes the persistent part of @state equal to @source.
 * Entries that are equal already stay as they are, and so do those of the other classes, but for
 * keys that @source has, and those of namespaces it has not; those of each kernel release go back. Takes over entries of @source, which is
 * of no use afterwards.
 */
void restore_fill(Commit *commit, State *state, State *source);
