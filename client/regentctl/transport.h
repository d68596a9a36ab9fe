/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Transport
 *
 * How regentctl comes to a bus: by an address, or by ssh to the system bus of another machine.
 */

#include "failure.h"

#include <gio/gio.h>
#include <stdbool.h>
#include <sys/types.h>

/* The address of the bus, when @address is NULL of the system bus. */
gboolean transport_find_address(const char *address, char **ret_address, Failure **reterr);

/*
 * Starts ssh to @host, [USER@]HOST or [USER@]HOST:PORT, with systemd-stdio-bridge at its other end. Without
 * @may_ask ssh asks for no password.
 */
gboolean transport_start_ssh(
        const char *host, bool may_ask, GIOStream **ret_stream, pid_t *ret_pid, Failure **reterr);

/* The same as an address that starts it. */
gboolean transport_ssh_address(const char *host,
                               bool may_ask,
                               char **ret_address,
                               Failure **reterr);
