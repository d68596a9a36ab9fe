/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Durability option
 *
 * Reads "durability" among the options of a change.
 */

#include "core/durability.h"

#include <systemd/sd-bus.h>

/* The variant of option @name, at the cursor. 0, or a negative errno with @reterr_bus. */
int durability_option_read(sd_bus_message *m,
                           const char *name,
                           Durability *ret_durability,
                           sd_bus_error *reterr_bus);
