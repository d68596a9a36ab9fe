/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Quick calls
 *
 * Small writes on a channel that may be done at once: they are read and answered without sd-bus, which takes longer
 * for both than all the rest does. Whatever is in doubt is left in the socket for sd-bus, so that each refusal, and
 * each question to polkit, has one place. What comes up later, such as another access while it waits, makes a message
 * of it.
 */

#include "bus/channel.h"
#include "wire/frame.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

typedef struct Call Call;
typedef struct QuickCall QuickCall;

/*
 * Takes the calls at the head of @channel's socket, of which @bytes is what is there, until one is for sd-bus. Nothing
 * of that may be under way on it. How many bytes were taken, or a negative errno: the channel is broken.
 */
ssize_t quick_call_take(Channel *channel, const uint8_t *bytes, size_t n_bytes);

/* Writes its reply; it has gone well. */
void quick_call_put_reply(const Call *call, WireBytes *ret_reply);

/* Has sd-bus send that. */
int quick_call_reply_slowly(Call *call);

/* The message that it was, as sd-bus would have it; a full reference. */
int quick_call_message(const Call *call, sd_bus_message **ret_message);
