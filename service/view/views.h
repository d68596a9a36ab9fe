/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Views
 *
 * All namespaces that somebody reads in shared memory. A namespace has a View from when somebody
 * opens one until nobody has it any more; the others cost nothing.
 */

#include "core/limits.h"
#include "core/state.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

typedef struct Views Views;

typedef enum ViewsOutcome {
        VIEWS_E_UNDER_WAY = 1, /* on_ready() will be called */
        VIEWS_E_HELD,          /* readers hold as many old ones of this namespace as there may be */
        VIEWS_E_NO_ROOM,       /* all of them take what they may */
        VIEWS_E_TOO_MUCH,      /* the uid was given as much as one may have */
} ViewsOutcome;

typedef struct ViewsCallbacks {
        /* What views_open() said VIEWS_E_UNDER_WAY for is there, or never will be: ask again. */
        void (*on_ready)(void *userdata, const char *name);
        void *userdata;
} ViewsCallbacks;

/* What somebody gets who opens one. */
typedef struct ViewLoan {
        int fd; /* the caller closes it */
        uint64_t n_bytes;
        uint64_t generation;
        uint64_t revision;
} ViewLoan;

typedef struct ViewsStatistics {
        uint64_t n_namespaces; /* that have a view */
        uint64_t n_editions;   /* of these, old ones too */
        uint64_t n_bytes;
} ViewsStatistics;

/* Borrows all but @callbacks. */
int views_new(Views **ret_views,
              sd_event *event,
              State *state,
              const Limits *limits,
              const ViewsCallbacks *callbacks);

/* Tells all readers that nothing will follow. */
Views *views_free(Views *views);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Views, views_free)

/* 0, a ViewsOutcome or a negative errno. */
int views_open(Views *views, Namespace *ns, uint32_t uid, ViewLoan *ret_loan);

/* @commit is part of the state, and nothing after it is. */
void views_publish(Views *views, const Commit *commit);

/* @ns has another declaration now, or none. */
void views_publish_declaration(Views *views, const Namespace *ns);

/* Looks for what nobody has any more, as it does by itself every few seconds. */
void views_look(Views *views);

ViewsStatistics views_statistics(const Views *views);
