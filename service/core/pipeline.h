/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Commit pipeline
 *
 * The one way of a write: whatever changes the state, a call, a dry run, an expiry or a
 * replication, goes through here.
 *
 *   reserve -> submit -> [ready] -> run: sequence -> journal -> settle: apply -> publish -> answer
 *                ^         |   ^
 *                |         |   +-> prepare: participants are asked
 *                +---------+ reconsider: what it was authorized by may no longer be so
 *
 * A request stands for one write of one origin (a connection). Requests of an origin that touch the
 * same namespace are sequenced in the order in which they were reserved, also when a later one is
 * authorized first; those of different origins in the order in which they became ready. What is
 * ready when the journal is free, as far as it fits together, becomes one batch, made durable by one
 * sync. Expectations, quotas and equal values are judged when the batch is formed, in order, against
 * the state plus the batch so far; every answer, a refusal too, waits until the batch it depends on
 * is durable. A batch of nothing but lazy requests only waits until it is written, see
 * core/durability.h.
 *
 * Pure memory: the owner says when to run and what time it is, and the callbacks do the rest.
 */

#include "core/change-set.h"
#include "core/commit.h"
#include "core/failure.h"
#include "core/state.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Pipeline Pipeline;
typedef struct Origin Origin;
typedef struct Participants Participants;
typedef struct Request Request;
typedef struct Transaction Transaction;

enum {
        PIPELINE_E_WRITTEN = 1, /* what journal() says when there is nothing to wait for */
};

/* So that what a batch has to tell is no more than the bus takes in a moment. */
#define PIPELINE_BATCH_MESSAGES_MAX 8192u

typedef struct PipelineCallbacks {
        /* There is work: call pipeline_run() soon, and after what else is already waiting. */
        void (*wake)(void *userdata);

        /*
         * Makes @commits (Commit) durable, and all before them; it is enough to have them written if
         * all are lazy. PIPELINE_E_WRITTEN when they are; 0 when
         * pipeline_settle() will be called; -EROFS when nothing was tried, -ENOSPC when there was no
         * room for them and nothing is written; another negative errno when what became of them
         * cannot be known.
         */
        int (*journal)(void *userdata, const GPtrArray *commits);

        /* The same for the commits before alone; NULL: they always are. */
        int (*sync)(void *userdata);

        /*
         * @commit is about to become part of the state, and has: the state is exactly the one before
         * and after it. Neither changes the pipeline. NULL: nobody wants to know.
         */
        void (*applying)(void *userdata, const Commit *commit);
        void (*applied)(void *userdata, const Commit *commit);

        /*
         * How many messages a change of the namespace @name makes. A batch ends before they are more
         * than PIPELINE_BATCH_MESSAGES_MAX. NULL: none.
         */
        uint64_t (*weigh)(void *userdata, const char *name);

        /* @commits are part of the state now; answers follow. */
        void (*publish)(void *userdata, const GPtrArray *commits);

        /*
         * @request was submitted with @request_userdata, and has waited for an earlier one, or has
         * seen the access of a namespace change. It is a reservation again, in its old place:
         * authorize it anew, then submit or cancel it. NULL: such requests just go on.
         */
        void (*reconsider)(void *userdata, void *request_userdata, Request *request);

        void *userdata;
} PipelineCallbacks;

/* How a request ended. Borrowed, for the length of the callback. */
typedef struct Settlement {
        int outcome;       /* 0, an Outcome, or a negative errno (-ECANCELED: origin gone) */
        const char *text;  /* of an outcome: what is wrong with what */
        uint64_t revision; /* of the commit, or the present one when nothing changed */
        bool is_dry_run;
        const char *token;    /* that confirms the commit, if it has to be; or NULL */
        const Commit *commit; /* what changed or, in a dry run, would change; NULL: nothing */
        const Transaction *transaction; /* who was asked about it; NULL: nobody */
} Settlement;

typedef void (*RequestSettled)(void *userdata, const Settlement *settlement);

typedef struct PipelineStatistics {
        uint64_t n_commits;
        uint64_t n_batches;
        uint64_t n_refused; /* requests that ended in an outcome */
        uint64_t n_unchanged;
        uint64_t n_lazy; /* commits that nobody waited for to be on disk */
} PipelineStatistics;

/* Borrows everything. */
Pipeline *pipeline_new(State *state, const Limits *limits, const PipelineCallbacks *callbacks);
Pipeline *pipeline_free(Pipeline *pipeline);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pipeline, pipeline_free)

/* An origin that goes takes what it did not get sequenced with it; the rest goes on. */
Origin *pipeline_origin_new(Pipeline *pipeline);
Origin *pipeline_origin_free(Origin *origin);

/* One more of the same connection, with an order of its own: what it owes @debtor owes, which outlives it. */
Origin *pipeline_origin_new_beside(Pipeline *pipeline, Origin *debtor);

/* Keeps @set's place in the origin's order while the caller finds out whether it may. */
Request *pipeline_reserve(Origin *origin, const ChangeSet *set);

/* Gives a reservation back. */
void pipeline_cancel(Request *request);

/*
 * Takes @set. @reservation, which is used up, may be NULL: the place is then here and now.
 * @on_settled is called once, never from within this function; or reconsider() gives the request
 * back, without its set.
 */
void pipeline_submit(Origin *origin,
                     Request *reservation,
                     ChangeSet *set,
                     RequestSettled on_settled,
                     void *userdata);

/* Forms a batch of all that is ready, unless one is under way. */
void pipeline_run(Pipeline *pipeline, uint64_t now_usec);

/* The batch under way has ended, as PipelineCallbacks.journal() says. */
void pipeline_settle(Pipeline *pipeline, int r);

/* Revisions from @limit on may not be used yet. */
void pipeline_set_revision_limit(Pipeline *pipeline, uint64_t limit);

/* Who has a say in changes from now on (borrowed); NULL: nobody, and nobody is asked any more. */
void pipeline_set_participants(Pipeline *pipeline, Participants *participants);

/*
 * There will be no more batches: what participants are asked about comes to nothing, and they and the
 * writers (CORE_E_BUSY) are told.
 */
void pipeline_stop_preparing(Pipeline *pipeline);

/* Whether the connection of @origin owes an answer as a participant, and must not write. */
bool pipeline_origin_owes(const Origin *origin);

/* Whether changes are lazy that do not say what they want. */
void pipeline_set_lazy(Pipeline *pipeline, bool is_lazy);

/*
 * There is no room for a commit that does more than delete, until further notice; or @is_full is
 * false: there may be. @cause: what those are told whom that, or a failure, refuses.
 */
void pipeline_set_full(Pipeline *pipeline, bool is_full, const FailureCause *cause);

/* Whether a batch waits for pipeline_settle(). */
bool pipeline_is_under_way(const Pipeline *pipeline);

/*
 * The namespace that the batch under way makes, removes or changes; borrowed, NULL when there is none.
 * There is never more than one.
 */
const char *pipeline_namespace_under_way(const Pipeline *pipeline);

const PipelineStatistics *pipeline_statistics(const Pipeline *pipeline);
