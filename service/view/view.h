/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * View
 *
 * The views of one namespace: the live one, the one that is being filled to follow it, and those
 * that are retired and not given back yet. VIEW_EDITIONS_MAX of them are made whoever has them, and more
 * only for a uid that was not given as many old ones. It knows neither the clock nor the event loop: core, from which it takes the state, does not either.
 */

#include "core/namespace.h"
#include "core/state.h"
#include "view/edition.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define VIEW_EDITIONS_MAX 3u

/* What all views together have. */
typedef struct ViewBudget {
        State *state;
        const Limits *limits;
        uint64_t n_bytes;        /* of all editions */
        uint64_t n_editions;     /* all of them; a descriptor each */
        uint64_t n_editions_max; /* whatever the limits say: others need descriptors, too */
        uint64_t last_number;
        uint64_t now_usec;
} ViewBudget;

typedef struct View {
        ViewBudget *budget;     /* borrowed */
        Namespace *ns;          /* referenced */
        NamespaceAccess access; /* that it had when the last one was begun */
        Edition *live;          /* owned, as is the next */
        Edition *next;
        GPtrArray *retired;            /* owned Edition */
        char *cursor;                  /* the last key that is in next; "" at the beginning */
        Declaration *declaration;      /* referenced; whose defaults are in live; NULL: none */
        Declaration *next_declaration; /* the same for next */
        uint64_t slack_bytes;          /* room for changes that the next one gets */
        uint64_t not_before_usec;      /* when to look again whether a next one can be */
        unsigned n_restarts;           /* of the filling, because there was not room enough */
        /* for Views, which has it in its lists */
        bool is_being_opened; /* so it stays, whatever it is */
        bool may_exceed;      /* by somebody who does not hold up the others */
        bool is_complained_of;
        bool is_waited_for;  /* somebody is to be told when there is one, or none */
        GPtrArray *changes;  /* borrowed NamespaceChange, of the commit that is being published */
        RegentViewState end; /* what comes of that; LIVE: it goes on */
        GList in_views;      /* of all */
        GList in_filling;    /* of those whose next is being filled */
        GList in_told;       /* of those whose waiters are to be told */
        GList in_touched;    /* of those that the commit concerns */
} View;

typedef enum ViewOutcome {
        VIEW_E_UNDER_WAY = 1, /* it is being filled */
        VIEW_E_HELD,          /* readers hold as many old ones as there may be */
        VIEW_E_NO_ROOM,       /* all views together take what they may */
        VIEW_E_TOO_MUCH,      /* the uid's own share is used up */
} ViewOutcome;

View *view_new(ViewBudget *budget, Namespace *ns);
View *view_free(View *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(View, view_free)

/* @ns has the name now; there is no live one and no next. */
void view_adopt(View *view, Namespace *ns);

/* Whether @uid was given as many old ones as there may be, and so may be who has them. */
bool view_is_held_by(const View *view, uint32_t uid);

/* Begins to fill the next one. 0, VIEW_E_HELD, VIEW_E_NO_ROOM or a negative errno. */
int view_begin(View *view);

/* Goes on with it. 0 when it is live, VIEW_E_UNDER_WAY, or as view_begin(): then there is no next. */
int view_fill(View *view);

/* Publishes what the changes did to the namespace, as it is now. When the live one is full it is retired. */
void view_publish(View *view);

/* Publishes the defaults that are declared now. */
void view_publish_declaration(View *view);

/* Ends what there is. */
void view_retire(View *view, RegentViewState state);

/* Frees what nobody has: retired ones at once, the live one when nobody had it for a while. */
void view_collect(View *view);

/* Wakes at most @n readers. Whether there may be more. */
bool view_wake(const View *view, unsigned n);

/* Whether there is a live one that should be followed soon. */
static inline bool view_is_scarce(const View *view)
{
        return view->live && !view->next &&
               generation_is_scarce(view->live->generation, view->live->since_free_bytes);
}

static inline bool view_is_empty(const View *view)
{
        return !view->live && !view->next && view->retired->len == 0 && !view->is_waited_for &&
               !view->is_being_opened;
}
