/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Participant calls
 *
 * The calls to interface Participant. Each takes one of the places for calls to participants until it
 * is answered or its connection leaves, however long anybody waits for the answer; a Prepare for
 * which none is free waits for one, a Commit or an Abort goes without being answered.
 */

#include "bus/bus-service.h"
#include "core/transaction.h"

typedef struct ParticipantCalls ParticipantCalls;

ParticipantCalls *participant_calls_new(BusService *service);
ParticipantCalls *participant_calls_free(ParticipantCalls *calls);

/* As the functions of ParticipantPort. */
int participant_calls_prepare(ParticipantCalls *calls, Member *member);
void participant_calls_forget(Member *member);
void participant_calls_commit(ParticipantCalls *calls,
                              const Participant *participant,
                              const char *transaction,
                              uint64_t revision);
void participant_calls_abort(ParticipantCalls *calls,
                             const Participant *participant,
                             const char *transaction);

/* A connection has left; its answers never come. Its participants are to hear of that next. */
void participant_calls_end(ParticipantCalls *calls, const char *address);

void participant_calls_add_statistics(const ParticipantCalls *calls, GVariantDict *statistics);
