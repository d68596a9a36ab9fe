/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Closings of channels
 *
 * What nobody has taken out of a socket may hold file descriptors, see bus/channel-socket.h, and closing
 * them may take as long as their sender likes. So that is done aside, by a thread for each; the channel
 * is its uid's until then, which bounds them.
 */

#include "core/account.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ChannelClosings ChannelClosings;

/* Borrows @accounts. */
ChannelClosings *channel_closings_new(Accounts *accounts);
ChannelClosings *channel_closings_free(ChannelClosings *closings);

/* Closes @fd, the last of its socket, and discharges @uid of the channel when that is done. */
void channel_closings_add(ChannelClosings *closings, int fd, bool is_shut, uint32_t uid);

/* Sees which are done. */
void channel_closings_look(ChannelClosings *closings);

/* Those that were not done at the last look. */
size_t channel_closings_count(const ChannelClosings *closings);
