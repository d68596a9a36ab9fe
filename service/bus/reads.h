/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reads
 *
 * Calls that do nothing but tell something, or hand something out. Whoever says that it wants no reply
 * has asked for nothing, and could ask a million times a second.
 */

#include <stdbool.h>
#include <systemd/sd-bus.h>

/* Whether @m is one, on whatever object and interface: no name of these does anything elsewhere. */
bool reads_has(sd_bus_message *m);
