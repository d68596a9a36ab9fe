/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Namespace object
 *
 * org.regentd.State1.Namespace, for every namespace by one fallback below REGENT_NAMESPACES_PATH:
 * ten thousand of them cost the bus no more than one.
 */

#include "bus/bus-service.h"
#include "core/namespace.h"

#include <systemd/sd-bus.h>

int namespace_object_export(BusService *service, sd_bus *bus);

/* The name that the path of a call to a namespace object stands for. */
char *namespace_object_name(sd_bus_message *m);

extern const sd_bus_vtable namespace_vtable[];
