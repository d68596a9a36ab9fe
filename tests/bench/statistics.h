/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Statistics
 *
 * The counters of Manager.GetStatistics, and how far they moved.
 */

#include <glib.h>
#include <stdio.h>
#include <systemd/sd-bus.h>

/* Name -> uint64_t *, of those counters that are numbers. 0 or a negative errno. */
int statistics_read(sd_bus *bus, GHashTable **ret_statistics);

/* A JSON object of the differences, in the order of names. */
void statistics_print_moved(FILE *out, GHashTable *before, GHashTable *after);
