/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Sequencer
 *
 * Answers a change set's questions against the state plus the batch so far, and makes the commit
 * that follows from it.
 */

#include "core/change-set.h"
#include "core/commit.h"
#include "core/overlay.h"
#include "core/state.h"

/*
 * 0 with the commit of @revision, or with NULL when nothing would change; or an Outcome with its
 * text, and nothing has happened. What it keeps of @set's entries it references.
 */
int sequencer_resolve(State *state,
                      const Overlay *overlay,
                      const Limits *limits,
                      const ChangeSet *set,
                      uint64_t revision,
                      uint64_t now_usec,
                      Commit **ret_commit,
                      char **reterr_text);
