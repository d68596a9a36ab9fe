/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Store session
 *
 * One session of a store, opened, written to, checkpointed and closed, that a test lets go wrong
 * somewhere; and what has to be there afterwards.
 */

#include "support/store-fixture.h"

#include <stdbool.h>

/* Where persistent entries are, and where those of the runtime side. */
#define NS       "org.example.Router"
#define OTHER_NS "org.example.Other"

/* What every session finds: two generations and some commits after them. */
void store_session_run_first(StoreFixture *f);

/* Ends with the first thing that fails, as the service would, and returns that. */
int store_session_run(StoreFixture *f);

/* Opens what is there, twice, and looks at it; then it can be written to. */
void store_session_check_afterwards(StoreFixture *f, bool may_be_damaged);
