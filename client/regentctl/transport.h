/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Transport
 *
 * How regentctl comes to a bus: by an address, or by ssh to the system bus of another machine.
 */

#include "failure.h"

#include <stdbool.h>

/* Whether @address is of a kind that is known. */
gboolean transport_check_address(const char *address, Failure **reterr);

/*
 * The address that starts ssh to @host, [USER@]HOST or [USER@]HOST:PORT, with systemd-stdio-bridge at its other end.
 * Without @may_ask ssh asks for no password.
 */
gboolean transport_ssh_address(const char *host,
                               bool may_ask,
                               char **ret_address,
                               Failure **reterr);
