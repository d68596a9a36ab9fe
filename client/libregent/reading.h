/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reading
 *
 * Reads whole namespaces into a Snapshot, a page at a time. Pages are of the moment when each was read.
 */

#include "private.h"

#include "snapshot.h"

typedef struct Reading Reading;

/* Called once, when all is read, or with what failed; it may free the Reading. */
typedef void (*ReadingOnDone)(int result, void *userdata);

/* @snapshot is borrowed. */
Reading *reading_new(Regent *regent, Snapshot *snapshot, ReadingOnDone on_done, void *userdata);
Reading *reading_free(Reading *reading);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Reading, reading_free)

/* Before it is started: which. Of one the keys below a prefix; it fails where there is none. */
void reading_set_one(Reading *reading, const char *ns_name, const char *prefix);
/* Several: one that is not there, or may not be read, is left out. */
void reading_add(Reading *reading, const char *ns_name);
/* All whose names begin so. */
void reading_set_all(Reading *reading, const char *ns_prefix);

/* on_done is not called before this returns, and not when it fails. */
int reading_start(Reading *reading);
