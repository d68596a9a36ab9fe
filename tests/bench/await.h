/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Await
 *
 * When a regentd that is about to be started answers its first call.
 */

#include <systemd/sd-bus.h>

/*
 * Prints "waiting" when it has begun to listen, waits for the name to get an owner, calls it at
 * once, and prints the moment of the answer in nanoseconds of the monotonic clock. The call is a
 * Get of the first key of @ns_name, or with NULL of the Manager's property Revision. 0 or a
 * negative errno.
 */
int await_run(sd_bus *bus, const char *ns_name);
