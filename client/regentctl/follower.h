/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Follower
 *
 * Follows the keys of a namespace, or of all whose names begin with a prefix, commit by commit. Over
 * restarts of regentd, and when changes were left out for it, it asks for what differs; when nobody
 * knows that any more, it starts over with the whole state. So whoever listens has, after each
 * event, the state of one revision.
 */

#include "bus.h"

#include <stdint.h>

typedef enum FollowerEventKind {
        FOLLOWER_STATE,    /* all there is of a namespace: what one had of it is to be forgotten */
        FOLLOWER_CHANGE,   /* a commit; or, when it is merged, what several come to */
        FOLLOWER_REMOVED,  /* a namespace is gone */
        FOLLOWER_WATCHING, /* what there was has been told: changes follow */
        FOLLOWER_BEHIND,   /* changes were left out: what differs follows */
        FOLLOWER_LOST,     /* changes were left out and cannot be known: states follow */
        FOLLOWER_AWAY,     /* regentd is gone */
        FOLLOWER_BACK,     /* it is there again: what differs follows */
} FollowerEventKind;

typedef struct FollowerEvent {
        FollowerEventKind kind;
        const char *ns_name; /* of STATE, CHANGE and REMOVED; all is borrowed */
        uint64_t previous;   /* of CHANGE: what it is a change of */
        uint64_t revision;
        GVariant *values; /* a{sv}: of STATE all, of CHANGE what was set */
        const char *const *removed;
        const char *why; /* of BEHIND and LOST, for people */
        bool is_merged;
        const char *position; /* to go on from when this event is dealt with; NULL: there is none */
} FollowerEvent;

/* Returns false with a Failure to end. It may run the main loop. */
typedef gboolean (*FollowerOnEvent)(const FollowerEvent *event, void *userdata, Failure **reterr);

typedef struct FollowerSpec {
        const char *ns_name;   /* all is borrowed for as long as the Follower is there */
        const char *prefix;    /* of keys; NULL: all */
        const char *ns_prefix; /* of names, in place of the two */
        const char *since;     /* a position to go on from, or NULL */
        bool is_patient;       /* also waits at the start, for regentd and for the namespace */
        FollowerOnEvent on_event;
        void *userdata;
} FollowerSpec;

typedef struct Follower Follower;

gboolean follower_new(Bus *bus, const FollowerSpec *spec, Follower **ret, Failure **reterr);
Follower *follower_free(Follower *follower);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Follower, follower_free)

/* From within an event: follower_run() ends with success. */
void follower_end(Follower *follower);

/* Runs until it is ended or fails; EXIT_INTERRUPTED is the usual end. */
gboolean follower_run(Follower *follower, Failure **reterr);
