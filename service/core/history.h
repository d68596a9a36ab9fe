/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * History
 *
 * What is different now from what readers saw at an earlier revision: keys that were set since, as
 * their entries say, and keys with a tombstone. It costs what has changed, not what there is.
 *
 * Of a revision before the horizon it is not known: that of the state is where this history began, at
 * the first start of a boot or after something was lost; that of a namespace is where it was made, and
 * it moves on as tombstones have to go.
 */

#include "core/state.h"

#include <stdint.h>

/*
 * What was loaded is complete, and known since @horizon. Before that there is no history, and
 * nothing may be asked; what is applied afterwards is kept.
 */
void history_begin(State *state, uint64_t horizon);

/*
 * Declared defaults are no part of what is stored, and may be others after a restart. @recall says what
 * those of a namespace were before (declaration_fallbacks_checksum()), and since when; false: not known.
 * NULL: nobody has seen any. Where they are others now, what was before is lost. From then on
 * @on_defaults is told of each change, before anybody can see it. To be called when the declarations are
 * first in force, before any commit that follows from them.
 */
typedef bool (*HistoryRecall)(void *userdata,
                              const char *ns_name,
                              const char **ret_checksum,
                              uint64_t *ret_revision);
void history_resume_defaults(State *state,
                             HistoryRecall recall,
                             StateOnDefaults on_defaults,
                             void *userdata);

/*
 * A namespace (borrowed) whose history begins at the next revision, so that nobody can go on from what
 * is read now; NULL: there is none.
 */
const Namespace *history_find_ahead(State *state);

/* For State alone: whether the defaults of @ns differ from those @before (may be NULL); then they do so from @revision. */
bool history_mark_defaults(Tombstones *tombstones,
                           Namespace *ns,
                           const Declaration *before,
                           uint64_t revision);

/* 0, or CORE_E_HISTORY_LOST with text: whether it is known what has changed in @ns since @since. */
int history_check(const State *state, const Namespace *ns, uint64_t since, char **reterr_text);

/*
 * Each key below @prefix that readers may see differently than at @since, in order; @entry is what
 * they see now, NULL: nothing. 0 to go on; anything else ends the walk, which returns it. The state
 * must not change meanwhile.
 */
typedef int (*HistoryDiffers)(void *userdata, const char *key, Entry *entry);

/*
 * After history_check(). 0, what @on_differs returned, or CORE_E_TOO_MANY_CHANGES: more has changed
 * than is looked through; to read it all costs less.
 */
int history_walk(State *state,
                 Namespace *ns,
                 const char *prefix,
                 uint64_t since,
                 HistoryDiffers on_differs,
                 void *userdata);
