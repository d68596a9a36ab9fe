/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Good session
 *
 * A session that marks the state good, takes it back, and does both again over several generations of
 * files; and its single acts. Each comes to 0 or a negative errno.
 */

#include "support/store-fixture.h"

#define NS       "org.example.Router"
#define OTHER_NS "org.example.Other"

#define GOOD_SESSION_N_STEPS 21u

int good_session_step(StoreFixture *f, unsigned number);

/* The first steps, which work. */
void good_session_run(StoreFixture *f, unsigned n_steps);

int good_session_mark(StoreFixture *f);
int good_session_restore(StoreFixture *f);

/* The commit that takes it back, to be written; NULL: nothing is to be changed. */
int good_session_load(StoreFixture *f, Commit **ret_commit);

int good_session_create(StoreFixture *f, const char *ns);
int good_session_put(
        StoreFixture *f, const char *ns, const char *key, const char *value, EntryClass class);

/* Owned. */
char *good_session_copy_path(StoreFixture *f);
