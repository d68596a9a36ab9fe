/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Commands
 *
 * Calls of libregent by name, see lib-client.c.
 */

#include "client/regent.h"

typedef struct Commands {
        Regent *regent;
        RegentChange *change;
        GHashTable *calls; /* that are under way, by the name each was given */
} Commands;

void commands_init(Commands *commands, Regent *regent);
void commands_clear(Commands *commands);
void commands_run(Commands *commands, const char *line);
