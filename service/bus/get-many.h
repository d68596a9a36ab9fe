/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Get many
 *
 * Replies with several values: GetMany of both interfaces, and GetAll of Values. Each is one
 * consistent state, and none is larger than a reply may be.
 */

#include "bus/authorizer.h"

#include <systemd/sd-bus.h>

/* The method handlers. */
int get_many_keys(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);
int get_many_namespaces(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);

/* Whether GetAll of @ns fits a reply. */
bool get_many_fits(const BusService *service, sd_bus_message *m, const Namespace *ns);

/* Appends every key and value of @ns to an open a{sv}. */
int get_many_append_all(sd_bus_message *reply, const Namespace *ns);
