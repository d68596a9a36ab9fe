/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Presence
 *
 * Whether regentd is on the bus, and who it is there, for programs that outlive it.
 */

#include "bus.h"

typedef struct Presence Presence;

/* Sets *@is_woken whenever something is different. */
Presence *presence_new(Bus *bus, bool *is_woken);
Presence *presence_free(Presence *presence);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Presence, presence_free)

/* Its unique name; NULL while it is not there. Borrowed until the main loop runs again. */
const char *presence_owner(const Presence *presence);

/* How often it has gone so far. */
unsigned presence_n_gone(const Presence *presence);

/* The connection to the bus has ended. */
bool presence_is_closed(const Presence *presence);
