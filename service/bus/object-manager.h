/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Object manager
 *
 * org.freedesktop.DBus.ObjectManager at REGENT_PATH: the namespaces that the caller may read, with
 * those of their properties whose changes are announced. Values appears without its properties.
 */

#include "bus/bus-service.h"
#include "core/namespace.h"

int object_manager_export(BusService *service, sd_bus *bus);

/* Broadcast; for namespaces that everyone may read alone. */
int object_manager_announce_added(const BusService *service, const Namespace *ns);
int object_manager_announce_removed(const BusService *service, const char *name);
