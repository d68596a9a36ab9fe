/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Poll loops
 *
 * A Regent and a descriptor beside it in one loop, by each of the ways that programs have.
 */

#include "client/regent.h"

/* Called when the descriptor can be read; false ends the loop. */
typedef bool (*LoopOnInput)(void *userdata);

typedef struct Loop {
        Regent *regent;
        int fd;
        LoopOnInput on_input;
        void *userdata;
} Loop;

/* By name: "poll", "wait", "sd-event", "glib"; "none". 0, or a negative errno. */
int loop_run(const char *kind, const Loop *loop);
