/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Finding
 *
 * What is there after a recovery. States are compared by a digest of all that is in them.
 */

#include "core/state.h"
#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Finding {
        int result; /* of store_open() */
        ServiceState state;
        LoadedFrom loaded_from;
        uint64_t revision;
        uint64_t last_good_revision;
        uint64_t digest;            /* of all entries */
        uint64_t persistent_digest; /* of those of the persistent classes */
        bool is_incomplete;         /* what the manifest names is not all there */
} Finding;

/* Fills in the digests and the revision. */
void finding_read_state(Finding *finding, State *state);
