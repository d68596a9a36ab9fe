/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Values object
 *
 * org.regentd.State1.Values: every key of a namespace as a property, for clients that know nothing
 * but properties; and whatever else org.freedesktop.DBus.Properties and Introspectable say below
 * REGENT_NAMESPACES_PATH.
 */

#include "bus/bus-service.h"

int values_object_export(BusService *service, sd_bus *bus);
