/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Defaults commit
 *
 * Declared defaults that are not, or not for certain, those of before the start count from the next
 * revision on. This takes that one into use, so that whatever is read after the start is read at a
 * revision that a client can go on from, and not at the one that others have read other defaults at.
 */

#include "core/pipeline.h"
#include "core/state.h"

#include <glib.h>

typedef struct DefaultsCommit DefaultsCommit;

/* Borrows everything. */
DefaultsCommit *defaults_commit_new(State *state, Pipeline *pipeline);
DefaultsCommit *defaults_commit_free(DefaultsCommit *commit);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DefaultsCommit, defaults_commit_free)

/*
 * Once all that is declared is there. Calls @on_done, perhaps at once, when there is nothing to do, it is
 * done, or it was tried: where nothing can be written history begins with whatever is committed next.
 */
typedef void (*DefaultsCommitDone)(void *userdata);
void defaults_commit_start(DefaultsCommit *commit, DefaultsCommitDone on_done, void *userdata);
