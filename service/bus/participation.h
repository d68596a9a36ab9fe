/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Participation
 *
 * The participants of all namespaces, as connections of this bus: they go when their connection
 * does. Whom core/transaction.h wants to be asked is called by bus/participant-calls.h.
 */

#include "bus/bus-service.h"
#include "core/participants.h"

#include <stdint.h>

int participation_new(Participation **ret_participation, BusService *service);
Participation *participation_free(Participation *participation);

/* Before the callers go: all of them leave. */
void participation_stop(Participation *participation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Participation, participation_free)

/* As participants_add(). */
int participation_add(Participation *participation, const Participant *wanted);

/* Whether there was one. */
bool participation_remove(Participation *participation,
                          const char *name,
                          const char *address,
                          const char *path);

/* From bus/caller.c: a connection has left. */
void participation_forget(Participation *participation, const char *address);

/* How many a namespace has. */
uint64_t participation_count(const Participation *participation, const char *name);

void participation_add_statistics(const Participation *participation, GVariantDict *statistics);
