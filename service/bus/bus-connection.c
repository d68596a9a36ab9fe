/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bus connection
 */

#include "bus/bus-connection.h"

#include "util/auto.h"

#include <glib.h>
#include <stdbool.h>

int bus_connection_open(sd_bus **ret_bus, sd_event *event)
{
        const char *address = g_getenv("DBUS_SYSTEM_BUS_ADDRESS");
        g_autoptr(sd_bus) bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r < 0)
                return r;

        r = sd_bus_set_address(bus, address ? address : "unix:path=/run/dbus/system_bus_socket");
        if (r < 0)
                return r;

        r = sd_bus_set_bus_client(bus, true);
        if (r < 0)
                return r;

        r = sd_bus_set_watch_bind(bus, true);
        if (r < 0)
                return r;

        r = sd_bus_start(bus);
        if (r < 0)
                return r;

        r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;

        *ret_bus = g_steal_pointer(&bus);
        return 0;
}
