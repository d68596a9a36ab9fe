/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Trial
 *
 * Starts a store on a disk in memory, and says what is there then.
 */

#include "memory-io.h"
#include "oracle.h"
#include "store/store.h"

#define TRIAL_STATE_DIRECTORY   "/state"
#define TRIAL_RUNTIME_DIRECTORY "/runtime"

typedef struct Trial {
        MemoryIo memory;
        sd_event *event;
        State *state; /* NULL while none is open */
        ServiceStatus status;
        Store *store;
        bool is_settled; /* of the batch under way */
        int result;
} Trial;

void trial_init(Trial *trial);
void trial_clear(Trial *trial);

/* Starts one on @disk, which it borrows until trial_end(). */
Finding trial_begin(Trial *trial, Disk *disk, sd_id128_t boot_id);

/* Writes @commits (Commit) as a batch, for the caller to apply and to say so to the store. */
void trial_write(Trial *trial, const GPtrArray *commits);

/* Ends it as a crash would. */
void trial_end(Trial *trial);

/* All three in one. */
Finding trial_recover(Trial *trial, Disk *disk, sd_id128_t boot_id);
