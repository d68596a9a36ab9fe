/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The link to regentd: the bus, and the channel where there is one
 *
 * Connect is asked for before the first call, and again for every new regentd; until it is answered calls are held,
 * so that none overtakes another. Refused: the bus does as well.
 */

#include "private.h"

#include <errno.h>
#include <string.h>

#define REOPEN_DELAY_MAX_USEC 5000000u

#define OWNER_MATCH                                                                 \
        "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus'," \
        "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" REGENT_BUS_NAME "'"

static int on_reopen(sd_event_source *source, uint64_t usec, void *userdata);

sd_bus *link_bus(Regent *regent)
{
        return regent->channel ? regent->channel : regent->bus;
}

void link_announce_later(Regent *regent)
{
        (void) sd_event_source_set_enabled(regent->announce, SD_EVENT_ONESHOT);
}

static void tell_presence(Regent *regent)
{
        Presence told = regent->told_presence;

        regent->told_presence = regent->presence;
        if (told != PRESENCE_UNKNOWN && told != regent->presence && regent->on_presence &&
            !regent->is_freed)
                regent->on_presence(regent, regent->presence == PRESENCE_THERE,
                                    regent->on_presence_userdata);
}

/* It was there: whoever has not heard that yet is to hear that it has left. */
void link_set_away(Regent *regent)
{
        if (regent->told_presence == PRESENCE_UNKNOWN && regent->presence != PRESENCE_UNKNOWN)
                regent->told_presence = regent->presence;
        regent->presence = PRESENCE_AWAY;
}

static void drop_channel(Regent *regent)
{
        if (!regent->channel)
                return;

        calls_break(regent, regent->channel);
        sd_bus_close_unref(g_steal_pointer(&regent->channel));
}

static void arm_reopen(Regent *regent)
{
        uint64_t delay_usec = regent->reopen_delay_usec;

        regent->reopen_delay_usec = MIN(2 * delay_usec, REOPEN_DELAY_MAX_USEC);
        (void) sd_event_source_set_time_relative(regent->reopen, delay_usec);
        (void) sd_event_source_set_enabled(regent->reopen, SD_EVENT_ONESHOT);
}

static void drop_bus(Regent *regent)
{
        drop_channel(regent);
        g_clear_pointer(&regent->server, g_free);
        regent->is_upgrading = false;
        regent->connect_slot = sd_bus_slot_unref(regent->connect_slot);
        if (!regent->bus)
                return;

        calls_break(regent, regent->bus);
        sd_bus_close_unref(g_steal_pointer(&regent->bus));
}

void link_break(Regent *regent, sd_bus *broken)
{
        regent->has_lost = true;
        if (broken == regent->channel) {
                if (!regent->is_channel_heard)
                        retry_later(regent);
                drop_channel(regent);
                g_clear_pointer(&regent->server, g_free);
                regent->link = LINK_IDLE;
        } else if (broken == regent->bus) {
                drop_bus(regent);
                error_set(regent, -ECONNRESET, SD_BUS_ERROR_DISCONNECTED,
                          "The bus has closed the connection");
                calls_fail_held(regent, -ECONNRESET);
                regent->link = LINK_CLOSED;
                arm_reopen(regent);
        }
        link_announce_later(regent);
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *reterr)
{
        (void) reterr;

        link_break(userdata, sd_bus_message_get_bus(m));
        return 0;
}

/* What had been sent to us before it left counts. */
static void drain_channel(Regent *regent)
{
        sd_bus *channel = regent->channel;

        while (channel && channel == regent->channel && sd_bus_process(channel, NULL) > 0)
                ;
}

static void service_has_left(Regent *regent)
{
        drain_channel(regent);
        drop_channel(regent);
        g_clear_pointer(&regent->server, g_free);
        regent->is_upgrading = false;
        if (regent->link == LINK_READY)
                regent->link = LINK_IDLE;
        calls_tell_done(regent);
        if (regent->link != LINK_READY)
                followers_lost(regent);
        regent->presence = PRESENCE_THERE;
        link_set_away(regent);
        tell_presence(regent);
}

static void service_is_there(Regent *regent)
{
        /* Another one, which may have a channel. */
        retry_forget(regent);
        if (regent->link == LINK_READY && !regent->channel)
                regent->link = LINK_IDLE;
        regent->presence = PRESENCE_THERE;
        link_announce_later(regent);
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *reterr)
{
        const char *name, *old_owner, *new_owner;
        Regent *regent = userdata;
        int r;

        (void) reterr;

        r = sd_bus_message_read(m, "sss", &name, &old_owner, &new_owner);
        if (r < 0 || strcmp(name, REGENT_BUS_NAME) != 0)
                return 0;

        /* A call that waited may have found the next one before this. */
        if (*old_owner != '\0' && (!regent->server || strcmp(regent->server, old_owner) == 0))
                service_has_left(regent);
        if (*new_owner != '\0' && !regent->is_freed && g_strcmp0(regent->server, new_owner) != 0)
                service_is_there(regent);
        return 0;
}

/* Also where a call that waited has found another one since. */
static void tell_lost(Regent *regent)
{
        if (!regent->has_lost && (regent->link == LINK_READY || regent->is_upgrading))
                return;

        regent->has_lost = false;
        followers_lost(regent);
}

/* Whether somebody wants to hear that regentd is there. */
static bool is_heard(const Regent *regent)
{
        return regent->followers->len > 0 || regent->on_presence;
}

