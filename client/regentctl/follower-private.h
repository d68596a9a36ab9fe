/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Follower, within: follower.c follows, follower-start.c begins a watch.
 */

#include "follower.h"
#include "position.h"
#include "watch-signals.h"

struct Follower {
        Bus *bus;
        FollowerSpec spec;
        Presence *presence;
        WatchSignals *signals;
        char *path;         /* of the object that has the watch */
        Position position;  /* everything up to here was told */
        uint64_t revision;  /* of what was told last: more than the position within a commit */
        uint64_t watch;     /* its number; 0: there is none */
        uint64_t resume;    /* the watch that wants to go on; 0: none */
        GHashTable *names;  /* of namespaces that were told of */
        guint retry;        /* a timer while there is no watch; 0: none */
        unsigned n_gone;    /* how often regentd had gone when the watch began */
        unsigned n_pending; /* changes that were not acknowledged */
        uint64_t n_pending_bytes;
        bool is_started;
        bool is_missing;      /* that there is no such namespace was told */
        bool is_telling_many; /* of what is one position more is to be told */
        bool is_away;
        bool is_woken;
        bool is_ended;
};

/* Tells an event; fills in the position. Nothing more is told once it has ended. */
gboolean follower_tell(Follower *follower, FollowerEvent event, Failure **reterr);

/* Starts a watch and tells what there is, or what differs from the position. */
gboolean follower_start(Follower *follower, Failure **reterr);

/* Calls a method of the watched object, and waits for no answer. */
void follower_send(Follower *follower, const char *method, GVariant *arguments);
