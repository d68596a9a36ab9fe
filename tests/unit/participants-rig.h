/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Participants rig
 *
 * Participants that do what the test wants, on top of a pipeline rig whose trace has what they are told:
 * "P?key P+5 P- " for participant P that is asked about a key, hears of a commit of revision 5, and of
 * none. Time passes when the test says so.
 */

#include "core/transaction.h"
#include "pipeline-rig.h"

typedef struct ParticipantsRig {
        Rig rig;
        Participants *participants;
        GPtrArray *asked; /* Member that have not answered */
        uint64_t now_usec, wake_usec;
        int cannot_ask; /* what the next prepare() comes to */
        bool may_not;   /* nobody may have a say any more */
        bool is_full;   /* whoever is to be asked waits for that */
} ParticipantsRig;

void participants_rig_init(ParticipantsRig *rig);
void participants_rig_clear(ParticipantsRig *rig);

/* @label stands for it in the trace; @origin may be NULL. */
Participant *participants_rig_add(ParticipantsRig *rig,
                                  const char *label,
                                  const char *name,
                                  const char *prefix,
                                  bool is_optional,
                                  Origin *origin);

/* That participant answers what it has been asked. */
void participants_rig_answer(ParticipantsRig *rig, const char *label, const char *objection);

/* Whether that one owes an answer. */
bool participants_rig_owes(const ParticipantsRig *rig, const char *label);

/* So much later, whatever has to happen then happens. */
void participants_rig_pass(ParticipantsRig *rig, uint64_t usec);
