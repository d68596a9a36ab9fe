/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Watch publisher
 *
 * Tells those who watch of each commit, in order and never two in one. HACKING.md, "The way of a
 * change to those who watch", says how.
 */

#include "bus/bus-service.h"
#include "bus/watch-delta.h"
#include "bus/watches.h"

/* The pipeline's applying() and applied(). */
void watch_publisher_applying(BusService *service, const Commit *commit);
void watch_publisher_applied(BusService *service, const Commit *commit);
