/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Origin
 *
 * The requests of one connection in the order of their places, and which of them may go on. Those of
 * all origins that may, and those that are to go back to their owners, stand in the queues of the
 * pipeline. For pipeline.c and what it is made of alone.
 */

#include "core/request.h"

#include <glib.h>
#include <stdbool.h>

typedef struct RequestQueues {
        GQueue ready;
        GQueue returned;
        GQueue preparing;
        bool may_return;           /* somebody takes back what is to be authorized anew */
        void (*wake)(void *owner); /* one of them has got longer */
        uint64_t (*due_usec)(const void *owner); /* of what gets READY now, see Request */
        void *owner;
} RequestQueues;

struct Origin {
        RequestQueues *queues;
        GQueue requests; /* all that are not IN_BATCH, in the order of their places */
        Origin *debtor;  /* which has the debts of its connection; borrowed, unless itself */
        size_t n_owed;   /* a debtor's: answers to participants' Prepare that its connection owes */
};

/* Borrows @queues, and @debtor, if it is not the debtor itself (NULL). */
Origin *origin_new(RequestQueues *queues, Origin *debtor);

/* Answers all that is not in a batch with -ECANCELED; reservations just go. */
Origin *origin_free(Origin *origin);

/* As pipeline_reserve(), pipeline_cancel() and pipeline_submit(). */
Request *origin_reserve(Origin *origin, const ChangeSet *set);
void origin_cancel(Request *reservation);
void origin_submit(Origin *origin,
                   Request *reservation,
                   ChangeSet *set,
                   RequestSettled on_settled,
                   void *userdata);

/* Whether an earlier one of the same origin, that is not READY, touches the same. */
bool origin_holds_back(const Request *request);

/* HELD or READY to RETURNED: a reservation again, of which its owner will hear. */
void origin_return(Request *request);

/* RETURNED to RESERVED: its owner hears now. */
void origin_hand_back(Request *request);

/* READY to PREPARING. */
void origin_prepare(Request *request);

/* READY or PREPARING to IN_BATCH: it stands in no queue any more, and is the caller's. */
void origin_release(Request *request);
