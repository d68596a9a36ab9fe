/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Backlog
 *
 * Commits that recovery has read and not applied yet, a few of them: what applying them touches is
 * all over the memory, and is fetched for all of them at once.
 */

#include "core/commit.h"
#include "core/state.h"

typedef struct Backlog Backlog;

/* Borrows @state. */
Backlog *backlog_new(State *state);
Backlog *backlog_free(Backlog *backlog);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Backlog, backlog_free)

/* Takes @commit. It is applied after all that was added before it, now or later. */
void backlog_add(Backlog *backlog, Commit *commit);

/* Applies all that there is. */
void backlog_apply(Backlog *backlog);
