/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Batch
 *
 * Which change sets go into one batch while it is formed. Expectations and quotas are judged against
 * the state and an overlay that knows of entries alone, so a batch has at most one change set that
 * makes, removes or changes a namespace, and none other that touches the same. What does not fit is
 * passed over for the next batch, and with it whatever touches the same namespaces behind it.
 */

#include "core/change-set.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Batch {
        GPtrArray *sets; /* borrowed ChangeSet, those that have joined */
        uint64_t n_bytes;
        size_t n_changes;
        const ChangeSet *of_namespace; /* the one that is */
        bool is_closed;                /* one that must be alone has been passed over */
        GHashTable *passed;            /* borrowed names; NULL: none */
} Batch;

void batch_init(Batch *batch);
void batch_clear(Batch *batch);

/* Nothing has joined, nor been passed over. */
void batch_reset(Batch *batch);

/* Whether not even @set, nor anything behind it, may join any more. */
bool batch_is_full(const Batch *batch, const ChangeSet *set);

/* Whether @set touches what one that has joined, or has been passed over, touches. */
bool batch_meets(const Batch *batch, const ChangeSet *set);

/* Nothing that touches the same may join any more. */
void batch_pass_over(Batch *batch, const ChangeSet *set);

/* Lets @set, which must live as long as the batch is formed, join or passes it over. */
bool batch_join(Batch *batch, const ChangeSet *set);
