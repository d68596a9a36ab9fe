/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bus
 */

#include "bus.h"

#include "client/regent-names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#define CALL_TIMEOUT_USEC (UINT64_C(60) * 1000000)

int bus_open(sd_bus **ret_bus, const char *address)
{
        g_autoptr(sd_bus) bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r < 0)
                return r;

        r = sd_bus_set_address(bus, address);
        if (r < 0)
                return r;

        r = sd_bus_set_bus_client(bus, 1);
        if (r < 0)
                return r;

        r = sd_bus_set_method_call_timeout(bus, CALL_TIMEOUT_USEC);
        if (r < 0)
                return r;

        r = sd_bus_start(bus);
        if (r < 0)
                return r;

        *ret_bus = g_steal_pointer(&bus);
        return 0;
}

int bus_open_channel(sd_bus **ret_channel, sd_bus *bus)
{
        g_autoptr(sd_bus_message) call = NULL;
        g_autoptr(sd_bus_message) reply = NULL;
        g_autoptr(sd_bus) channel = NULL;
        int fd, r;

        r = sd_bus_message_new_method_call(bus, &call, REGENT_BUS_NAME, REGENT_PATH,
                                           REGENT_MANAGER_INTERFACE, "Connect");
        if (r >= 0)
                r = sd_bus_message_append(call, "a{sv}", 0);
        if (r >= 0)
                r = bus_call(bus, call, &reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "h", &fd);
        if (r >= 0)
                r = sd_bus_new(&channel);
        if (r < 0)
                return r;

        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return -errno;
        r = sd_bus_set_fd(channel, fd, fd);
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(channel, CALL_TIMEOUT_USEC);
        if (r >= 0)
                r = sd_bus_start(channel);
        if (r >= 0)
                r = bus_ping(channel);
        if (r < 0)
                return r;

        *ret_channel = g_steal_pointer(&channel);
        return 0;
}

int bus_call(sd_bus *bus, sd_bus_message *call, sd_bus_message **ret_reply)
{
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_call(bus, call, 0, &error, ret_reply);
        if (r < 0) {
                fprintf(stderr, "bench-regent: %s: %s: %s\n", sd_bus_message_get_member(call),
                        error.name ? error.name : "no answer", error.message ? error.message : "");
                return r;
        }

        return 0;
}

int bus_ping(sd_bus *bus)
{
        g_autoptr(sd_bus_message) call = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &call, REGENT_BUS_NAME, REGENT_PATH,
                                           "org.freedesktop.DBus.Peer", "Ping");
        if (r < 0)
                return r;

        return bus_call(bus, call, NULL);
}

uint64_t now_nsec(void)
{
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}

uint64_t now_usec(void)
{
        return now_nsec() / 1000;
}
