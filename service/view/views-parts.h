/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Parts of views
 *
 * For view/views.c and its neighbour alone.
 */

#include "view/view.h"
#include "view/views.h"

/* Readers that are woken in one go. */
#define WAKES_AT_ONCE 64u

struct Views {
        ViewBudget budget;
        sd_event *event;
        ViewsCallbacks callbacks;
        GHashTable *by_name;   /* name (in the namespace) -> owned View */
        GQueue all;            /* View; looked at from the head on */
        GQueue filling;        /* View */
        GQueue told;           /* View: somebody is to be told of it */
        GQueue touched;        /* View: of the commit that is being published; empty otherwise */
        GHashTable *sleepers;  /* View: it may have readers that were not woken yet */
        sd_event_source *work; /* on while filling, told or sleepers have something */
        sd_event_source *look;
        guint n_to_look;        /* that are left of this time's share */
        uint64_t demanded_usec; /* when it was last looked because there was no room */
};

uint64_t views_now_usec(const Views *views);

/* There is something to do when the loop gets to it. */
void views_enable_work(Views *views);

/* After something may have ended: brings the queues in line with what @view is now. */
void views_settle(Views *views, View *view);

static inline void views_unlink(GQueue *queue, GList *link)
{
        if (link->prev || link->next || queue->head == link)
                g_queue_unlink(queue, link);
}

static inline bool views_is_linked(const GQueue *queue, const GList *link)
{
        return link->prev || link->next || queue->head == link;
}
