/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Missed properties
 *
 * The namespaces that a connection was not told of, and the revision it was told last. A few are
 * kept by name; when there are more, all are gone through in the order of their names.
 */

#include "core/state.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct WatchMissed WatchMissed;

WatchMissed *watch_missed_new(void);
WatchMissed *watch_missed_free(WatchMissed *missed);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WatchMissed, watch_missed_free)

void watch_missed_add(WatchMissed *missed, const char *name, uint64_t since);
void watch_missed_add_all(WatchMissed *missed, uint64_t since);
bool watch_missed_is_empty(const WatchMissed *missed);

/* Takes one out, which may turn out not to concern the connection. NULL: none is left. */
Namespace *watch_missed_take(WatchMissed *missed, State *state, uint64_t *ret_since);
