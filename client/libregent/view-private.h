/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Views inside
 *
 * view.c is the object, and how it comes to follow: a reader is had with OpenView and kept until the next one is
 * there. view-read.c, view-snapshot.c and view-wait.c read.
 *
 * event            | FOLLOWS              | STALE                        | GONE
 * -----------------+----------------------+------------------------------+-----------------
 * header: retired  | is stale by that     |                              |
 * regentd left     | STALE                |                              |
 * a read, refresh  | retired: as STALE    | opens; at most every 100 ms, | as STALE
 *                  |                      | but for refresh              |
 * regentd is there | orphaned: as STALE   | opens, without waiting       | the same
 * opened           | the newer one counts | FOLLOWS                      | FOLLOWS
 * refused          |                      | GONE: no such namespace, or  | GONE
 *                  |                      | not for us; else STALE       |
 *
 * What is read of a stale view is its last state; of one that is gone, nothing.
 */

#include "private.h"

#include "client/view-reader.h"

struct RegentView {
        Follower follower;
        char path[NAMESPACE_PATH_SIZE];

        ViewReader reader; /* header NULL: gone, and given back */
        ViewReader kept;   /* the one before, for pointers into it; header NULL: none */
        uint64_t revision; /* of what was there when it was gone */

        bool is_left;  /* regentd has left since it was opened, or died */
        bool is_gone;  /* the namespace is not there, or not for us */
        bool has_lent; /* pointers into reader may be in use */

        uint64_t retry_usec; /* CLOCK_MONOTONIC: when a read may open it anew */
        RegentCall *call;    /* OpenView, without waiting */
        sd_event_source *turn;
        uint64_t turn_delay_usec;
};

/* What the header says, and what is known of regentd. */
static inline bool view_follows(const RegentView *view)
{
        return !view->is_left && !view->is_gone &&
               view_reader_state(&view->reader) == REGENT_VIEW_LIVE;
}

/* Opens it anew if it is time to: for who reads. What failed is not told. */
void view_follow_slowly(RegentView *view);

static inline void view_follow(RegentView *view)
{
        if (G_UNLIKELY(!view_follows(view)))
                view_follow_slowly(view);
}

/* Whether there is something to read: 0, or -ESTALE. */
static inline int view_check(const RegentView *view)
{
        return G_UNLIKELY(view->is_gone) || view_reader_state(&view->reader) == REGENT_VIEW_REMOVED
                       ? -ESTALE
                       : 0;
}

/* A copy of a value: 0, or -EBADMSG. */
int view_entry_value(const ViewEntry *entry, GVariant **ret_value);
