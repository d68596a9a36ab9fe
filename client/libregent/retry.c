/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When a channel is asked for again
 *
 * Where Connect fails for a reason that passes, and where a channel ends before anything has come over it, the bus does
 * for a while; each time for twice as long, until something comes over a channel. Calls are held while it is asked
 * for then, and followers stay with the bus.
 */

#include "private.h"

#define DELAY_USEC     (UINT64_C(1) * G_USEC_PER_SEC)
#define DELAY_MAX_USEC (UINT64_C(300) * G_USEC_PER_SEC)

static void wait_until(Regent *regent, uint64_t usec)
{
        regent->retry_usec = usec;
        (void) sd_event_source_set_time(regent->retry, usec);
        (void) sd_event_source_set_enabled(regent->retry, SD_EVENT_ONESHOT);
}

static void wait_for(Regent *regent, uint64_t delay_usec)
{
        wait_until(regent, (uint64_t) g_get_monotonic_time() + delay_usec);
}

void retry_later(Regent *regent)
{
        wait_for(regent, regent->retry_delay_usec);
        regent->retry_delay_usec = MIN(2 * regent->retry_delay_usec, DELAY_MAX_USEC);
}

void retry_forget(Regent *regent)
{
        regent->retry_usec = 0;
        if (regent->retry)
                (void) sd_event_source_set_enabled(regent->retry, SD_EVENT_OFF);
}

bool retry_is_early(const Regent *regent)
{
        return regent->retry_usec > (uint64_t) g_get_monotonic_time();
}

bool retry_is_due(Regent *regent)
{
        return regent->retry_usec != 0 && !retry_is_early(regent) && regent->link == LINK_READY &&
               !regent->channel && g_queue_is_empty(&regent->calls);
}

void retry_note_reply(Regent *regent, sd_bus *link)
{
        if (!regent->channel || link != regent->channel)
                return;

        regent->is_channel_heard = true;
        regent->retry_delay_usec = DELAY_USEC;
}

/* What is under way over the bus is not to be overtaken. */
static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        Regent *regent = userdata;

        (void) source;
        (void) usec;

        if (retry_is_due(regent) && ask_start(regent, false) >= 0)
                regent->is_upgrading = true;
        else if (regent->link == LINK_READY && !regent->channel)
                wait_for(regent, DELAY_USEC);
        return 0;
}

int retry_open(Regent *regent, sd_event *event)
{
        int r;

        r = sd_event_add_time(event, &regent->retry, CLOCK_MONOTONIC, UINT64_MAX, 1000, on_retry,
                              regent);
        if (r >= 0)
                r = sd_event_source_set_enabled(regent->retry, SD_EVENT_OFF);
        regent->retry_delay_usec = DELAY_USEC;
        return r < 0 ? r : 0;
}
