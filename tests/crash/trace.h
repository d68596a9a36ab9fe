/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Trace
 *
 * A recorded trace in memory, and its replay on a Disk.
 */

#include "disk.h"
#include "trace-format.h"

typedef struct Trace {
        GMappedFile *file;
        GPtrArray *events; /* const TraceEvent, each followed by its payload */
} Trace;

Trace *trace_open(const char *path, GError **reterr_error);
Trace *trace_free(Trace *trace);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Trace, trace_free)

static inline const TraceEvent *trace_event(const Trace *trace, guint i)
{
        return trace->events->pdata[i];
}

static inline const void *trace_payload(const TraceEvent *event)
{
        return event + 1;
}

/* Whether it changes what a crash may leave. */
static inline bool trace_event_changes_disk(const TraceEvent *event)
{
        return event->kind != TRACE_SENT && event->kind != TRACE_RECEIVED &&
               event->kind != TRACE_SYNC_BEGIN && event->kind != TRACE_GIVEN;
}

/* Whether it is the start of a process in another boot than the one before it, @boot (NULL: none). */
bool trace_event_is_reboot(const TraceEvent *event, const char *boot);

/* The event before which all was there already: 0, or the one behind TRACE_GIVEN. */
guint trace_begin(const Trace *trace);

typedef struct Replay Replay;

Replay *replay_new(void);
Replay *replay_free(Replay *replay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Replay, replay_free)

void replay_event(Replay *replay, const TraceEvent *event);
Disk *replay_disk(Replay *replay);

/* The file that a write goes to. */
DiskNode *replay_node(Replay *replay, const TraceEvent *event);
