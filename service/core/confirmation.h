/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Confirmation
 *
 * What the sequencer asks about changes that wait for one, and the commits that make, confirm and
 * undo such a change. Functions return 0 or an Outcome with @reterr_text.
 *
 * A change that is to be confirmed is alone in its batch, and what ends one is with others of the kind
 * alone: so the state tells all there is to know.
 */

#include "core/change-set.h"
#include "core/commit.h"
#include "core/limits.h"
#include "core/state.h"

/* Says no more, whatever was wrong with a token. */
#define CONFIRMATION_UNKNOWN_TEXT                                                          \
        "Nothing waits for this confirmation: the token is wrong, the time was up, or it " \
        "was confirmed or undone before"

/* CORE_E_BUSY while the key, any key of the namespace, or any key at all waits for a confirmation. */
int confirmation_check_key(State *state, const char *name, const char *key, char **reterr_text);
int confirmation_check_namespace(State *state, const char *name, char **reterr_text);
int confirmation_check_all(State *state, char **reterr_text);

/* Gives @commit, which has all its changes, the way back that @set asks for. */
int confirmation_prepare(State *state,
                         const Limits *limits,
                         const ChangeSet *set,
                         Commit *commit,
                         char **reterr_text);

/*
 * Makes @commit, which is empty, what ends the change that @set (CHANGE_SET_SETTLE) is about. Neither
 * quotas nor declarations are asked: what was there once may be there again.
 */
int confirmation_settle(State *state, const ChangeSet *set, Commit *commit, char **reterr_text);
