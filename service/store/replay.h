/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Replay
 *
 * Reads what a manifest names into the state: a checkpoint, and then the journals behind it up to the
 * first thing that is missing. For recovery alone.
 */

#include "core/state.h"
#include "store/recovery.h"
#include "store/replay-entries.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Replay {
        Side *side;
        const RecoveryContext *context;
        State *state;
        RecoveryFindings *findings;
        EntriesReplay entries;
        uint64_t n_loaded;
        uint64_t loaded_revision; /* of the checkpoint, or 0 */
        bool is_made_up;          /* the manifest is */
        bool is_second_look;
        bool has_gap;   /* the journal behind it is not the one that was read */
        bool has_widow; /* a record whose other half is missing */
} Replay;

/* Takes out of the state again what it has of the side. */
void replay_empty(Replay *replay);

/* Only the first damage is told of: what comes after it may be its consequence. */
void replay_note_damage(Replay *replay,
                        const char *file,
                        const char *damage,
                        LoadedFrom loaded_from);

/* The newest checkpoint of the side's manifest that is whole, and what follows. 0, RECOVERY_E_NEWER or an errno. */
int replay_newest_whole(Replay *replay);
