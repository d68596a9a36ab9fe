/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Context
 *
 * What a verb works with.
 */

#include "bus.h"
#include "failure.h"
#include "interrupt.h"
#include "options.h"
#include "output.h"

typedef struct Context {
        const Options *options;
        Output *output;
        Interrupt *interrupt;
        BusUse bus_use; /* by the verb that runs */
        Bus *bus;       /* opened at the first context_bus() */
} Context;

/* Opens the bus when it is not open yet. Borrows. */
gboolean context_bus(Context *context, Bus **ret_bus, Failure **reterr);
