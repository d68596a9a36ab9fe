/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Pending changes
 *
 * All that wait for a confirmation, and which keys they hold locked. No two of them have a key in
 * common. Part of the state: they come and go with commits alone.
 */

#include "core/pending-change.h"

#include <glib.h>
#include <stdint.h>

typedef struct PendingChanges PendingChanges;

PendingChanges *pending_changes_new(void);
PendingChanges *pending_changes_free(PendingChanges *changes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PendingChanges, pending_changes_free)

/* References @change; there is none of its revision. */
void pending_changes_add(PendingChanges *changes, PendingChange *change);

/* Takes out the one of @revision and hands it over; NULL when there is none. */
PendingChange *pending_changes_remove(PendingChanges *changes, uint64_t revision);

/* PendingChange in order of revision; borrowed, as is what the functions below return. */
const GPtrArray *pending_changes_all(const PendingChanges *changes);

/* What all of them count for. */
uint64_t pending_changes_bytes(const PendingChanges *changes);

/* These return NULL when there is none. */
PendingChange *pending_changes_lookup(const PendingChanges *changes, uint64_t revision);
const PendingChange *pending_changes_of_key(const PendingChanges *changes,
                                            const char *name,
                                            const char *key);
const PendingChange *pending_changes_of_namespace(const PendingChanges *changes, const char *name);

/*
 * The one that the token with @digest (PENDING_DIGEST_BYTES) confirms. How long it takes does not
 * depend on which bytes are right.
 */
PendingChange *pending_changes_find(const PendingChanges *changes, const uint8_t *digest);
