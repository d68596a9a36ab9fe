/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Peer bus
 *
 * An sd-bus connection whose other end is a plain descriptor in the same process, for tests of what
 * needs messages and no bus.
 */

#include <glib.h>
#include <systemd/sd-bus.h>

/* A connection that answers calls; *ret_fd is the caller's end, where nothing was said yet. */
sd_bus *peer_bus_new(int *ret_fd);

/* The same with the authentication done: what is written to *ret_fd now are messages. */
sd_bus *peer_bus_new_raw(int *ret_fd);

/* An empty message of @bus, to be sealed with peer_bus_seal(). */
sd_bus_message *peer_bus_message(sd_bus *bus);

/* Seals @m and goes to its beginning, as if it had been received. */
void peer_bus_seal(sd_bus_message *m);
