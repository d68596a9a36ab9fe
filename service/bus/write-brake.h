/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Write brake
 *
 * A write can make a thousand signals, which the bus takes one by one. While many wait for it, no
 * batch is formed: writers are as fast as the bus, and what waits is bounded. It waits for the bus
 * alone, never for whoever should read the signals.
 */

#include "bus/bus-service.h"

#include <glib.h>
#include <stdbool.h>

WriteBrake *write_brake_new(BusService *service);
WriteBrake *write_brake_free(WriteBrake *brake);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WriteBrake, write_brake_free)

bool write_brake_holds(WriteBrake *brake);
