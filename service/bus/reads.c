/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads
 */

#include "bus/reads.h"

#include <glib.h>

static const char *const members[] = {
        "Backup",
        "Connect",
        "Describe",
        "Get",
        "GetAll",
        "GetChanges",
        "GetMachineId",
        "GetManagedObjects",
        "GetMany",
        "GetNamespace",
        "GetStatistics",
        "Introspect",
        "List",
        "ListNamespaces",
        "ListPendingChanges",
        "OpenView",
        "Ping",
        NULL,
};

bool reads_has(sd_bus_message *m)
{
        const char *member = sd_bus_message_get_member(m);

        return member && g_strv_contains(members, member);
}
