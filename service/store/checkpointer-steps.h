/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Checkpointer's steps
 *
 * What the thread does for a checkpointer, for checkpointer.c alone. While a step is with the
 * thread, what it works on is the thread's: the file, and the journal and the manifest that are
 * being put in place.
 */

#include "store/checkpoint-file.h"
#include "store/checkpoint-walk.h"
#include "store/checkpointer.h"
#include "store/record-buffers.h"

typedef enum CheckpointerState {
        CHECKPOINTER_IDLE,
        CHECKPOINTER_PREPARING,
        CHECKPOINTER_PREPARED,
        CHECKPOINTER_SWITCHING,
        CHECKPOINTER_WALKING,
        CHECKPOINTER_FINISHING,
        CHECKPOINTER_NAMING,
        CHECKPOINTER_FAILED,
} CheckpointerState;

typedef enum CheckpointerPurpose {
        CHECKPOINTER_GENERATION,
        CHECKPOINTER_RENEWAL,   /* a generation that begins anew */
        CHECKPOINTER_LAST_GOOD, /* a copy beside the generations */
        CHECKPOINTER_COPY,      /* a copy without a name */
} CheckpointerPurpose;

typedef struct Step Step;

struct Checkpointer {
        Worker *worker;
        State *state;
        CheckpointerCallbacks callbacks;
        sd_event_source *slice_source;
        CheckpointerStatistics statistics;

        CheckpointerState phase;
        Side *side;
        CheckpointerPurpose purpose;
        uint64_t revision;              /* of a renewal; else the state's */
        uint64_t void_first, void_last; /* what a renewal leaves out */
        Journal *journal;               /* the new one, until it is switched to */
        Manifest *manifest;             /* the one being put in place */
        CheckpointWalk *walk;           /* from SWITCHING on */
        CheckpointFile *file;           /* the thread's */
        CheckpointerCopy copy;          /* the thread's until it has ended */
        RecordBuffers buffers;
        size_t n_handed_over; /* bytes */
        unsigned n_steps;     /* that the thread has */
        int failure;
        bool is_broken; /* the thread's: a step has failed, so those behind it do nothing */
        int64_t held_since_usec;
        int64_t last_slice_usec;
};

/* Something for the thread to do. */
struct Step {
        WorkerJob job;
        Checkpointer *checkpointer;
        int (*work)(Step *step);
        void (*on_done)(Checkpointer *checkpointer);
        int r;
        char *text; /* a manifest's */
        CodecBuffer record;
        size_t n_handed_over;
        RecordKind kind;
        CheckpointCounts counts;
        uint64_t revision;
        uint64_t now_usec;
};

/* 0 to DIRECTORY_E_UNCERTAIN or an errno, each of them. */
int checkpointer_prepare_journal(Step *step);
int checkpointer_switch_journal(Step *step);
int checkpointer_create_file(Step *step);
int checkpointer_append_record(Step *step);
int checkpointer_finish_file(Step *step);
int checkpointer_finish_copy(Step *step);
int checkpointer_name_checkpoint(Step *step);
int checkpointer_name_renewal(Step *step);
int checkpointer_remove_others(Step *step);
int checkpointer_prune_last_good(Step *step);

/* The job's run(): does the step's work unless one before it has failed. */
void checkpointer_step_run(WorkerJob *job);
