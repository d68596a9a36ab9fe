/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Planner
 *
 * What the checkpointer does next: the copy that is to be the last known good state, one for somebody
 * outside, or a checkpoint of a side, in this order. Checkpoints are asked for, or taken by themselves
 * once the journals have outgrown the state; after a failure not before some time has passed.
 */

#include "core/state.h"
#include "store/backup.h"
#include "store/checkpointer.h"
#include "store/health.h"
#include "store/scribe.h"
#include "store/side.h"

#include <stdbool.h>
#include <stdint.h>

enum {
        PLANNER_E_MARKED = 1, /* it is so already: nobody will be called */
};

/* 0, or a negative errno. */
typedef void (*PlannerMarked)(void *userdata, int r);

typedef struct Planner {
        Side *sides; /* by CommitPart; borrowed, as are the next four */
        State *state;
        const Health *health;
        Scribe *scribe;
        Checkpointer *checkpointer;
        uint64_t checkpoint_journal_bytes;
        void (*on_good)(void *userdata,
                        uint64_t revision); /* there is a new last known good state */
        void *userdata;

        PlannerMarked on_marked; /* of who waits for the last known good state; NULL: nobody does */
        void *marked_userdata;
        bool is_marking;
        Backup backup;
        bool is_wanted[2]; /* a checkpoint, by CommitPart */
        bool is_restored;  /* since the last one was wanted */
        unsigned n_retries;
        int64_t retry_usec; /* no checkpoint by itself before this */
} Planner;

/* Begins what is wanted and comes next, if anything can be begun now. */
void planner_begin(Planner *planner);

/* A checkpoint of each side that has changed. 0, or -EROFS: nothing can be written. */
int planner_want_all(Planner *planner);

/* As store_mark_good() and store_back_up(). */
int planner_mark_good(Planner *planner, PlannerMarked on_marked, void *userdata);
int planner_back_up(Planner *planner, BackupTaken on_taken, void *userdata);

/* A batch is applied, or nothing waits to be written: something may have become due. */
void planner_note_applied(Planner *planner);
void planner_note_quiet(Planner *planner);

/* Recovery has to read all of a copy now, until the next checkpoint. */
void planner_note_restored(Planner *planner);

/* The checkpointer has ended with @r: whether it was a copy. */
bool planner_copy_ended(Planner *planner, int r);

/* It was a checkpoint that was begun here. */
void planner_checkpoint_ended(Planner *planner, int r);

/* Nothing can be written: copies that are not begun are refused. */
void planner_refuse(Planner *planner);
