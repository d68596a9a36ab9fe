/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Context
 */

#include "context.h"

gboolean context_bus(Context *context, Bus **ret_bus, Failure **reterr)
{
        if (!context->bus && !bus_open(context->options, context->interrupt, context->bus_use,
                                       &context->bus, reterr))
                return FALSE;
        *ret_bus = context->bus;
        return TRUE;
}
