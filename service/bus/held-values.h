/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Held values
 *
 * Broadcasts of changed values that may wait a moment: until something is answered on the bus, until
 * what is under way in the loop has been done, or for a millisecond after the last. What became of a
 * key meanwhile is told once. So a write over a channel does not wait for the bus, and many of them do
 * not keep the bus busy.
 */

#include "bus/bus-service.h"

typedef struct HeldValues HeldValues;

int held_values_new(HeldValues **ret_held, BusService *service);
HeldValues *held_values_free(HeldValues *held);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HeldValues, held_values_free)

/*
 * @entries (Entry) of @ns, which is public, have changed; of a key the last counts, and those that no reader is
 * concerned by are left out.
 */
void held_values_add(HeldValues *held, const Namespace *ns, const GPtrArray *entries);

/* That was all of a batch: what is held has its time to wait, or is sent at once if it is much. */
void held_values_end_batch(HeldValues *held);

/* Sends all that is held. Whatever is sent on the bus behind that comes behind it. */
void held_values_send(HeldValues *held);
