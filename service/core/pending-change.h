/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Pending change
 *
 * A commit that has taken effect and is undone by itself unless it is confirmed in time: until when,
 * by whom, and the way back. It never changes. It is called by the revision of its commit.
 */

#include "core/entry.h"

#include <glib.h>
#include <stdint.h>

#define PENDING_DIGEST_BYTES 32u

/* What the keys of one namespace were before. */
typedef struct WayBack {
        char *name;         /* of the namespace */
        GPtrArray *entries; /* owned Entry; a tombstone: it was not set. Each key once */
} WayBack;

typedef struct PendingChange {
        uint32_t n_refs;
        uint32_t writer_uid;
        uint64_t revision;
        uint64_t deadline_usec; /* of CLOCK_BOOTTIME, which begins anew with another boot */
        uint8_t boot_id[16];
        uint8_t digest[PENDING_DIGEST_BYTES]; /* SHA-256 of the token that confirms it */
        uint64_t n_bytes;                     /* what it counts for in limits */
        GPtrArray *ways_back;                 /* owned WayBack, each namespace once */
} PendingChange;

/* Without a way back. */
PendingChange *pending_change_new(uint64_t revision, uint32_t writer_uid);
PendingChange *pending_change_ref(PendingChange *change);
PendingChange *pending_change_unref(PendingChange *change);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PendingChange, pending_change_unref)

/* While it is made: the namespace is borrowed, @entry is taken. */
WayBack *pending_change_add_namespace(PendingChange *change, const char *name);
void pending_change_add_entry(PendingChange *change, WayBack *way_back, Entry *entry);
