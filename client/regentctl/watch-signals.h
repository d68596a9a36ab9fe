/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Watch signals
 *
 * What regentd signals about watches, queued until somebody takes it. Any program of the bus may send
 * such a signal; what is not of regentd, or of another shape, is dropped.
 */

#include "presence.h"

#include <stdint.h>

typedef enum WatchSignalKind {
        WATCH_SIGNAL_CHANGED,
        WATCH_SIGNAL_RESYNCHRONIZE,
        WATCH_SIGNAL_ENDED,
} WatchSignalKind;

typedef struct WatchSignal {
        WatchSignalKind kind;
        char *path; /* of the object that the watch is one of */
        uint64_t watch;
        char *ns_name;
        uint64_t previous; /* of CHANGED alone */
        uint64_t revision; /* not of ENDED */
        GVariant *changed; /* a{sv}; of CHANGED alone, as are the next two */
        char **removed;
        char **invalidated;
        char *reason;    /* the name of an error; of ENDED alone */
        unsigned n_gone; /* how often regentd had gone when it came */
} WatchSignal;

WatchSignal *watch_signal_free(WatchSignal *signal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WatchSignal, watch_signal_free)

typedef struct WatchSignals WatchSignals;

/* Sets *@is_woken when one has come. @presence is borrowed. */
WatchSignals *watch_signals_new(Bus *bus, const Presence *presence, bool *is_woken);
WatchSignals *watch_signals_free(WatchSignals *signals);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WatchSignals, watch_signals_free)

/* The next one about this watch of that object, or NULL. Others, and those of a regentd that has gone, are dropped. */
WatchSignal *watch_signals_pop(WatchSignals *signals, const char *path, uint64_t watch);
