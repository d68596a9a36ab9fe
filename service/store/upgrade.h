/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Upgrade
 *
 * What an older version has written is not added to. At the start that finds it, a generation of the
 * present format takes its place, before anything is answered. The older files remain as what they
 * are, the generation before, and go as any: a crash at any time leaves the one or the other.
 *
 * The new files are called by a revision of their own, since a journal that is empty, as after a
 * clean stop, has taken the name of the present one. So the revision begins at the reserve.
 */

#include "core/state.h"
#include "store/recovery.h"
#include "store/side.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether what was found of a side is to be written anew. */
bool upgrade_is_due(const RecoveryFindings *findings);

/*
 * Does it with a side that was reopened, if it is due. The state is of a revision that no file has in
 * its name. 0 or an errno; then the side is as it was. Blocks.
 */
int upgrade_side(Side *side, State *state, const RecoveryFindings *findings, uint64_t now_usec);
