/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Signals
 *
 * Tells the bus what a batch changed: one PropertiesChanged of Values for each namespace in it,
 * with the last values, and what became of the namespaces themselves. Broadcasts reach everybody,
 * so only namespaces that everyone may read are spoken of; of others those who watch them are told,
 * see bus/watch-properties.h.
 */

#include "bus/bus-service.h"

typedef struct Signals Signals;

/* Borrows @service. What is in the state already counts as announced. */
Signals *signals_new(BusService *service);
Signals *signals_free(Signals *signals);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Signals, signals_free)

/*
 * The PropertiesChanged of Values for what became of @entries, of which each key is there once; and one
 * that names @keys (strings) as invalidated. Not sent yet.
 */
int signals_build_values(const BusService *service,
                         Namespace *ns,
                         GPtrArray *entries,
                         sd_bus_message **ret_signal,
                         uint64_t *ret_n_bytes);
int signals_build_keys(const BusService *service,
                       const Namespace *ns,
                       const GPtrArray *keys,
                       sd_bus_message **ret_signal,
                       uint64_t *ret_n_bytes);

/* @commits are part of the state. Logs what cannot be sent. */
void signals_publish(Signals *signals, const GPtrArray *commits);

/* @ns has another declaration now, or none; says nothing when that has been announced. */
void signals_publish_declaration(Signals *signals, Namespace *ns);

/*
 * Signals about @name were withheld: its objects go and come, and its keys, as many as a signal
 * holds, are named as invalidated, so that whoever follows it reads it anew.
 */
void signals_renew(Signals *signals, const char *name);
