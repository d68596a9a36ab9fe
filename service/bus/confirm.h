/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Confirmed change
 *
 * Option confirm-timeout-usec of the Apply methods, and the Manager's methods that confirm, cancel and
 * list changes that wait for a confirmation. Whoever has the token may do both of the first; the
 * owner of all that was changed, and uid 0, may cancel by the change's revision instead.
 */

#include "core/change-set.h"

#include <systemd/sd-bus.h>

/*
 * Reads option @name, if it is that one, and makes @set one that is to be confirmed, with a token of its
 * own. Another option is not known.
 */
int confirm_read_option(ChangeSet *set,
                        sd_bus_message *m,
                        const char *name,
                        sd_bus_error *reterr_bus);

int confirm_method_confirm(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);
int confirm_method_cancel(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);
int confirm_method_list(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);
