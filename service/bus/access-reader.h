/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Access reader
 *
 * Reads what CreateNamespace and SetAccess say of an access.
 */

#include "bus/change-reader.h"

/* An a{sv} of owner, group, mode and quotas. 0, or a negative errno with @reterr_bus set. */
int access_reader_read(ChangeReader *reader, sd_bus_message *m, sd_bus_error *reterr_bus);
