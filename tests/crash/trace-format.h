/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Trace format
 *
 * What a recorded regentd did to its directories, and what it read from and wrote to the bus, in
 * the order it happened: TraceEvent, payload, and so on to the end of the file. One machine writes
 * and reads it.
 *
 * A call that changes something is written down before it returns, a sync at its beginning and at
 * its end. What is sent is written down before it is sent.
 */

#include <stdint.h>

typedef enum TraceKind {
        TRACE_START = 1,  /* a regentd begins; payload: the boot it runs in, 32 digits */
        TRACE_CREATE,     /* node: directory, other: the new file; payload: name */
        TRACE_MKDIR,      /* node: parent, other: the new directory; payload: name */
        TRACE_WRITE,      /* node, offset, n_bytes; payload: the bytes; none: zeros */
        TRACE_RENAME,     /* node, other: directories; payload: name, NUL, new name */
        TRACE_LINK,       /* the same */
        TRACE_UNLINK,     /* node: directory; payload: name */
        TRACE_SYNC_BEGIN, /* node: a file or directory; serial */
        TRACE_SYNC_END,   /* serial, result */
        TRACE_RECEIVED,   /* payload: a message from the bus */
        TRACE_SENT,       /* payload: a message to it */
        TRACE_GIVEN,      /* what was made so far was there before, and on disk */
} TraceKind;

/* A file or directory. All zeros: where the state and the runtime directory are. */
typedef struct TraceNode {
        uint64_t device;
        uint64_t inode;
} TraceNode;

/* The two directories have these names, whatever they are called. */
#define TRACE_STATE_NAME   "state"
#define TRACE_RUNTIME_NAME "runtime"

typedef struct TraceEvent {
        uint32_t kind;
        int32_t result; /* 0 or a negative errno */
        TraceNode node;
        TraceNode other;
        uint64_t offset;
        uint64_t n_bytes;
        uint64_t serial;
        uint64_t payload_bytes;
} TraceEvent;
