/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Durability option
 */

#include "bus/durability-option.h"

#include "bus/bus-error.h"
#include "bus/options.h"
#include "core/name.h"

#include <glib.h>

int durability_option_read(sd_bus_message *m,
                           const char *name,
                           Durability *ret_durability,
                           sd_bus_error *reterr_bus)
{
        g_autofree char *quoted = NULL;
        const char *durability;
        int r;

        r = option_read_string(m, name, &durability, reterr_bus);
        if (r < 0)
                return r;

        r = durability_from_name(durability);
        if (r < 0) {
                quoted = name_quote(durability);
                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                     "Option '%s' is 'sync' or 'lazy', not %s",
                                                     name, quoted));
        }

        *ret_durability = (Durability) r;
        return 0;
}
