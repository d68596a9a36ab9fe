/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Mender
 *
 * Makes a store that has failed whole again, without a restart: as soon as what was under way has
 * come to its end, and then again and again until it works, both sides begin anew with a checkpoint
 * and a journal of their own. What failed is not looked at any more.
 */

#include "core/state.h"
#include "store/checkpointer.h"
#include "store/side.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

typedef struct Mender Mender;

typedef struct MenderCallbacks {
        /* Whether nothing is under way; gives up what may be given up. */
        bool (*is_quiet)(void *userdata);

        /* Both sides hold the state, and are called @revision: later than any that was given out. */
        void (*on_mended)(void *userdata, uint64_t revision);

        void *userdata;
} MenderCallbacks;

typedef struct MenderOptions {
        sd_event *event;
        Checkpointer *checkpointer;
        Side *persistent, *runtime;
        const State *state;
        uint64_t retry_usec; /* until the first attempt; doubled up to a minute */
        MenderCallbacks callbacks;
} MenderOptions;

/* Borrows everything. */
int mender_new(Mender **ret_mender, const MenderOptions *options);
Mender *mender_free(Mender *mender);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mender, mender_free)

/* The store has failed. No more commits are applied until on_mended(). */
void mender_begin(Mender *mender);

/* Call whenever something has come to its end. */
void mender_poke(Mender *mender);

/* A checkpoint has ended, with 0 or an errno. Whether it was one of the mender's. */
bool mender_checkpoint_ended(Mender *mender, int r);
