/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Start
 *
 * Brings both sides from what a stop or a crash has left to where writing goes on: loads them, sets
 * aside what is damaged, decides which revision comes next, and makes all of it durable. Where that
 * cannot be done, for lack of room or because the disk is read-only, what was loaded can be read.
 */

#include "core/state.h"
#include "core/status.h"
#include "store/side.h"

#include <stdint.h>

/* How many revisions are reserved at a time. */
#define START_REVISIONS_RESERVED (UINT64_C(1) << 20)

enum {
        START_E_NEWER = 1, /* written by a later version */
        START_E_READ_ONLY, /* all that could be read is loaded, and nothing can be written */
};

typedef struct StartTime {
        sd_id128_t boot_id;
        uint64_t now_usec;
} StartTime;

/*
 * Both directories are open. 0, START_E_NEWER, START_E_READ_ONLY with the errno of what could not be
 * done in @ret_failure, or an errno. After START_E_READ_ONLY nothing may be written before both sides
 * have been renewed. What a later version wrote is left as it is, byte for byte.
 */
int start_sides(Side *persistent,
                Side *runtime,
                State *state,
                ServiceStatus *status,
                const StartTime *time,
                int *ret_failure);
