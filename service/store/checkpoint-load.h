/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Checkpoint, loaded
 *
 * Reads a checkpoint into a state. It is read twice, first to find out whether it is whole: a state
 * has no way back.
 */

#include "core/state.h"
#include "store/checkpoint-codec.h"
#include "store/commit-codec.h"
#include "store/directory.h"
#include "store/manifest.h"

/* What is read into a state, record by record. */
typedef struct CheckpointLoader {
        CommitPart part;
        State *state;
        Namespace *group; /* the one entries are read for; NULL: it is gone */
} CheckpointLoader;

/* Borrows @loader, of which part and state are set. */
CheckpointSink checkpoint_loader_sink(CheckpointLoader *loader);

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
