/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Service status
 *
 * What the store knows of itself and the bus tells: one struct, owned by the daemon, written by the
 * store, read by the bus.
 */

#include "core/failure.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum ServiceState {
        SERVICE_RUNNING,
        SERVICE_DEGRADED,  /* the state was recovered, and something may be missing */
        SERVICE_READ_ONLY, /* changes cannot be made durable */
} ServiceState;

typedef enum LoadedFrom {
        LOADED_FROM_NOTHING, /* first start */
        LOADED_FROM_JOURNAL, /* the newest checkpoint and its journals, as far as is known */
        LOADED_FROM_PREFIX,  /* the same up to a damaged place */
        LOADED_FROM_PREVIOUS_CHECKPOINT,
        LOADED_FROM_LAST_KNOWN_GOOD,
} LoadedFrom;

typedef struct ServiceStatus {
        ServiceState state;
        LoadedFrom loaded_from;
        const char *loaded_reason; /* why not from all there should be, static; NULL: it was */
        bool is_new_history;       /* of revisions before the start nothing is known that counts */
        char epoch[33];            /* 128 random bits in hexadecimal */
        uint64_t durable_revision;
        uint64_t last_good_revision; /* 0: there is none */
        bool is_good_damaged;        /* and that is because the start found it damaged */
        bool is_full;                /* there is no room left, but for deleting */
        FailureCause cause;          /* of that, or of nothing being written */
} ServiceStatus;

/* As the bus spells them. */
const char *service_state_name(ServiceState state);
const char *loaded_from_name(LoadedFrom loaded_from);

/* Why it is read-only, owned; or NULL: it is not. */
char *service_read_only_reason(const ServiceStatus *status);
