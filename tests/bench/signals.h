/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Signals
 *
 * How many signals and records one Apply makes.
 */

#include <stdint.h>

/*
 * Applies @n_changes to @ns_name, which is there, and prints as one JSON object how many
 * PropertiesChanged another connection saw, how many keys they named, and how far the statistics
 * moved. 0 or a negative errno.
 */
int signals_run(const char *address, const char *ns_name, uint32_t n_changes);
