/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Connections
 *
 * What regentd knows of each connection: status --connections.
 */

#include "context.h"

#include <glib.h>

gboolean connections_show(Context *context, Bus *bus, Failure **reterr);
