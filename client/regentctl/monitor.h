/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Monitor
 *
 * Follows the keys of namespaces, over restarts of regentd too, and tells each change once. Where changes
 * were left out, what they come to is told.
 */

#include "bus.h"

typedef enum MonitorEventKind {
        MONITOR_SET,     /* a key has another value */
        MONITOR_UNSET,   /* a key is gone */
        MONITOR_MADE,    /* a namespace is there */
        MONITOR_REMOVED, /* a namespace is gone */
        MONITOR_AWAY,    /* regentd is gone */
        MONITOR_BACK,    /* it is there again; what differs follows */
} MonitorEventKind;

typedef struct MonitorEvent {
        MonitorEventKind kind;
        const char *ns_name; /* all borrowed */
        const char *key;
        GVariant *value;
} MonitorEvent;

typedef void (*MonitorOnEvent)(const MonitorEvent *event, void *userdata);

typedef struct Monitor Monitor;

/* @on_event is told of keys that begin with @prefix, which may be NULL, alone. It is not to wait for anything. */
Monitor *monitor_new(Bus *bus, const char *prefix, MonitorOnEvent on_event, void *userdata);
Monitor *monitor_free(Monitor *monitor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Monitor, monitor_free)

/* Before it runs: the namespace, or with NULL all that one may read by their modes, also those that come later. */
void monitor_add(Monitor *monitor, const char *ns_name);

/* Reads what is there now. Fails when a namespace that was added is not there. */
gboolean monitor_start(Monitor *monitor, Failure **reterr);

/* Runs until it fails; EXIT_INTERRUPTED is the usual end. */
gboolean monitor_run(Monitor *monitor, Failure **reterr);
