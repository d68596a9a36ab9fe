/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Broadcasts
 *
 * Whoever asked the bus for them gets them, and one who stops reading has the bus keep them all on
 * regentd's account, until it takes nothing more from regentd at all. So the bus is asked now and
 * then how much it keeps. When that is too much, broadcasts are withheld, and once it is read,
 * everybody is told which namespaces to read anew.
 */

#include "bus/bus-service.h"

#include <glib.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

Broadcasts *broadcasts_new(BusService *service);
Broadcasts *broadcasts_free(Broadcasts *broadcasts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Broadcasts, broadcasts_free)

/* Sends the signal @m, of about @n_bytes, about the namespace @name; or withholds it, and 0. */
int broadcast_send(const BusService *service,
                   const char *name,
                   sd_bus_message *m,
                   uint64_t n_bytes);

uint64_t broadcasts_n_withheld(const Broadcasts *broadcasts);
