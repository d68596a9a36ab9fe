/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Participants
 *
 * Who has a say in changes: each is registered for the keys below a prefix of one namespace, and is
 * asked before one of them changes. core/transaction.h is one such round; who asks is the owner of
 * the port. An address, a path and a reason are what the owner says they are; here they are text.
 */

#include "core/limits.h"
#include "core/origin.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Within which one answers that does not say otherwise. */
#define PARTICIPANT_TIMEOUT_USEC 5000000u

typedef struct Member Member;
typedef struct Participants Participants;

typedef struct Participant {
        uint32_t n_refs;
        Participants *participants; /* NULL once it is not registered any more */
        bool is_optional;           /* one that leaves while it is asked does not object */
        bool is_granted;            /* by whom the port asks; the port's own */
        uint32_t uid;
        char *address;         /* that it is called at */
        char *connection;      /* whose that is, as others are told; NULL: the address */
        char *path;            /* unique for its address and namespace */
        char *name;            /* of the namespace */
        char *prefix;          /* "": all keys */
        uint64_t timeout_usec; /* within which it answers */
        Origin *origin;        /* of its connection, which writes nothing while it owes an answer */
        Member *member;        /* that has not answered; there is one at most */
        uint64_t told_revision;
} Participant;

enum {
        PARTICIPANTS_E_TOO_MANY = 1, /* in the namespace */
        PARTICIPANTS_E_EXISTS,       /* of that address, namespace and path */
};

/* Why one cannot be asked; likewise a negative errno. */
enum {
        PARTICIPANT_E_DEAF = 1, /* it does not read what it is sent */
        PARTICIPANT_E_NO_ROOM,  /* others do not */
};

/* None of these calls back at once. */
typedef struct ParticipantPort {
        /* Microseconds of a clock that does not go back. */
        uint64_t (*now)(void *userdata);

        /* Then participants_wake() is to be called; UINT64_MAX: never. */
        void (*wake_at)(void *userdata, uint64_t usec);

        /* Whether it may still have a say. */
        bool (*may_ask)(void *userdata, const Participant *participant);

        /*
         * Asks @member, or has it wait until that is possible: 0, and transaction_answer() or
         * transaction_cannot_ask() is called later, or forget(). Otherwise as for the latter.
         */
        int (*prepare)(void *userdata, Member *member);

        /* The answer of @member, which is freed next, is of no interest any more. */
        void (*forget)(void *userdata, Member *member);

        void (*commit)(void *userdata,
                       Participant *participant,
                       const char *transaction,
                       uint64_t revision);
        void (*abort)(void *userdata, Participant *participant, const char *transaction);

        /* It is not registered any more, for what it has done or because its namespace is gone. */
        void (*dropped)(void *userdata, Participant *participant, const char *why);

        void *userdata;
} ParticipantPort;

typedef struct ParticipantStatistics {
        uint64_t n_transactions;
        uint64_t n_vetoed, n_late;
        uint64_t n_dropped; /* for what they have done, or may not do any more */
} ParticipantStatistics;

struct Participants {
        const Limits *limits;
        ParticipantPort port;
        GHashTable *by_name; /* namespace -> owned GPtrArray of owned Participant */
        size_t n;
        char *tag; /* that transactions of this process are told by */
        uint64_t n_named;
        void (*wake)(void *owner); /* a transaction has come to its end; or NULL */
        void *owner;
        ParticipantStatistics statistics;
};

/* Borrows @limits. Two processes have different @tags. */
Participants *participants_new(const Limits *limits, const ParticipantPort *port, const char *tag);
Participants *participants_free(Participants *participants);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Participants, participants_free)

/* Registers a copy of @wanted: 0 or PARTICIPANTS_E_*. *ret_participant is borrowed. */
int participants_add(Participants *participants,
                     const Participant *wanted,
                     Participant **ret_participant);

/* It leaves; if it owes an answer, that counts as one. Whoever refers to it may still read it. */
void participants_remove(Participant *participant);

/* Likewise, for what it has done or may not do any more. */
void participants_drop(Participant *participant, const char *why);

/* All those of a namespace, which is gone. */
void participants_remove_all(Participants *participants, const char *name, const char *why);

/* Of a namespace (Participant), borrowed; NULL: none. */
const GPtrArray *participants_of(const Participants *participants, const char *name);

Participant *participants_find(const Participants *participants,
                               const char *name,
                               const char *address,
                               const char *path);

static inline const char *participant_connection(const Participant *participant)
{
        return participant->connection ? participant->connection : participant->address;
}

static inline bool participant_concerns(const Participant *participant, const char *key)
{
        return g_str_has_prefix(key, participant->prefix);
}

/* A name that no other transaction has; owned. */
char *participants_name_transaction(Participants *participants);

/* Somebody has answered, or a time has come. */
void participants_wake(const Participants *participants);

Participant *participant_ref(Participant *participant);
Participant *participant_unref(Participant *participant);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Participant, participant_unref)
