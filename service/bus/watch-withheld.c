/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Withheld watches
 *
 * A receipt that could not be asked for, or an answer that came too early, is not followed by
 * another one unless somebody asks: hence the timer, which runs while there is anyone to ask.
 */

#include "bus/watch-withheld.h"

#include "bus/flow.h"
#include "bus/watch-delivery.h"
#include "bus/watch-properties.h"
#include "util/auto.h"
#include "util/log.h"

#define ASK_USEC (UINT64_C(1) * 1000000)

struct WithheldWatches {
        BusService *service;
        GQueue watchers; /* Watcher */
        sd_event_source *timer;
};

WithheldWatches *withheld_watches_new(BusService *service)
{
        WithheldWatches *withheld = g_new(WithheldWatches, 1);

        *withheld = (WithheldWatches){ .service = service };
        return withheld;
}

WithheldWatches *withheld_watches_free(WithheldWatches *withheld)
{
        if (!withheld)
                return NULL;

        g_assert(withheld->watchers.length == 0);
        sd_event_source_disable_unref(withheld->timer);
        g_free(withheld);
        return NULL;
}

static void start_timer(WithheldWatches *withheld);

static int on_timer(sd_event_source *source G_GNUC_UNUSED,
                    uint64_t usec G_GNUC_UNUSED,
                    void *userdata)
{
        WithheldWatches *withheld = userdata;

        withheld->timer = sd_event_source_disable_unref(withheld->timer);
        for (GList *l = withheld->watchers.head; l; l = l->next)
                flow_ask(withheld->service, ((Watcher *) l->data)->caller);
        start_timer(withheld);
        return 0;
}

static void start_timer(WithheldWatches *withheld)
{
        int r;

        if (withheld->timer || withheld->watchers.length == 0)
                return;

        r = sd_event_add_time_relative(withheld->service->event, &withheld->timer, CLOCK_MONOTONIC,
                                       ASK_USEC, 0, on_timer, withheld);
        if (r < 0)
                log_warning("Cannot wait for those who watch to read: %s", g_strerror(-r));
}

void watch_withheld_add(const BusService *service, Watcher *watcher)
{
        WithheldWatches *withheld = service->withheld;

        if (watcher->is_withheld)
                return;

        watcher->is_withheld = true;
        watcher->in_withheld.data = watcher;
        g_queue_push_tail_link(&withheld->watchers, &watcher->in_withheld);
        start_timer(withheld);
}

void watch_withheld_forget(BusService *service, Watcher *watcher)
{
        if (!watcher->is_withheld)
                return;

        watcher->is_withheld = false;
        g_queue_unlink(&service->withheld->watchers, &watcher->in_withheld);
}

void watch_withheld_note_read(BusService *service, const char *name)
{
        Watcher *watcher = watches_watcher(service->watches, name);

        if (!watcher || !watcher->is_withheld || !flow_may_go_on(service, watcher->caller))
                return;

        watch_withheld_forget(service, watcher);
        for (GList *l = watcher->all.head; l; l = l->next)
                watch_go_on(service, l->data);
        watch_properties_go_on(service, watcher);
}
