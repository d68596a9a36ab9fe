/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Lazy store
 *
 * A store with commits that are acknowledged and not synced.
 */

#include "support/store-fixture.h"

#include <stdbool.h>

#define NS        "org.example.Router"
#define HOUR_USEC (UINT64_C(3600) * G_USEC_PER_SEC)

/* With a namespace, and an interval that no test lives to see the end of. */
void lazy_store_open(StoreFixture *f);

/* What the write comes to. */
int lazy_store_set_as(
        StoreFixture *f, const char *key, const char *value, EntryClass class, bool lazy);

/* A persistent key, in a lazy commit that is acknowledged. */
void lazy_store_set(StoreFixture *f, const char *key, const char *value);

/* Something is acknowledged and not synced; what the store says of that agrees. */
bool lazy_store_is_dirty(StoreFixture *f);

/* There is a note for the next start that revisions may be lost. */
bool lazy_store_has_note(StoreFixture *f);

/* store_flush(), until it has come to something. */
int lazy_store_flush(StoreFixture *f);
