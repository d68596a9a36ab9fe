/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Checkpoint walk
 *
 * Turns the state, as it is when the walk begins, into a checkpoint's records, a slice at a time
 * while the state goes on changing. In the event loop.
 */

#include "core/state.h"
#include "store/checkpoint-codec.h"
#include "store/commit-codec.h"

#include <stdint.h>

typedef struct CheckpointWalk CheckpointWalk;

/*
 * Borrows @state. @revision: what the checkpoint is called, the state's or a later one that nothing
 * has. Only one walk a part at a time.
 */
CheckpointWalk *checkpoint_walk_new(State *state, CommitPart part, uint64_t revision);
CheckpointWalk *checkpoint_walk_free(CheckpointWalk *walk);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CheckpointWalk, checkpoint_walk_free)

/* Before the first step: without tombstones, as a copy is, from which another history begins. */
void checkpoint_walk_leave_out_tombstones(CheckpointWalk *walk);

uint64_t checkpoint_walk_revision(const CheckpointWalk *walk);

/* So far; of all when it is at the end. */
CheckpointCounts checkpoint_walk_counts(const CheckpointWalk *walk);

enum {
        CHECKPOINT_WALK_E_END = 1, /* nothing is left */
};

/*
 * Walks for @usec or until a record is full. Ends in one record, begun and not sealed, and its
 * kind; or in none when nothing came together yet. 0 or CHECKPOINT_WALK_E_END (then no record).
 */
int checkpoint_walk_step(CheckpointWalk *walk,
                         int64_t usec,
                         CodecBuffer *record,
                         RecordKind *ret_kind);
