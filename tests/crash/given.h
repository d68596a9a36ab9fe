/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Given
 *
 * What was there before the first start of a recorded run, for the oracle to begin with: what
 * recovery finds in it when nothing has crashed. That this is right is for other tests to say.
 */

#include "core/state.h"
#include "trace.h"

typedef struct Given {
        State *state; /* never NULL */
        State *good;  /* the last known good one; NULL: there is none */
        uint64_t revision, last_good_revision;
} Given;

Given *given_read(const Trace *trace);
Given *given_free(Given *given);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Given, given_free)

/* A state with all of it; owned. */
State *given_state(const Given *given, bool has_runtime);

/* Whether @entry, whatever its revision, is in the last known good one. */
bool given_good_has(const Given *given, const char *ns_name, const Entry *entry);

/* A state to restore_fill() from; owned. */
State *given_good(const Given *given);
