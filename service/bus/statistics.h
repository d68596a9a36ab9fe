/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Statistics
 *
 * The numbers of Manager.GetStatistics.
 */

#include <systemd/sd-bus.h>

/* The method itself; @userdata is the BusService. */
int statistics_method_get(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);
