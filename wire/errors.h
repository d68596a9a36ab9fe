/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Errors on the wire
 *
 * Which errno each of Regent's own error names is, for regentd and for its clients.
 */

#include <systemd/sd-bus.h>

extern const sd_bus_error_map wire_errors[];
