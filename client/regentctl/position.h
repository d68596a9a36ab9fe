/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Position
 *
 * How far a watcher has come: a revision, and the epoch that it is one of. As a script keeps it:
 * EPOCH:REVISION.
 */

#include "failure.h"

#include <stdint.h>

typedef struct Position {
        char *epoch; /* NULL: nowhere, so everything is new */
        uint64_t revision;
} Position;

/* EXIT_USAGE when it is none. */
gboolean position_parse(const char *text, Position *ret_position, Failure **reterr);

/* NULL of nowhere. */
char *position_print(const Position *position);

/* @epoch is copied. */
void position_set(Position *position, const char *epoch, uint64_t revision);

void position_clear(Position *position);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Position, position_clear)
