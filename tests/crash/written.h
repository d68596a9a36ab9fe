/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Written
 *
 * The commits that a recorded run wrote to its journals, read from the writes of the trace.
 *
 * One whose runtime half was written and whose persistent half never was, for the process was killed
 * in between, is dead: it never happened. Of one in a batch whose sync failed it is open what becomes
 * of it: it has happened if a later start found it, and is dropped when the same process goes on with
 * another journal. What had been answered by then, because it was lazy, is not: it is written anew.
 */

#include "client-log.h"
#include "store/commit-codec.h"
#include "trace.h"

typedef struct Written {
        uint64_t revision;
        Commit *parts[2];       /* by CommitPart */
        uint64_t pair_revision; /* of the runtime part */
        guint start;            /* the number of the process */
        guint boot;             /* the number of the boot */
        guint written_at;       /* an event */
        TraceNode file;         /* of the persistent part */
        bool is_dead;
        bool is_promise;  /* the oracle's: done, it was on disk */
        bool is_synced;   /* while it was in this file */
        guint dropped_by; /* the index of the commit that came instead of it; G_MAXUINT: none */
} Written;

/* Whether it takes the state back to a copy: then the persistent part has no changes of its own. */
static inline bool written_is_restoration(const Written *written)
{
        return written->parts[COMMIT_PERSISTENT] &&
               written->parts[COMMIT_PERSISTENT]->source.revision > 0;
}

/* What it does to a change that waits for a confirmation. */
static inline CommitSettlement written_settlement(const Written *written)
{
        return written->parts[COMMIT_PERSISTENT] ? written->parts[COMMIT_PERSISTENT]->settlement
                                                 : COMMIT_SETTLES_NOTHING;
}

/*
 * All of @trace that are later than @since, owned, in the order in which they are to be applied.
 * Complains as oracle_new().
 */
GPtrArray *written_read(const Trace *trace,
                        const ClientLog *log,
                        uint64_t since,
                        GPtrArray *complaints);

/* What a boot begins with. */
typedef struct WrittenBoot {
        guint event;
        guint n_before; /* commits */
} WrittenBoot;

/* WrittenBoot, owned, of every boot but the first. @written: what was read from it. */
GArray *written_boots(const Trace *trace, const GPtrArray *written);

/* Both parts as one; owned. */
Commit *written_commit(const Written *written);

/* Appends a complaint. */
void complain(GPtrArray *complaints, const char *format, ...) G_GNUC_PRINTF(2, 3);
