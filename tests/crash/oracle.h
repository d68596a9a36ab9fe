/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Oracle
 *
 * Knows the history of a recorded run, and judges what recovery made of a disk. The commits that the
 * run wrote, in the order of their revisions, each held against the request it came of, give the
 * states that may be there: one after each commit, and no others. What was answered by the time of
 * the crash says which of them is the first that will do; after a power cut only what was promised to
 * be on disk counts for that: not lazy changes, until a sync one, a Flush or DurableRevision covers
 * them.
 */

#include "client-log.h"
#include "finding.h"
#include "trace.h"

typedef enum CrashKind {
        CRASH_PROCESS, /* the files are as they were seen */
        CRASH_POWER,
} CrashKind;

typedef struct Oracle Oracle;

/*
 * @is_lazy: the run was of a service with SyncIntervalSec=. Appends to @complaints (owned strings) what no crash is needed for to be wrong. Borrows
 * @trace.
 */
Oracle *oracle_new(const Trace *trace, bool is_lazy, GPtrArray *complaints);
Oracle *oracle_free(Oracle *oracle);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Oracle, oracle_free)

/* What is wrong with what was found after a crash before @event; owned; NULL: nothing. */
char *oracle_judge(const Oracle *oracle, guint event, CrashKind kind, const Finding *finding);

guint oracle_n_commits(const Oracle *oracle);
guint oracle_n_requests(const Oracle *oracle);
