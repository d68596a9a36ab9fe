/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Pipeline rig
 *
 * A pipeline with a journal that does what the test wants, and a trace of what happened in which
 * order: "[5 6] publish a@5 b!Conflict " for a batch of two commits, their publication, and two
 * answers; "5~" is a commit that is lazy, "sync " a sync without any. It asserts by itself what must hold at every step.
 */

#include "changes.h"
#include "core/pipeline.h"

typedef struct Rig {
        State *state;
        Limits limits;
        Pipeline *pipeline;
        GString *trace;
        bool is_asynchronous; /* rig_settle() says when a batch is durable */
        int journal_error;    /* negative: what the next writes come to */
        bool is_dirty;        /* there is something for a sync to do */
        uint64_t revision_limit;
        uint64_t last_revision; /* ever given to a commit */
        unsigned n_wakes;
        unsigned n_waiting; /* submitted and not answered */
        bool is_submitting;
        bool is_refused; /* the last request answered */
        void (*on_answer)(struct Rig *rig, const char *label);
        void *userdata;    /* for on_answer() */
        Request *returned; /* the last one to be reconsidered */
} Rig;

/* With empty namespaces a.b (revision 1) and c.d (2) of uid 4001. */
void rig_init(Rig *rig);

/* The same, and the pipeline has requests reconsidered: "again LABEL " in the trace. */
void rig_init_reconsidering(Rig *rig);

/* Everything that was submitted must have been answered. */
void rig_clear(Rig *rig);

/* @set is consumed. The answer goes into the trace with @label. */
void rig_submit(Rig *rig, Origin *origin, Request *reservation, ChangeSet *set, const char *label);

/* rig_submit() of one key, without a reservation. */
void rig_set(Rig *rig,
             Origin *origin,
             const char *name,
             const char *key,
             const char *text,
             const char *label);

void rig_run(Rig *rig);
void rig_settle(Rig *rig, int r);
void rig_set_revision_limit(Rig *rig, uint64_t limit);

/* The trace is @expected; it begins anew. */
void rig_assert_trace(Rig *rig, const char *expected);
