/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * History
 *
 * A store that was in use, and is stopped: its files, what they were at earlier points of time, and
 * what the state was after each commit.
 */

#include "site.h"

#include "core/state.h"
#include "support/store-fixture.h"

/* The state after a commit, as text, the two sides each for itself. */
typedef struct Moment {
        uint64_t revision;
        char *persistent;
        char *runtime;
} Moment;

typedef struct History {
        const char *name;
        State *state;    /* what all commits make, one after the other */
        GArray *moments; /* Moment */
        Site *site;
        GPtrArray *older; /* Site */
        bool is_in_doubt; /* there was a note that not all was synced, which is not among the files */
} History;

/* What was done to the store; each of these ends it in its own way. */
typedef void (*Story)(StoreFixture *fixture, History *history);

typedef struct StoryLine {
        const char *name;
        Story story;
} StoryLine;

/* The last has no name. */
extern const StoryLine stories[];

History *history_write(const StoryLine *line);
History *history_free(History *history);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(History, history_free)

/* The last moment not later than @revision, or NULL. */
const Moment *history_at(const History *history, uint64_t revision);

/* The last revision. */
uint64_t history_end(const History *history);

/* Of the note, below a site's directory. */
#define HISTORY_DOUBT_PATH "runtime/in-doubt"

/* A key that no story sets. */
#define HISTORY_NS        "org.example.Router"
#define HISTORY_LATER_KEY "later"
