/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Watch delivery
 *
 * Brings what is due to one watch, or notes that it was due: the states of bus/watches.h.
 */

#include "bus/watch-delta.h"
#include "bus/watches.h"

/* @cut is due to @watch, whose connection may know of it. */
void watch_deliver(BusService *service,
                   Watch *watch,
                   const char *ns_name,
                   uint64_t revision,
                   const WatchCut *cut);

/* What it has of @ns_name ("": of anything) is out of date. */
void watch_deliver_resynchronize(BusService *service,
                                 Watch *watch,
                                 const char *ns_name,
                                 uint64_t revision);

/* Tells it why it ends, and removes it. */
void watch_end(BusService *service, Watch *watch, const char *reason);

/* What the client has now is the state at @revision. */
void watch_resume(Watch *watch, uint64_t revision);

/* It has taken all that was sent up to @revision. */
void watch_acknowledge(Watch *watch, uint64_t revision);

/* Its connection reads again. */
void watch_go_on(BusService *service, Watch *watch);
