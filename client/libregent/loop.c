/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In a poll loop
 *
 * The bus, the channel and the timers hang on one sd_event, whose descriptor stays the same for good. It is ready when
 * one of them is, as long as the event is armed; what has been done to it since shows when it is armed again.
 */

#include "private.h"

#include <errno.h>
#include <poll.h>

/* In one go, so that the caller's other business gets its turn. */
#define STEPS_MAX 64u

int regent_fd(Regent *regent)
{
        return regent->event ? sd_event_get_fd(regent->event)
                             : error_set_errno(regent, -ENOTCONN, "The Regent is not open");
}

int regent_events(Regent *regent)
{
        (void) regent;

        return POLLIN;
}

static bool is_in_callback(const Regent *regent)
{
        return regent->is_processing || sd_event_get_state(regent->event) == SD_EVENT_RUNNING;
}

int regent_timeout(Regent *regent, uint64_t *ret_timeout_usec)
{
        int r;

        r = regent_check_open(regent);
        if (r < 0)
                return r;

        if (is_in_callback(regent)) {
                if (ret_timeout_usec)
                        *ret_timeout_usec = 0;
                return 0;
        }
        if (sd_event_get_state(regent->event) == SD_EVENT_ARMED)
                r = sd_event_wait(regent->event, 0);
        if (r >= 0 && sd_event_get_state(regent->event) == SD_EVENT_INITIAL)
                r = sd_event_prepare(regent->event);
        if (r < 0)
                return error_set_errno(regent, r, "Cannot wait");

        if (ret_timeout_usec)
                *ret_timeout_usec =
                        sd_event_get_state(regent->event) == SD_EVENT_ARMED ? UINT64_MAX : 0;
        return 0;
}

/* 1: something was done. */
static int step(sd_event *event)
{
        int r = 0;

        if (sd_event_get_state(event) == SD_EVENT_INITIAL)
                r = sd_event_prepare(event);
        if (r >= 0 && sd_event_get_state(event) == SD_EVENT_ARMED)
                r = sd_event_wait(event, 0);
        if (r < 0 || sd_event_get_state(event) != SD_EVENT_PENDING)
                return r < 0 ? r : 0;

        r = sd_event_dispatch(event);
        return r < 0 ? r : 1;
}

/*
 * Where one call was answered others are, and sd-bus may have their replies already: they are taken without asking the
 * event each time. The channel comes before all else there, too.
 */
static unsigned drain_channel(Regent *regent, unsigned n_max)
{
        bool has_answered = regent->has_answered;
        unsigned n = 0;
        int r = 1;

        regent->has_answered = false;
        while (has_answered && r > 0 && n < n_max && !regent->is_freed && regent->channel &&
               !g_queue_is_empty(&regent->calls)) {
                sd_bus *channel = regent->channel;

                r = sd_bus_process(channel, NULL);
                if (r < 0 && channel == regent->channel)
                        link_break(regent, channel);
                n++;
        }
        return n;
}

static int process(Regent *regent)
{
        unsigned n = 0;
        int r = 1;

        while (n < STEPS_MAX && r > 0 && !regent->is_freed) {
                r = step(regent->event);
                n += 1 + drain_channel(regent, STEPS_MAX - 1 - n);
        }
        return r;
}

int regent_process(Regent *regent)
{
        int r;

        r = regent_check_open(regent);
        if (r < 0)
                return r;
        if (is_in_callback(regent))
                return error_set_errno(regent, -EBUSY, "This is a callback");

        regent_ref(regent);
        regent->is_processing = true;
        r = process(regent);
        regent->is_processing = false;
        if (r < 0)
                error_set_errno(regent, r, "Cannot process");
        regent_unref(regent);

        return r < 0 ? r : 0;
}

/* Whole milliseconds, and one more rather than one less: poll() is not to return too early and often. */
static int poll_timeout(uint64_t timeout_usec)
{
        if (timeout_usec == UINT64_MAX)
                return -1;
        return (int) MIN(timeout_usec / 1000 + (timeout_usec % 1000 > 0), (uint64_t) G_MAXINT);
}

int regent_wait(Regent *regent, uint64_t timeout_usec)
{
        struct pollfd poll_fd = { .fd = regent_fd(regent), .events = POLLIN };
        uint64_t own_usec = 0;
        int r;

        r = regent_timeout(regent, &own_usec);
        if (r < 0)
                return r;

        r = poll(&poll_fd, 1, poll_timeout(MIN(own_usec, timeout_usec)));
        if (r < 0)
                return error_set_errno(regent, -errno, "Cannot wait");
        if (r == 0 && own_usec > 0)
                return error_set_errno(regent, -ETIMEDOUT, "Nothing has happened");

        return regent_process(regent);
}

typedef struct RegentSource {
        GSource source;
        Regent *regent;
        gpointer tag;
} RegentSource;

static gboolean source_prepare(GSource *source, int *timeout_msec)
{
        RegentSource *own = (RegentSource *) source;
        uint64_t timeout_usec = 0;

        *timeout_msec = -1;
        return regent_timeout(own->regent, &timeout_usec) < 0 || timeout_usec == 0;
}

static gboolean source_check(GSource *source)
{
        RegentSource *own = (RegentSource *) source;

        return g_source_query_unix_fd(source, own->tag) != 0;
}

static gboolean source_dispatch(GSource *source, GSourceFunc callback, gpointer userdata)
{
        RegentSource *own = (RegentSource *) source;
        int r = regent_process(own->regent);

        (void) callback;
        (void) userdata;

        /* What has gone wrong once may go well the next time; these do not. */
        return r == -ENOTCONN || r == -ECHILD ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

GSource *regent_source_new(Regent *regent)
{
        static GSourceFuncs functions = {
                .prepare = source_prepare,
                .check = source_check,
                .dispatch = source_dispatch,
        };
        RegentSource *own;
        GSource *source;

        if (regent_check_open(regent) < 0)
                return NULL;

        source = g_source_new(&functions, sizeof(RegentSource));
        own = (RegentSource *) source;
        own->regent = regent;
        own->tag = g_source_add_unix_fd(source, regent_fd(regent), G_IO_IN);
        g_source_set_name(source, "regent");
        return source;
}
