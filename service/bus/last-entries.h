/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Last entries
 *
 * What several commits left of keys.
 */

#include <glib.h>

/* Puts @entries (Entry) in the order of their keys, and lets only the last of each key stay. */
void last_entries_keep(GPtrArray *entries);
