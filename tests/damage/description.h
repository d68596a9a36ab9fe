/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Description
 *
 * What a state holds, as text: namespaces, entries of all releases and sessions, and the changes that wait,
 * each with its way back.
 */

#include "core/state.h"

#include <stdbool.h>

/* Of the persistent side, which has all that waits, or of the other. */
char *description_of(State *state, bool is_persistent);
