/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Writes of a namespace
 *
 * The methods of interface Namespace that change it; what they do stands in dbus/.
 */

#include <systemd/sd-bus.h>

int namespace_method_set(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);
int namespace_method_delete(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);
int namespace_method_apply(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);
int namespace_method_set_access(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);
