/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connecting to the bus
 */

#include "private.h"

#include <stdlib.h>

#define SYSTEM_BUS_ADDRESS "unix:path=/run/dbus/system_bus_socket"

static const char *find_address(const char *address)
{
        if (!address)
                address = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");

        return address ? address : SYSTEM_BUS_ADDRESS;
}

/* As sd_bus_open_system() does, but told when it is connected. */
static int start(sd_bus *bus, const char *address)
{
        int r;

        r = sd_bus_set_description(bus, "regent");
        if (r >= 0)
                r = sd_bus_set_address(bus, find_address(address));
        if (r >= 0)
                r = sd_bus_set_bus_client(bus, true);
        if (r >= 0)
                r = sd_bus_negotiate_fds(bus, true);
        if (r >= 0)
                r = sd_bus_set_connected_signal(bus, true);
        if (r >= 0)
                r = sd_bus_start(bus);

        return r < 0 ? r : 0;
}

int system_bus_open(const char *address, sd_bus **ret)
{
        sd_bus *bus;
        int r;

        r = sd_bus_new(&bus);
        if (r < 0)
                return r;

        r = start(bus, address);
        if (r < 0) {
                sd_bus_close_unref(bus);
                return r;
        }

        *ret = bus;
        return 0;
}
