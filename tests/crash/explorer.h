/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Explorer
 *
 * Replays a trace, and at every place where a crash makes a difference, has recovery run on disks
 * that it may leave.
 */

#include "cut.h"
#include "oracle.h"
#include "trial.h"

typedef struct ExplorerCounters {
        guint n_places; /* to crash at */
        guint n_states; /* distinct */
        guint n_judged; /* a state met again has more acknowledged */
        guint n_second; /* crashes in recovery and after it, and recoveries of them */
        guint n_violations;
} ExplorerCounters;

typedef struct Explorer {
        const Trace *trace;
        const Oracle *oracle;
        sd_id128_t boot_id; /* that of the last start */
        Trial trial;
        GRand *random;
        GHashTable *disks;    /* set of digests: one counts once, however it came about */
        GHashTable *findings; /* digest of a disk and kind of crash -> Finding */
        ExplorerCounters counters;

        guint n_states_wanted;
        guint begin;           /* the event from which on it may crash */
        guint n_events;        /* how much of the trace to go through */
        double density;        /* of the states met, what part is looked at */
        unsigned n_random;     /* states by chance at each place */
        double second_density; /* of the states looked at, what part is crashed a second time */
        unsigned n_violations_max;

        const char *keep_path; /* where disks go that something is wrong with; NULL: nowhere */

        const char *export_path; /* NULL: none */
        guint n_exported, n_exported_wanted;
} Explorer;

/* Goes through the trace once, and leaves off when all states that are wanted have been seen. */
void explorer_run(Explorer *explorer);

/* One more thing that is wrong, on @disk. Takes @complaint. */
void explorer_complain(
        Explorer *explorer, guint event, const char *where, char *complaint, const Disk *disk);

sd_id128_t explorer_boot_id(const Explorer *explorer, CrashKind kind);

/* explorer-second.c: crashes while and after @disk, which tracks and is used up, is recovered. */
Finding explorer_try_twice(Explorer *explorer, guint event, CrashKind kind, Disk *disk);

/* explorer-export.c: writes @disk into a directory, and for a real regentd to be started on. */
void explorer_write_disk(const Disk *disk, const char *path);
void explorer_export(Explorer *explorer, CrashKind kind, const Disk *disk);
