/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Channels
 *
 * All direct connections. Each has an address of its own, the unique name of its connection and a
 * number (":1.42/7"), which no connection of the bus can have; everything that is kept by name is kept
 * by that. A channel ends when its connection leaves the bus, when its peer hangs up, and when that
 * sends what is no message.
 */

#include "bus/channel.h"

#include <systemd/sd-bus.h>

int channels_new(Channels **ret_channels, BusService *service);
Channels *channels_free(Channels *channels);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Channels, channels_free)

/* Manager.Connect */
int channels_method_connect(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);

/* Who sent @m: a unique name or the address of a channel. NULL: nobody that is there any more. */
const char *channels_sender(const BusService *service, sd_bus_message *m);

/* How large a reply to @m may be. */
uint64_t channels_reply_max(const BusService *service, sd_bus_message *m);

/* Whether the bus itself sent @m. */
bool channels_is_from_bus(const BusService *service, sd_bus_message *m);

/* Something was sent to @caller, or may have been: sees to it that it goes out. */
void channels_note_sent(const Caller *caller);

/* A call on it was done as bus/quick-call.h says. */
void channels_note_quick(const Channel *channel);

/* @caller, a connection of the bus, leaves: its channels end. */
void channels_end_of(const Caller *caller);

size_t channels_count(const Channels *channels);

/* Inserts the numbers of the whole service. */
void channels_add_statistics(Channels *channels, uint32_t uid, GVariantDict *statistics);
