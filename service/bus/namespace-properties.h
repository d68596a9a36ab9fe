/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Namespace properties
 *
 * The values of the properties of org.regentd.State1.Namespace.
 */

#include "bus/bus-service.h"
#include "core/namespace.h"

#include <stdbool.h>
#include <systemd/sd-bus.h>

/* Whether @property is one of the interface's. */
bool namespace_has_property(const char *property);

/* Appends the value of @property, in a variant. */
int namespace_append_property(sd_bus_message *reply,
                              const BusService *service,
                              const Namespace *ns,
                              const char *property);

typedef enum NamespaceProperties {
        NAMESPACE_PROPERTIES_ALL,
        NAMESPACE_PROPERTIES_ANNOUNCED, /* those of which every change is announced */
} NamespaceProperties;

/* Appends the {sv} entries of several. */
int namespace_append_properties(sd_bus_message *reply,
                                const BusService *service,
                                const Namespace *ns,
                                NamespaceProperties which);

/* Appends the {sv} entry of that which tells of the declaration. */
int namespace_append_declaration(sd_bus_message *m, const BusService *service, const Namespace *ns);

/* Appends the {sv} entries of those that are not as they were with access @before. */
int namespace_append_access_changes(sd_bus_message *m,
                                    const BusService *service,
                                    const Namespace *ns,
                                    const NamespaceAccess *before);
