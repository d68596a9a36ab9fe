/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Checkpoint, loaded
 *
 * Reads a checkpoint into a state. It is read twice, first to find out whether it is whole: a state
 * has no way back.
 */

#include "core/state.h"
#include "store/commit-codec.h"
#include "store/directory.h"
#include "store/manifest.h"

/*
 * Adds what @file of @directory holds to @state. 0, CHECKPOINT_E_NEWER, -EBADMSG: it cannot be used,
 * or an errno; then @state may hold a part of it.
 */
int checkpoint_load(const StoreDirectory *directory,
                    const ManifestFile *file,
                    CommitPart part,
                    State *state);

/* The same of a file of the persistent side that is open and was found whole. */
int checkpoint_load_open(const Io *io, int fd, const ManifestFile *file, State *state);
