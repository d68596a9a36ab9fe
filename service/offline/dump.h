/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Dump
 *
 * What a state directory holds, entry by entry, as a start would load it.
 */

#include "offline/reading.h"

#include <stdbool.h>

/* @is_forced: also when something is damaged; then what can be read. 0 or -EPROTO. */
int dump_directory(const ReadingOptions *options, bool is_forced);

/* Puts out all of @state, and the end of it. 0 or an errno. */
int dump_state(State *state, uint64_t revision, const char *damage);
