/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bus signals
 *
 * The connection of what still follows signals by itself, and calls over it: their replies have to come in one order
 * with the signals.
 */

#include "interrupt.h"
#include "options.h"

#include <gio/gio.h>
#include <sys/types.h>

typedef struct BusSignals {
        GDBusConnection *connection;
        pid_t ssh_pid; /* 0: none */
} BusSignals;

gboolean bus_signals_open(const Options *options,
                          Interrupt *interrupt,
                          bool may_ask,
                          BusSignals *ret,
                          Failure **reterr);
void bus_signals_clear(BusSignals *signals);
