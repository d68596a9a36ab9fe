/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Store fixture
 *
 * A store on scratch directories with an event loop and a state around it, and a model beside it:
 * what was acknowledged, and what was sent and may be there. A crash is store_free() without
 * store_close().
 */

#include "store/store.h"

#include <glib.h>
#include <stdbool.h>

typedef struct StoreFixture {
        char *path;
        char *state_directory;
        char *runtime_directory;
        uint64_t checkpoint_journal_bytes;
        uint64_t retry_usec;
        sd_id128_t boot_id;  /* null: the machine's */
        const char *release; /* of the kernel; NULL: none */

        const Io *io;
        sd_event *event;
        State *state;
        ServiceStatus status;
        Store *store; /* NULL while it is closed */

        bool is_settled;
        int result;
        unsigned n_limit_calls;
        unsigned n_status_calls;

        GHashTable *acknowledged; /* "NAMESPACE KEY" -> printed value, or "" when deleted */
        GHashTable *sent;         /* set of "NAMESPACE KEY VALUE" */
        uint64_t acknowledged_revision;
} StoreFixture;

void store_fixture_set_up(StoreFixture *fixture, gconstpointer unused);
void store_fixture_tear_down(StoreFixture *fixture, gconstpointer unused);

/* store_open() with a new state. */
int store_fixture_open(StoreFixture *fixture);
void store_fixture_crash(StoreFixture *fixture);
int store_fixture_close(StoreFixture *fixture);

/* Ends what is open, and opens it again with the real Io; nothing may go wrong. */
void store_fixture_reopen(StoreFixture *fixture);

/* The next commit, empty. */
Commit *store_fixture_commit(StoreFixture *fixture);

void store_fixture_put(Commit *commit,
                       const char *ns,
                       const char *key,   /* KEY@RELEASE: of that kernel release */
                       const char *value, /* a string; NULL deletes */
                       EntryClass class);
void store_fixture_create(Commit *commit, const char *ns);

/* Writes them as one batch, waits, applies what was acknowledged, and notes it in the model. */
int store_fixture_write(StoreFixture *fixture, GPtrArray *commits);

/* The same with one commit, which it takes. */
int store_fixture_write_one(StoreFixture *fixture, Commit *commit);

/* Until one has been taken, or has failed; -EROFS when nothing can be written then. */
int store_fixture_checkpoint(StoreFixture *fixture);

/* Creates a namespace, or sets one key, and asserts that it worked. */
void store_fixture_add_namespace(StoreFixture *fixture, const char *ns);
void store_fixture_set(StoreFixture *fixture, const char *ns, const char *key, const char *value);

/* The string a key holds, or NULL. Borrows. */
const char *store_fixture_get(StoreFixture *fixture, const char *ns, const char *key);

/* Everything acknowledged is there, and nothing that was never sent. */
void store_fixture_check(StoreFixture *fixture);

/* All that the persistent manifest on disk names is there, the older generation too. */
void store_fixture_check_manifest(StoreFixture *fixture);

uint64_t store_fixture_statistic(StoreFixture *fixture, const char *name);
