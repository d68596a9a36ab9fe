/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Participants inside
 *
 * participant.c is the object, participant-start.c registers it, and participant-question.c takes what regentd calls.
 */

#include "private.h"

#include "reading.h"
#include "snapshot.h"

typedef enum ParticipantPhase {
        PARTICIPANT_NEW,         /* not started */
        PARTICIPANT_IDLE,        /* it waits for regentd, or for its timer */
        PARTICIPANT_REGISTERING, /* for the first time, or again */
        PARTICIPANT_READING, /* it is registered; what it is asked waits until it knows what there is */
        PARTICIPANT_REGISTERED,
        PARTICIPANT_ENDED,
} ParticipantPhase;

/* What came before it could be told. */
typedef struct ParticipantHeld {
        sd_bus_message *m;
        int64_t since_usec;
} ParticipantHeld;

struct RegentParticipant {
        Follower follower;
        unsigned n_refs;
        bool is_freed;

        char *ns_name;
        char *prefix; /* of keys */
        char *path;   /* of the namespace */
        char *callback_path;
        bool is_optional;
        uint64_t timeout_usec;
        RegentOnParticipant on_event;
        void *userdata;

        ParticipantPhase phase;
        unsigned turn;       /* what was asked in an earlier one is of no use any more */
        bool was_begun;      /* ever */
        bool is_refused;     /* and that was told */
        uint64_t retry_usec; /* how long it waits when nobody is there once more; 0: not yet */
        bool is_probing;     /* whether it is registered */
        sd_bus *link;        /* over which it is registered; a reference */
        GHashTable
                *questions; /* transaction -> sd_bus_message to answer, or NULL when it is agreed */

        bool has_no_values; /* the reply is not to have them: they are read */
        uint64_t revision;  /* that it is registered at */
        Snapshot *snapshot; /* while READING */
        Reading *reading;
        GQueue held; /* ParticipantHeld, likewise */

        sd_event_source *timer;
};

/* participant.c */
RegentParticipant *participant_ref(RegentParticipant *participant);
void participant_unref(RegentParticipant *participant);
/* Whoever tells has a reference. */
void participant_tell(RegentParticipant *participant, RegentParticipantEvent event);
void participant_wait(RegentParticipant *participant, uint64_t delay_usec);
/* It is not registered any more; it tells regentd so where that may not know. */
void participant_drop(RegentParticipant *participant, bool is_known_there);
/* The same, which is told. */
void participant_tell_away(RegentParticipant *participant, bool is_known_there);

/* participant-start.c */
void participant_begin(RegentParticipant *participant);
/* It may have been unregistered: registers again, which is refused when it has not. */
void participant_probe(RegentParticipant *participant);

/* participant-question.c: 1: it is taken. */
int participant_take(RegentParticipant *participant, sd_bus_message *m);
void participant_drop_questions(RegentParticipant *participant);
void participant_drop_held(RegentParticipant *participant);
void participant_take_held(RegentParticipant *participant);