static int on_announce(sd_event_source *source, void *userdata)
{
        Regent *regent = userdata;

        (void) source;

        calls_tell_done(regent);
        tell_lost(regent);
        if (regent->link == LINK_CLOSED)
                link_set_away(regent);
        tell_presence(regent);
        if (regent->is_freed || regent->link == LINK_CLOSED || regent->presence == PRESENCE_AWAY)
                return 0;

        if (regent->link == LINK_READY)
                followers_ready(regent);
        else if (is_heard(regent) || calls_has_held(regent))
                (void) link_want(regent, calls_has_held(regent));
        return 0;
}

static int follow_bus(Regent *regent, sd_bus *bus)
{
        int r;

        r = sd_bus_attach_event(bus, regent->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = inbound_attach(regent, bus);
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, NULL, NULL, "org.freedesktop.DBus.Local",
                                        "Disconnected", on_disconnected, regent);
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, NULL, NULL, "org.freedesktop.DBus.Local",
                                        "Connected", ask_on_connected, regent);
        if (r >= 0)
                r = sd_bus_add_match_async(bus, NULL, OWNER_MATCH, on_owner_changed, NULL, regent);

        return r;
}

/* The loop, and in it what is there for as long as the Regent is. */
static int open_event(Regent *regent)
{
        sd_event *event;
        int r;

        if (regent->event)
                return 0;

        r = sd_event_new(&event);
        if (r < 0)
                return r;

        r = sd_event_add_defer(event, &regent->announce, on_announce, regent);
        if (r >= 0)
                r = sd_event_source_set_enabled(regent->announce, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(regent->announce, SD_EVENT_PRIORITY_NORMAL + 1);
        if (r >= 0)
                r = sd_event_add_time(event, &regent->reopen, CLOCK_MONOTONIC, UINT64_MAX, 0,
                                      on_reopen, regent);
        if (r >= 0)
                r = sd_event_source_set_enabled(regent->reopen, SD_EVENT_OFF);
        if (r >= 0)
                r = retry_open(regent, event);
        if (r < 0) {
                regent->retry = sd_event_source_unref(regent->retry);
                regent->announce = sd_event_source_unref(regent->announce);
                regent->reopen = sd_event_source_unref(regent->reopen);
                sd_event_unref(event);
                return r;
        }

        regent->event = event;
        regent->reopen_delay_usec = LINK_REOPEN_DELAY_USEC;
        return 0;
}

int link_open(Regent *regent)
{
        sd_bus *bus;
        int r;

        r = open_event(regent);
        if (r < 0)
                return error_set_errno(regent, r, "Cannot make an event loop");

        r = system_bus_open(regent->address, &bus);
        if (r < 0)
                return error_set_errno(regent, r, "Cannot connect to the bus");

        r = follow_bus(regent, bus);
        if (r < 0) {
                sd_bus_close_unref(bus);
                return error_set_errno(regent, r, "Cannot use the bus");
        }

        regent->bus = bus;
        regent->link = LINK_IDLE;
        (void) sd_event_source_set_enabled(regent->reopen, SD_EVENT_OFF);
        return 0;
}

static int on_reopen(sd_event_source *source, uint64_t usec, void *userdata)
{
        Regent *regent = userdata;

        (void) source;
        (void) usec;

        if (link_open(regent) < 0) {
                arm_reopen(regent);
                return 0;
        }

        /* Whether regentd is there shows when it is asked; it is not started for that. */
        if (is_heard(regent))
                (void) link_want(regent, false);
        return 0;
}

void link_close(Regent *regent)
{
        drop_bus(regent);
        regent->link = LINK_CLOSED;
        regent->reopen = sd_event_source_disable_unref(regent->reopen);
        regent->announce = sd_event_source_disable_unref(regent->announce);
        regent->retry = sd_event_source_disable_unref(regent->retry);
        regent->event = sd_event_unref(regent->event);
}

int link_want(Regent *regent, bool may_start_service)
{
        int r;

        if (regent->link == LINK_CLOSED) {
                r = link_open(regent);
                if (r < 0)
                        return r;
        }
        if (regent->link != LINK_IDLE)
                return 0;

        /* Followers want to know whether anybody is there. */
        if (!(regent->flags & REGENT_BUS_ONLY) || regent->followers->len > 0 ||
            (is_heard(regent) && !may_start_service))
                return ask_start(regent, may_start_service);

        ask_bus_alone_later(regent);
        return 0;
}

static int open_and_ask(Regent *regent, uint64_t deadline_usec)
{
        int r;

        if (regent->link == LINK_CLOSED) {
                r = link_open(regent);
                if (r < 0)
                        return r;
        }

        return regent->flags & REGENT_BUS_ONLY ? ask_bus_alone(regent, deadline_usec)
                                               : ask_and_wait(regent, deadline_usec);
}

int link_require(Regent *regent, uint64_t deadline_usec)
{
        bool was_open = regent->link != LINK_CLOSED;
        int r;

        if (regent->channel && channel_is_hung_up(regent->channel))
                link_break(regent, regent->channel);
        if (regent->link == LINK_READY && !retry_is_due(regent))
                return 0;

        /* That the bus was started anew may show only now. */
        r = open_and_ask(regent, deadline_usec);
        if (r < 0 && was_open && regent->link == LINK_CLOSED)
                r = open_and_ask(regent, deadline_usec);
        return r;
}
