/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Watch statistics
 */

#include "bus/bus-service.h"

/* An a{sv}, floating: each watch of that connection, by its number, with an a{sv} of its state. */
GVariant *watch_statistics(const BusService *service, const char *name);
