/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Transaction
 *
 * One commit that participants are asked about: who they are, which is settled when it begins; what
 * of it each of them is told; and what they have said.
 *
 * What becomes of a member, state by event ("-": cannot happen):
 *
 *            agrees   objects    leaves               is late             transaction ends
 *   WAITING  AGREED   OBJECTS    ABSENT if optional,  OBJECTS; if it had  Abort
 *                                else OBJECTS         its time, it is
 *                                                     unregistered
 *   AGREED   -        -          AGREED               -                   Commit or Abort
 *   OBJECTS  -        -          OBJECTS              -                   Abort, if it was late
 *   ABSENT   -        -          -                    -                   nothing
 *
 * The first objection is the verdict; in a dry run all are waited for. Without one it is that all
 * agree.
 */

#include "core/commit.h"
#include "core/overlay.h"
#include "core/participants.h"
#include "core/preview.h"
#include "core/state.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Transaction Transaction;

typedef enum MemberState {
        MEMBER_WAITING,
        MEMBER_AGREED,
        MEMBER_OBJECTS,
        MEMBER_ABSENT,
} MemberState;

struct Member {
        Transaction *transaction;
        Participant *participant; /* owned reference */
        const Preview *preview;   /* of its namespace; only what is below its prefix concerns it */
        const char *key;          /* the first of that */
        MemberState state;
        bool was_asked;      /* Prepare has been sent */
        int outcome;         /* of one that objects: CORE_E_VETOED, CORE_E_TIMEOUT or CORE_E_BUSY */
        char *reason;        /* likewise; safe to be printed */
        uint64_t since_usec; /* when it was, or has begun to wait for that */
        uint64_t deadline_usec;
        void *call; /* the port's */
};

struct Transaction {
        Participants *participants;
        char *name;
        Commit *trial; /* owned: what would happen */
        GPtrArray *previews;
        GPtrArray *members; /* owned Member */
        size_t n_waiting;
        uint64_t due_usec; /* when all is over */
        bool is_dry_run;
        const Member *objector; /* the first */
        bool has_verdict;
};

/*
 * Whether anybody may have a say in @set. Tells by names and keys alone, for it is asked of every
 * write.
 */
bool transaction_may_concern(const Participants *participants, const ChangeSet *set);

/*
 * Settles who is to be asked about @trial, which is taken in any case: 0, with NULL when nobody is;
 * or an Outcome with its text. @overlay is empty before and after.
 */
int transaction_new(Transaction **ret_transaction,
                    Participants *participants,
                    State *state,
                    Overlay *overlay,
                    Commit *trial,
                    bool is_dry_run,
                    char **reterr_text);

/* Asks all of them. All is over at @due_usec. */
void transaction_begin(Transaction *transaction, uint64_t now_usec, uint64_t due_usec);

/* @member is being asked, and has its time from now on. From the port. */
void transaction_asked(Member *member);

/* @member agrees; or, if @objection is not NULL, does not. Likewise. */
void transaction_answer(Member *member, const char *objection);

/* @member cannot be asked: PARTICIPANT_E_* or a negative errno. Likewise. */
void transaction_cannot_ask(Member *member, int r);

/* It has left. Also from participants_remove(). */
void transaction_member_left(Member *member);

/* Those who have not answered in time are late. */
void transaction_check(Transaction *transaction, uint64_t now_usec);

/* When that has to be asked next; UINT64_MAX: never. */
uint64_t transaction_deadline(const Transaction *transaction);

/* Owned: what the writer hears of the objection. */
char *transaction_describe(const Transaction *transaction);

/* Tells everyone how it ended, and frees it. @revision 0: it came to nothing. */
void transaction_end(Transaction *transaction, uint64_t revision);

/* Tells those whom nobody has asked that @commit, which is applied, has changed something of theirs. */
void transaction_tell_others(Participants *participants, const State *state, const Commit *commit);
