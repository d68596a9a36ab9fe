/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Audience of a namespace
 *
 * The connections whose watches a change of a namespace is due to, and the prefixes of keys that
 * these have: so that what is due to a connection is found without a look at all its watches, or at
 * all that has changed.
 */

#include "bus/watches.h"
#include "core/namespace.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* What a watch has to do with a namespace; the more the later it stands here. */
typedef enum WatchConcern {
        WATCH_CONCERN_NONE,
        WATCH_CONCERN_LATER, /* it is to hear of it when it goes on */
        WATCH_CONCERN_NOW,
} WatchConcern;

WatchConcern watch_concern(const Watch *watch, const Namespace *ns);

/* It is to hear, when it goes on, of what it covers; it was told up to @since. */
void watch_note_missed(Watch *watch, uint64_t since);

/*
 * Owned: Watcher -> owned GPtrArray of borrowed prefixes, none of which begins with another one. Of
 * @entries (borrowed Entry, in order of their keys; NULL: of anything) each has some. Watches that are
 * to hear of it later have that noted.
 */
GHashTable *watch_audience(const BusService *service,
                           const Namespace *ns,
                           const GPtrArray *entries,
                           uint64_t since);

/* Those of @entries below @prefixes, each once; NULL when their keys are too much for one signal. */
GPtrArray *watch_audience_cut(const GPtrArray *entries, const GPtrArray *prefixes);
