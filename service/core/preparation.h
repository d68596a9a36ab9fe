/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Preparation
 *
 * The stage of the pipeline in which participants are asked. A request that changes what is theirs
 * leaves the ready ones and keeps all its namespaces until its transaction has a verdict and the
 * next batch takes it; what is about one of these namespaces waits behind it, everything else goes
 * on. It begins only when nothing of its namespaces is being prepared or written. For pipeline.c
 * alone.
 */

#include "core/batch.h"
#include "core/origin.h"
#include "core/participants.h"
#include "core/transaction.h"

typedef struct Preparation {
        RequestQueues *queues; /* of which .preparing is this stage's */
        State *state;
        Participants *participants; /* NULL: there can be none */
        Overlay *overlay;
        GPtrArray *refused; /* owned Request, to be answered */
        uint64_t due_usec;  /* of those that wait behind one, the first */
        uint64_t armed_usec;
} Preparation;

void preparation_init(Preparation *preparation, RequestQueues *queues, State *state);
void preparation_clear(Preparation *preparation);

/* Until when a request that gets READY now waits for participants; 0: there is none. */
uint64_t preparation_due_usec(const Preparation *preparation);

/* Ends what has run into a deadline or a veto. */
void preparation_advance(Preparation *preparation);

/* Ends everything, for there will be no more batches; preparation_close() answers. */
void preparation_stop(Preparation *preparation);

/* Keeps the namespaces of all that is asked about from @batch, what has a verdict and found no room included. */
void preparation_open(Preparation *preparation, Batch *batch);

/* Whether @request has a verdict and goes on. */
bool preparation_is_done(const Request *request);

/* Whether @request may have to be prepared first. */
static inline bool preparation_is_due(const Preparation *preparation, const Request *request)
{
        return preparation->participants &&
               transaction_may_concern(preparation->participants, request->set);
}

/*
 * @request would come to @trial, which is taken. False: nobody has a say in it. Otherwise it is with
 * this stage.
 */
bool preparation_begin(Preparation *preparation, Request *request, Commit *trial);

/* @request cannot go on yet: it may have to be refused for that. */
void preparation_note_waiting(Preparation *preparation, Request *request);

/* Has the next deadline be heard of, and answers whom it has refused. */
void preparation_close(Preparation *preparation, PipelineStatistics *statistics);

/* A @request of a batch, if it was prepared, has ended: tells its participants, and all others whom it concerns. */
void preparation_conclude(Preparation *preparation, Request *request);
