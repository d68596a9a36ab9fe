/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Registration
 *
 * The methods with which a program becomes a participant and ceases to be one.
 */

#include <systemd/sd-bus.h>

int registration_method_register(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);
int registration_method_unregister(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);
