/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Manager object
 *
 * org.regentd.State1.Manager: what concerns the whole service or several namespaces at once.
 */

#include "bus/bus-service.h"

int manager_object_export(BusService *service, sd_bus *bus);

/* The status has changed: PropertiesChanged for State and LastGoodRevision. */
int manager_object_announce_status(BusService *service);
