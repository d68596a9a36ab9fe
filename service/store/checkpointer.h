/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Checkpointer
 *
 * Takes checkpoints while the service goes on: the event loop walks the state a slice at a time,
 * and the background thread writes what comes of it. Writes wait only while the journal is
 * switched. One checkpoint at a time.
 */

#include "core/state.h"
#include "store/checkpoint-file.h"
#include "store/side.h"
#include "store/worker.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

typedef struct Checkpointer Checkpointer;

typedef struct CheckpointerCallbacks {
        /* Nothing may be written from now on, if nothing is being written or applied now. */
        bool (*hold_writes)(void *userdata);

        /* Writes may go on. */
        void (*on_released)(void *userdata);

        /* A checkpoint has ended: 0, or why there is none; the journal goes on without it. */
        void (*on_ended)(void *userdata, int r);

        /* Which files hold the truth is not known any more. */
        void (*on_uncertain)(void *userdata);

        void *userdata;
} CheckpointerCallbacks;

typedef struct CheckpointerStatistics {
        uint64_t n_taken;
        uint64_t n_failed;
        uint64_t n_bytes;
        uint64_t hold_worst_usec; /* the longest that writes were held */
        uint64_t slice_worst_usec;
        uint64_t queue_worst_bytes; /* the most that was handed over and not written yet */
} CheckpointerStatistics;

/* Borrows @worker and @state. */
int checkpointer_new(Checkpointer **ret_checkpointer,
                     sd_event *event,
                     Worker *worker,
                     State *state,
                     const CheckpointerCallbacks *callbacks);

/* When @worker has nothing of it any more. */
Checkpointer *checkpointer_free(Checkpointer *checkpointer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Checkpointer, checkpointer_free)

/* Begins one of @side, which it borrows until it has ended. Only when none is under way. */
void checkpointer_begin(Checkpointer *checkpointer, Side *side);

typedef struct CheckpointerRenewal {
        uint64_t revision;   /* later than all that a file or a commit of the side bears */
        uint64_t void_first; /* what was given out since the last commit that came to be */
} CheckpointerRenewal;

/*
 * The same after a failure, while nothing is written: the state begins anew with a checkpoint and a
 * journal at once, and all of @side's files before are forgotten.
 */
void checkpointer_renew(Checkpointer *checkpointer, Side *side, const CheckpointerRenewal *renewal);

/*
 * The same for a copy of the state as it is now, to be the last known good one: @side's generations
 * stay as they are.
 */
void checkpointer_keep_last_good(Checkpointer *checkpointer, Side *side);

/*
 * The same for a copy that is nobody's but the caller's: once it has ended with 0,
 * checkpointer_take_copy() hands it over.
 */
typedef struct CheckpointerCopy {
        UnnamedCheckpoint file; /* the descriptors are the taker's */
        uint64_t revision, n_bytes;
        CheckpointCounts counts;
} CheckpointerCopy;
void checkpointer_copy(Checkpointer *checkpointer, Side *side);
void checkpointer_take_copy(Checkpointer *checkpointer, CheckpointerCopy *ret_copy);

bool checkpointer_is_active(const Checkpointer *checkpointer);

/* Whether it is about to put a manifest in place: nobody else may. */
bool checkpointer_holds_manifest(const Checkpointer *checkpointer);

/* Call whenever it has become quiet. Also sees to it that the walk goes on under load. */
void checkpointer_poke(Checkpointer *checkpointer);

/*
 * Gives up what is under way, unless files are being put in place; on_ended() with -ECANCELED comes
 * once the thread has let go of it.
 */
void checkpointer_cancel(Checkpointer *checkpointer);

const CheckpointerStatistics *checkpointer_statistics(const Checkpointer *checkpointer);
