/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bus
 *
 * A client's connection, and the cleanup of what sd-bus hands out. Functions return 0 or a negative
 * errno, and say on stderr what the service answered when it answered with an error.
 */

#include <glib.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus, sd_bus_flush_close_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_slot, sd_bus_slot_unref)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(sd_bus_error, sd_bus_error_free)

int bus_open(sd_bus **ret_bus, const char *address);

/* A channel of @bus: regentd without a bus between. */
int bus_open_channel(sd_bus **ret_channel, sd_bus *bus);

/* @ret_reply may be NULL. */
int bus_call(sd_bus *bus, sd_bus_message *call, sd_bus_message **ret_reply);

/* A call of regentd's Peer.Ping. */
int bus_ping(sd_bus *bus);

/* Microseconds and nanoseconds of the monotonic clock */
uint64_t now_usec(void);
uint64_t now_nsec(void);
