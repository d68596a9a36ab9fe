/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Waiting
 *
 * Commits of a kind that stories have beside plain ones: changes that wait for a confirmation, what ends
 * these, and entries of a session.
 */

#include "core/commit.h"
#include "support/store-fixture.h"

/* A change of @key, persistent in @ns and runtime in @other_ns, that waits for a confirmation. */
Commit *waiting_begin(StoreFixture *fixture, const char *ns, const char *other_ns, const char *key);

/* Ends the oldest that waits. */
Commit *waiting_settle(StoreFixture *fixture, CommitSettlement settlement);

void waiting_put_session(Commit *commit, const char *ns, const char *key, const char *value);
