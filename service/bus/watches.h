/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Watches
 *
 * Who watches what: a table that finds the watches a change is due to, and those of a connection.
 * A watch is of one namespace, below a prefix of its keys, or of all namespaces below a prefix of
 * names. Namespaces that nobody watches cost one look-up.
 *
 * Watches of the same topic and prefix are a group: what they are sent differs in their numbers
 * alone.
 */

#include "bus/bus-service.h"
#include "bus/caller.h"
#include "bus/watch-missed.h"
#include "core/name.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Watcher Watcher;
typedef struct WatchGroup WatchGroup;
typedef struct WatchTopic WatchTopic;

/*
 * What becomes of a watch:
 *
 *            a change is due   it cannot be   too much is not     its connection   asked again
 *                              sent           acknowledged        reads again      with "since"
 *   LIVE     Changed           WITHHELD       Resynchronize,      -                -
 *                                             STOPPED
 *   WITHHELD counted           -              -                   Resynchronize,   LIVE
 *                                                                 LIVE or STOPPED
 *   STOPPED  counted           -              -                   -                LIVE
 *
 * Only a watch that acknowledges is STOPPED.
 */
typedef enum WatchState {
        WATCH_LIVE,
        WATCH_WITHHELD,
        WATCH_STOPPED,
} WatchState;

/* A change that was sent and is not acknowledged. */
typedef struct WatchDebt {
        uint64_t revision;
        uint64_t n_bytes;
} WatchDebt;

typedef struct Watch {
        Watcher *watcher;
        WatchGroup *group;
        GList in_watcher, in_group;
        uint64_t number;
        uint64_t previous; /* revision of the last change that was due to it */
        WatchState state;
        bool is_acknowledging;
        bool is_in_doubt;        /* it is not known whether it may still read: nothing is told */
        bool was_resynchronized; /* since it was made or resumed */
        GArray *debts;           /* WatchDebt, in order; NULL until there is one */
        uint64_t debt_bytes;
        bool has_missed; /* properties, while it was not told of them */
        uint64_t missed_since;
        uint64_t n_changed, n_withheld, n_resynchronized;
} Watch;

/* A connection that watches. */
struct Watcher {
        Watches *watches;
        Caller *caller; /* lives until after its departure, when its watches are forgotten */
        GQueue all;     /* owned Watch, in order of their numbers */
        GList in_withheld;
        bool is_withheld;    /* one of them is WATCH_WITHHELD, or it missed something */
        WatchMissed *missed; /* of properties; NULL: nothing */
        GHashTable *rights;  /* see bus/watch-rights.c; NULL: uid and mode admit it everywhere */
};

/* Watches of one topic and one prefix of keys; "": of all. */
struct WatchGroup {
        WatchTopic *topic;
        char *prefix;
        GQueue all; /* Watch */
};

/* A namespace, or a prefix of their names, that is watched. */
struct WatchTopic {
        bool is_of_names;
        char *name;
        char *path;         /* of the object that the signals come from */
        GHashTable *groups; /* prefix (in the group) -> owned WatchGroup */
        size_t n_watches;
};

Watches *watches_new(BusService *service);
Watches *watches_free(Watches *watches);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Watches, watches_free)

bool watches_is_empty(const Watches *watches);
size_t watches_count(const Watches *watches);

/* Whether @caller, who is known, may have one more; which limit is in the way is in *ret_whose. */
bool watches_may_add(const Watches *watches, const Caller *caller, const char **ret_whose);

/* The number that the next one gets. */
uint64_t watches_next_number(const Watches *watches);

/* Of a namespace, below @prefix; or, with @is_of_names, of all whose names begin with @name. */
Watch *watches_add(
        Watches *watches, Caller *caller, bool is_of_names, const char *name, const char *prefix);
void watches_remove(Watch *watch);

/* The one of that number that the connection @sender has on that object; or NULL. */
Watch *watches_find(const Watches *watches,
                    const char *sender,
                    bool is_of_names,
                    const char *name,
                    uint64_t number);

/* The connection has left. */
void watches_forget(Watches *watches, const char *sender);

/* Who has watches on a connection; NULL when it has none. */
Watcher *watches_watcher(const Watches *watches, const char *sender);

/* Unique name (of the caller) -> Watcher. */
GHashTable *watches_watchers(const Watches *watches);

/* The topic of a namespace; NULL when nobody watches just it. */
WatchTopic *watches_topic(const Watches *watches, const char *name);

/* Calls @on_topic for each prefix of names that @name begins with; it removes none. */
void watches_foreach_covering(const Watches *watches,
                              const char *name,
                              void (*on_topic)(void *userdata, WatchTopic *topic),
                              void *userdata);

/* How many watches a change of that namespace may be due to. */
uint64_t watches_weigh(const Watches *watches, const char *name);

/* Whether there is any watch of names. */
bool watches_has_names(const Watches *watches);

const char *watch_state_name(const Watch *watch);
