/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Store scene
 *
 * A store whose calls fail when the test says so, and that says of each commit whether it is there, is
 * not, or cannot be known. What was acknowledged is in the fixture's model.
 */

#include "support/faulty-io.h"
#include "support/store-fixture.h"

#include <stdbool.h>

/* Where persistent entries are, and where those of the runtime side. */
#define NS       "org.example.Router"
#define OTHER_NS "org.example.Other"

typedef struct StoreScene {
        StoreFixture fixture;
        FaultyIo faulty;
        unsigned n_values;
        bool was_unknown; /* whether a commit is there, since the service last took changes */
} StoreScene;

/* @base has the calls that do not fail. store_fixture_tear_down() ends it. */
void store_scene_set_up(StoreScene *scene, const Io *base);

/* Opens the store and has both namespaces, and a batch in them. */
void store_scene_start(StoreScene *scene);

/* One turn of the loop. */
void store_scene_turn(StoreScene *scene);

/* One commit each, which is checked against the state of the service. Their result is that of the write. */
int store_scene_write_one(StoreScene *scene, Commit *commit);
int store_scene_set_key(StoreScene *scene, const char *key, size_t n_bytes, EntryClass class);
int store_scene_delete_key(StoreScene *scene, const char *key);

/* One commit of the persistent side, one of the runtime side behind it, and one of both. */
int store_scene_write_batch(StoreScene *scene);

/* The cause is gone. It is not long until everything can be written again. */
void store_scene_wait_for_service(StoreScene *scene);

/* After a crash there is what was acknowledged, and nothing is taken for damage. */
void store_scene_check_reopened(StoreScene *scene);

/* What is not there now is not going to be, once the state has been written anew. */
void store_scene_forget_sent(StoreFixture *f);

/* What the runtime side had is gone with the boot. */
void store_scene_forget_runtime(StoreFixture *f);
