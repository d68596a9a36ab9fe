/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Names
 *
 * All names of namespaces or keys, read a page at a time.
 */

#include "bus.h"

/* Sorted. @prefix may be NULL: all that may be read. */
gboolean names_read_namespaces(Bus *bus, const char *prefix, char ***ret_names, Failure **reterr);
gboolean names_read_keys(
        Bus *bus, const char *ns_name, const char *prefix, char ***ret_names, Failure **reterr);
