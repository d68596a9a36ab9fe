/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Watch delta
 *
 * What a commit did to a namespace as readers see it, and the part of that below a prefix of keys,
 * as one Changed tells it: what a group of watches gets is found once.
 */

#include "core/commit.h"
#include "core/limits.h"
#include "core/namespace.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Keys that one Changed names may take so much; of more, Resynchronize tells. */
#define WATCH_NAMES_BYTES_MAX (2 * LIMIT_MIB)

typedef struct WatchDelta {
        const Limits *limits;
        GArray *keys; /* WatchKey, in order of the keys, each once */
} WatchDelta;

/* Borrowed from the commit and the state. */
typedef struct WatchKey {
        const char *key;
        Entry *entry; /* what is read now; NULL: nothing */
} WatchKey;

/* Below a prefix. Used again and again, and cleared each time. */
typedef struct WatchCut {
        GPtrArray *changed;     /* borrowed Entry */
        GPtrArray *removed;     /* borrowed keys */
        GPtrArray *invalidated; /* likewise: what is too large to be told */
        uint64_t n_bytes;       /* that it takes in a message, at most */
        bool is_too_large;      /* even the keys alone are */
} WatchCut;

void watch_delta_init(WatchDelta *delta, const Limits *limits);
void watch_delta_clear(WatchDelta *delta);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(WatchDelta, watch_delta_clear)

/* Adds what @change, which has been applied to @ns, may have changed for readers. */
void watch_delta_add_change(WatchDelta *delta, const Namespace *ns, const NamespaceChange *change);

/* Adds all that is read of @ns, up to what one Changed may name. */
void watch_delta_add_all(WatchDelta *delta, const Namespace *ns);

/* Adds the keys that @before, or NULL, gave another default than @ns has now, and are not set. */
void watch_delta_add_defaults(WatchDelta *delta, const Namespace *ns, const Declaration *before);

/* To be called when all is added. */
void watch_delta_complete(WatchDelta *delta);

void watch_cut_init(WatchCut *cut);
void watch_cut_clear(WatchCut *cut);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(WatchCut, watch_cut_clear)

/* Makes @cut what @delta has below @prefix. Whether there is anything. */
bool watch_delta_cut(const WatchDelta *delta, const char *prefix, WatchCut *cut);
