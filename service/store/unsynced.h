/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Unsynced
 *
 * What lazy commits have left in the journal that is not on the disk yet: how much that is, and when
 * it is due to be synced. The time counts from the first of them, and none is waited for while there
 * are none.
 */

#include "store/directory.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

typedef struct Unsynced Unsynced;

/* unsynced_is_due() has become true. */
typedef void (*UnsyncedOnDue)(void *userdata);

/* Borrows @runtime, the runtime directory. */
int unsynced_new(Unsynced **ret_unsynced,
                 sd_event *event,
                 const StoreDirectory *runtime,
                 UnsyncedOnDue on_due,
                 void *userdata);
Unsynced *unsynced_free(Unsynced *unsynced);

/* How long something may stay unsynced, also what is there already. 0: five seconds, as at first. */
void unsynced_set_interval(Unsynced *unsynced, uint64_t usec);

/* Before a lazy batch is written. False: it must be synced, for no note of it could be left. */
bool unsynced_prepare(Unsynced *unsynced);

/* A lazy batch is written. */
void unsynced_add(Unsynced *unsynced, uint64_t n_bytes);

/* Everything is on disk. */
void unsynced_clear(Unsynced *unsynced);

/* It is to be synced as soon as that is possible. */
void unsynced_make_due(Unsynced *unsynced);

bool unsynced_is_due(const Unsynced *unsynced);
uint64_t unsynced_n_bytes(const Unsynced *unsynced); /* 0: everything is on disk */
