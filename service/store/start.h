/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Start
 *
 * Brings both sides from what a stop or a crash has left to where writing goes on: loads them, sets
 * aside what is damaged, decides which revision comes next, and makes all of it durable.
 */

#include "core/state.h"
#include "core/status.h"
#include "store/side.h"

#include <stdint.h>

/* How many revisions are reserved at a time. */
#define START_REVISIONS_RESERVED (UINT64_C(1) << 20)

enum {
        START_E_NEWER = 1, /* written by a later version */
        START_E_FULL,      /* there was no room for the next revisions to be reserved */
};

/*
 * Both directories are open. 0, START_E_NEWER, START_E_FULL or an errno. After START_E_FULL
 * everything is loaded and on disk, but nothing may be written before both sides have been renewed.
 */
int start_sides(Side *persistent,
                Side *runtime,
                State *state,
                ServiceStatus *status,
                sd_id128_t boot_id,
                uint64_t now_usec);
