/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Sides loader
 *
 * Reads both sides into the state, the persistent one first: what is read of the runtime side depends
 * on how far that reaches. Now and then it is the runtime side that knows of what the other has lost.
 * Changes no file.
 */

#include "core/state.h"
#include "store/recovery.h"
#include "store/side.h"

typedef struct SidesLoader {
        Side *persistent, *runtime; /* a runtime side without a directory has nothing to read */
        State *state;
        sd_id128_t boot_id;
        const Side *at;               /* what is being read, or was last */
        RecoveryFindings findings[2]; /* by CommitPart */
} SidesLoader;

/* 0, RECOVERY_E_NEWER or an errno. */
int sides_loader_run(SidesLoader *loader);
