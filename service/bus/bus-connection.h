/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bus connection
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/*
 * Connects to the system bus, in the background: it may come up later. Other than with
 * sd_bus_open_system() nothing is waited for.
 */
int bus_connection_open(sd_bus **ret_bus, sd_event *event);
