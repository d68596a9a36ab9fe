/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Signals
 *
 * Tells the bus what a batch changed: one PropertiesChanged of Values for each namespace in it,
 * with the last values, and what became of the namespaces themselves. Broadcasts reach everybody,
 * so only namespaces that everyone may read are spoken of.
 */

#include "bus/bus-service.h"

typedef struct Signals Signals;

/* Borrows @service. What is in the state already counts as announced. */
Signals *signals_new(BusService *service);
Signals *signals_free(Signals *signals);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Signals, signals_free)

/* @commits are part of the state. Logs what cannot be sent. */
void signals_publish(Signals *signals, const GPtrArray *commits);

/* @ns has another declaration now, or none; says nothing when that has been announced. */
void signals_publish_declaration(Signals *signals, Namespace *ns);

/*
 * Signals about @name were withheld: its objects go and come, and its keys, as many as a signal
 * holds, are named as invalidated, so that whoever follows it reads it anew.
 */
void signals_renew(Signals *signals, const char *name);
