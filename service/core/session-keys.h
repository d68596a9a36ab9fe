/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Session keys
 *
 * The sequencer's part of class session: how many keys a connection may have, and the commit that
 * deletes them when it ends.
 */

#include "core/commit.h"
#include "core/limits.h"
#include "core/overlay.h"
#include "core/state.h"

/*
 * Whether @session (NULL: none) may have as many keys as it would with @commit. 0, or
 * CORE_E_QUOTA_EXCEEDED with its text.
 */
int session_keys_check(const State *state,
                       const Overlay *overlay,
                       const Limits *limits,
                       const char *session,
                       const Commit *commit,
                       char **reterr_text);

/* Adds to @commit, which is empty and of a batch without entries, the deletion of all that @session has. */
void session_keys_end(Commit *commit, State *state, const char *session);
