/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Request
 *
 * One write of one origin on its way through the pipeline: what it is about, how far it has got, and
 * how it will be answered. For pipeline.c and origin.c; whoever writes sees core/pipeline.h alone.
 *
 * What becomes of a request, state by event ("-": cannot happen):
 *
 *              submit         earlier one    run                   settle    origin goes
 *                             goes on                                        (or cancel)
 *   RESERVED   READY, HELD    -              -                     -         freed
 *   HELD       -              RETURNED       -                     -         answered
 *   RETURNED   -              -              RESERVED, reconsider  -         answered
 *   READY      -              -              IN_BATCH or, if an    -         answered
 *                                            access has changed,
 *                                            RETURNED; or PREPARING
 *   PREPARING  -              -              IN_BATCH once all     -         answered
 *                                            agree, else answered
 *   IN_BATCH   -              -              -                     answered  goes on
 *
 * HELD: an earlier request of the same origin, for one of the same namespaces, is not READY yet. It
 * may have to wait long for that, so it is authorized anew when it has its turn. What is READY behind
 * one that is returned is returned, too. Without a callback reconsider() nothing is, and HELD ones
 * become READY. PREPARING: participants are asked about it, see core/preparation.h. All but IN_BATCH
 * ones keep their place in their origin's queue; READY, RETURNED and PREPARING ones are in one of the
 * pipeline's as well, and IN_BATCH ones in the batch alone.
 */

#include "core/change-set.h"
#include "core/commit.h"
#include "core/pipeline.h"
#include "core/state.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Transaction Transaction;

typedef enum RequestState {
        REQUEST_RESERVED,
        REQUEST_HELD,
        REQUEST_RETURNED,
        REQUEST_READY,
        REQUEST_PREPARING,
        REQUEST_IN_BATCH,
} RequestState;

struct Request {
        RequestState state;
        Origin *origin; /* NULL once it is in a batch */
        GList in_origin;
        GList in_pipeline; /* in the queue of its state */
        GStrv names;       /* of the namespaces it touches, while there is no set */
        bool touches_all;
        ChangeSet *set;
        RequestSettled on_settled;
        void *userdata;
        Transaction *transaction; /* owned: what participants are asked about it; or NULL */
        uint64_t
                due_usec; /* until when it waits for participants; 0: there was none when it got READY */
        /* how it will be answered */
        int outcome;
        char *text;
        uint64_t revision;
        Commit *dry_commit;   /* owned */
        const Commit *commit; /* borrowed from the batch, or dry_commit */
};

/* At no place yet, and about nothing. */
Request *request_new(Origin *origin);
Request *request_free(Request *request);

/* About what @set is about, while there is no set. */
void request_reserve(Request *request, const ChangeSet *set);

/* Takes @set, and what it is about from it. */
void request_fill(Request *request, ChangeSet *set, RequestSettled on_settled, void *userdata);

/* Keeps what it is about, and not the set. */
void request_empty(Request *request);

/* Whether both are about a same namespace. */
bool request_meets(const Request *request, const Request *other);

/* Whether a namespace has another access, or is another one, than when it was authorized. */
bool request_is_outdated(const Request *request, const State *state);

void request_answer(const Request *request);
