/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Participation
 *
 * Has a say in the changes of a namespace: exports the object that regentd asks, keeps it registered
 * over restarts of regentd, and gives what regentd says to whoever decides, one after the other.
 */

#include "bus.h"

#include <stdint.h>

typedef enum ParticipationStep {
        PARTICIPATION_PREPARE, /* it may be refused */
        PARTICIPATION_COMMIT, /* it is done; with neither set nor unset: something is, that was not asked about */
        PARTICIPATION_ABORT, /* it is not done, though it was agreed to, or withdrawn before it was decided */
} ParticipationStep;

/* All is borrowed. */
typedef struct ParticipationRequest {
        ParticipationStep step;
        const char *transaction;
        const char *ns_name;
        GVariant *set;        /* a{sv} */
        GVariant *unset;      /* as */
        GVariant *current;    /* a{sv}; of PREPARE alone */
        uint64_t revision;    /* of COMMIT */
        int64_t timeout_usec; /* what is left to decide */
} ParticipationRequest;

/*
 * Says what becomes of a request: @ret_reason, a text of its own, refuses it; NULL agrees. It runs the main loop.
 * Returns false with a Failure to end.
 */
typedef gboolean (*ParticipationOnRequest)(const ParticipationRequest *request,
                                           char **ret_reason,
                                           void *userdata,
                                           Failure **reterr);

/* Each time that it is registered: the first, and again when regentd is back. */
typedef void (*ParticipationOnRegistered)(uint64_t revision, void *userdata);

typedef void (*ParticipationOnAway)(void *userdata);

/* It does not take part any more, and cannot register: @why. It goes on trying. */
typedef void (*ParticipationOnShutOut)(const char *why, void *userdata);

/* While a PREPARE is decided: nobody waits for that any more, and an ABORT follows. */
typedef void (*ParticipationOnWithdrawn)(void *userdata);

typedef struct ParticipationSpec {
        const char *ns_name; /* all is borrowed for as long as the Participation is there */
        const char *prefix;
        bool is_optional;
        int64_t timeout_usec; /* for an answer; 0: as regentd has it */
        ParticipationOnRequest on_request;
        ParticipationOnRegistered on_registered;
        ParticipationOnAway on_away;
        ParticipationOnShutOut on_shut_out;
        ParticipationOnWithdrawn on_withdrawn;
        void *userdata;
} ParticipationSpec;

typedef struct Participation Participation;

gboolean participation_new(Bus *bus,
                           const ParticipationSpec *spec,
                           Participation **ret,
                           Failure **reterr);
Participation *participation_free(Participation *participation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Participation, participation_free)

/* Registers, and runs until it fails; EXIT_INTERRUPTED is the usual end, after which it is unregistered. */
gboolean participation_run(Participation *participation, Failure **reterr);
