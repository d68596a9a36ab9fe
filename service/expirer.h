/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Expirer
 *
 * Undoes changes that nobody has confirmed: when their time is up, and at a start those of another
 * boot. What cannot be undone now, for the disk has failed or is full, is tried again.
 */

#include "core/pipeline.h"
#include "core/state.h"

#include <glib.h>
#include <systemd/sd-event.h>

typedef struct Expirer Expirer;

/* Borrows everything. */
int expirer_new(Expirer **ret_expirer, sd_event *event, State *state, Pipeline *pipeline);
Expirer *expirer_free(Expirer *expirer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Expirer, expirer_free)

/*
 * Begins with what a stop or a crash has left. Calls @on_done, perhaps at once, when all that is over
 * has been undone, or was tried to be.
 */
typedef void (*ExpirerDone)(void *userdata);
void expirer_start(Expirer *expirer, ExpirerDone on_done, void *userdata);

/* @commits (Commit) are part of the state now. */
void expirer_note(Expirer *expirer, const GPtrArray *commits);

/* What could not be written may be possible again. */
void expirer_retry(Expirer *expirer);
