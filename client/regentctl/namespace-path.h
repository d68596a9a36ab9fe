/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Namespace path
 *
 * The object path that the bus has for the name of a namespace.
 */

#include "failure.h"

#include <glib.h>

/* /org/regentd/State1/ns/… of a valid name; else InvalidName. */
gboolean namespace_path_of(const char *ns_name, char **ret_path, Failure **reterr);
