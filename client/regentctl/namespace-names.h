/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Names of namespaces
 */

#include "bus.h"

/* Names of all that one may read and that begin with @prefix, which may be NULL; in order. */
gboolean namespace_names_read(Bus *bus, const char *prefix, char ***ret_names, Failure **reterr);
