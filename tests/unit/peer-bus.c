/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Peer bus
 */

#include "peer-bus.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

sd_bus *peer_bus_new(int *ret_fd)
{
        sd_bus *bus;
        int pair[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
                        ==, 0);
        g_assert_cmpint(sd_bus_new(&bus), >=, 0);
        g_assert_cmpint(sd_bus_set_fd(bus, pair[0], pair[0]), >=, 0);
        g_assert_cmpint(sd_bus_set_server(bus, 1, (sd_id128_t){ .bytes = { 1 } }), >=, 0);
        g_assert_cmpint(sd_bus_set_anonymous(bus, 1), >=, 0);
        g_assert_cmpint(sd_bus_start(bus), >=, 0);
        *ret_fd = pair[1];
        return bus;
}

sd_bus *peer_bus_new_raw(int *ret_fd)
{
        static const char authentication[] = "\0AUTH ANONYMOUS\r\nDATA\r\nBEGIN\r\n";
        sd_bus *bus = peer_bus_new(ret_fd);
        ssize_t n = (ssize_t) sizeof authentication - 1;

        g_assert_cmpint(write(*ret_fd, authentication, (size_t) n), ==, n);
        return bus;
}

sd_bus_message *peer_bus_message(sd_bus *bus)
{
        sd_bus_message *m;

        g_assert_cmpint(sd_bus_message_new_signal(bus, &m, "/", "a.b", "C"), >=, 0);
        return m;
}

void peer_bus_seal(sd_bus_message *m)
{
        g_assert_cmpint(sd_bus_message_seal(m, 1, 0), >=, 0);
        g_assert_cmpint(sd_bus_message_rewind(m, 1), >=, 0);
}
