/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Daemon ports
 *
 * How the parts reach each other: the callbacks they declare, each of which calls other parts. Parts
 * that are not there yet are left out.
 */

#include "daemon-parts.h"

ViewsCallbacks daemon_ports_of_views(Daemon *daemon);
PipelineCallbacks daemon_ports_of_pipeline(Daemon *daemon);
StoreCallbacks daemon_ports_of_store(Daemon *daemon);
BusPorts daemon_ports_of_bus(Daemon *daemon);

/* Runs the pipeline; @userdata is the daemon. */
int daemon_ports_on_batch(sd_event_source *source, void *userdata);

/* For DeclarerOptions.on_declared; @userdata is the daemon. */
void daemon_ports_on_first_declared(void *userdata);
void daemon_ports_on_declared(void *userdata, Namespace *ns);
