/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bus errors
 *
 * The one place where outcomes of core get their D-Bus names.
 */

#include "core/outcome.h"

#include <glib.h>
#include <systemd/sd-bus.h>

/*
 * Sets @reterr_bus to what a positive @outcome is called on the bus, with @text, or to what a
 * negative errno is called; returns a negative errno, as an sd-bus handler does.
 */
int bus_error_set(sd_bus_error *reterr_bus, int outcome, const char *text);

/*
 * The same for a copy of the state that could not be written, @r saying why; @consequence may be NULL.
 */
int bus_error_set_unwritten(sd_bus_error *reterr_bus, int r, const char *consequence);

/*
 * What sd_bus_error_set() and its kin return for a name is always negative. This holds them to it: a
 * refusal that came out as 0 would let a call go on.
 */
static inline int bus_refused(int r)
{
        g_assert(r < 0);
        return r;
}

/* LimitsExceeded where @r says that there are no file descriptors left; else returns @r as it is. */
int bus_error_set_no_descriptors(sd_bus_error *reterr_bus, int r);

/* Makes sd-bus turn the names into errno values and back. Idempotent. */
int bus_error_register(void);
