/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Health
 *
 * What is wrong with the store now. It keeps the service's status, tells of every change, and logs
 * it.
 */

#include "core/status.h"
#include "store/side.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Health {
        ServiceStatus *status; /* borrowed, as are the next two */
        const Side *persistent;
        const Side *runtime;
        ServiceState whole_state; /* what it is when nothing is wrong */
        bool has_failed;          /* nothing is written */
        void (*on_changed)(void *userdata);
        void *userdata;
} Health;

/* @what failed with @r: what the files hold beyond what was acknowledged is not known. */
void health_fail(Health *health, int r, const char *what);

/* All is well again: the files hold the state anew, as of @revision. */
void health_mend(Health *health, uint64_t revision);

/* There is no room in @path but for deleting, or there is again. */
void health_set_full(Health *health, bool is_full, const char *path);
