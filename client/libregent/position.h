/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Position
 *
 * How far a watch has come: a revision, and the epoch that it is one of. As text: EPOCH:REVISION.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Position {
        char *epoch; /* NULL: nowhere, so everything is new */
        uint64_t revision;
} Position;

bool position_parse(const char *text, Position *ret_position);

/* NULL of nowhere. */
char *position_print(const Position *position);

/* @epoch is copied. */
void position_set(Position *position, const char *epoch, uint64_t revision);

void position_clear(Position *position);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Position, position_clear)
