/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Watch signals
 *
 * What is said to a watch. All of it is charged to its connection by bus/flow.h.
 */

#include "bus/watch-delta.h"
#include "bus/watches.h"

/* Sends @cut; whoever calls has asked flow_admit_signal(). */
int watch_signals_changed(BusService *service,
                          const Watch *watch,
                          const char *ns_name,
                          uint64_t previous,
                          uint64_t revision,
                          const WatchCut *cut);

/* @ns_name "": all that it watches. */
int watch_signals_resynchronize(BusService *service,
                                const Watch *watch,
                                const char *ns_name,
                                uint64_t revision);

/* @reason: the name of an error. The watch is still there. */
int watch_signals_ended(BusService *service,
                        const Watch *watch,
                        const char *ns_name,
                        const char *reason);
