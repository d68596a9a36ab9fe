/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Greeting of a channel
 *
 * What the peer says before its first message. sd-bus answers it, but reads more than it needs; so it
 * gets the lines through a socket pair of its own, and the channel's socket only when it is through.
 */

#include <glib.h>
#include <systemd/sd-bus.h>

typedef struct ChannelGreeting ChannelGreeting;

/* *ret_bus_fd is what sd-bus is to have (owned by the caller). @fd, of the channel, is borrowed. */
int channel_greeting_new(ChannelGreeting **ret_greeting, int fd, int *ret_bus_fd);
ChannelGreeting *channel_greeting_free(ChannelGreeting *greeting);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChannelGreeting, channel_greeting_free)

/*
 * Takes on what the peer has said: 0, CHANNEL_GREETING_E_DONE, and @bus has the channel's socket, or a
 * negative errno: it is no greeting.
 */
enum {
        CHANNEL_GREETING_E_DONE = 1,
};
int channel_greeting_go_on(ChannelGreeting *greeting, sd_bus *bus, int bus_fd, int bus_output_fd);
