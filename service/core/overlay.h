/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Overlay
 *
 * The state plus the commits of the batch that is being formed, which nobody may see yet. It holds
 * changes of entries alone: of a namespace that is made, removed or changed in a batch nothing else
 * is in it.
 */

#include "core/commit.h"
#include "core/state.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Overlay Overlay;

/* Borrows @state. */
Overlay *overlay_new(State *state);
Overlay *overlay_free(Overlay *overlay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Overlay, overlay_free)

/* Borrows @commit's entries until overlay_clear(). */
void overlay_add(Overlay *overlay, const Commit *commit);
void overlay_clear(Overlay *overlay);

/* The entry a reader would see after the batch; borrowed, NULL when there is none. */
Entry *overlay_lookup(const Overlay *overlay, const Namespace *ns, const char *key);

/* The same of a place: the entry of @release ("": of none), seen or hidden. */
Entry *overlay_lookup_at(const Overlay *overlay,
                         const Namespace *ns,
                         const char *key,
                         const char *release);

/*
 * How many releases @ns would have entries of, and whether @release is one of them. What the batch
 * deletes still counts.
 */
uint64_t overlay_n_releases(const Overlay *overlay, const Namespace *ns);
bool overlay_has_release(const Overlay *overlay, const Namespace *ns, const char *release);

uint64_t overlay_n_keys(const Overlay *overlay, const Namespace *ns);
uint64_t overlay_usage(const Overlay *overlay, const Namespace *ns);

/* What @session has in all namespaces. */
uint64_t overlay_session_keys(const Overlay *overlay, const char *session);

/* What @uid owns in all its namespaces. */
uint64_t overlay_owned_keys(const Overlay *overlay, uint32_t uid);
uint64_t overlay_owned_bytes(const Overlay *overlay, uint32_t uid);
