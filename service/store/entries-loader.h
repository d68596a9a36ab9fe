/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Entries loader
 *
 * Puts entries into the state at a start, in a thread of its own: to find their places is the wait for
 * memory, and meanwhile what follows is read, checked and decoded.
 *
 * The thread changes what namespaces hold and what is counted of them, and nothing else. So while it is
 * at it, the others may look up a namespace by its name in the state, and nothing else.
 */

#include "core/entry-pool.h"
#include "core/state.h"

#include <glib.h>
#include <stddef.h>

/* Entries of one namespace after another. */
typedef struct EntriesBatch {
        GArray *runs;       /* EntriesRun */
        GPtrArray *entries; /* owned Entry */
        size_t n_bytes;     /* of values */
} EntriesBatch;

typedef struct EntriesRun {
        Namespace *ns; /* borrowed; NULL: there is none, and these have no effect */
        guint end;     /* in @entries */
} EntriesRun;

typedef struct EntriesLoader EntriesLoader;

/* Borrows @state. */
EntriesLoader *entries_loader_new(State *state);
EntriesLoader *entries_loader_free(EntriesLoader *loader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EntriesLoader, entries_loader_free)

/* The one to be filled, until the next of these calls. Only what is whole may be in it then. */
EntriesBatch *entries_loader_batch(EntriesLoader *loader);

/* Whose entries those of a batch may be. */
EntryPool *entries_loader_pool(EntriesLoader *loader);

/* Call when there is more in it: hands it over if it is worth that. Waits while too much is handed over. */
void entries_loader_poke(EntriesLoader *loader);

/* All of it is in the state then, which is the caller's again. */
void entries_loader_flush(EntriesLoader *loader);
