/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Vetoes
 *
 * What the participants object to in a dry run, as a part of Apply's result.
 */

#include "core/transaction.h"

#include <systemd/sd-bus.h>

/* Adds "vetoes" to an open a{sv}, unless nobody objects. @transaction may be NULL. */
int vetoes_append(sd_bus_message *reply, const Transaction *transaction);
