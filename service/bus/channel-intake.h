/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Intake of channels
 *
 * sd-bus makes room for a message as soon as its header says how long it is. So a header is looked at
 * before sd-bus gets it, and what is long is charged to the uid of its channel until it is whole.
 */

#include "bus/channel.h"

#include <stdbool.h>
#include <stdint.h>

enum {
        CHANNEL_INTAKE_E_NOTHING = 1, /* the socket is empty */
        CHANNEL_INTAKE_E_PART,        /* of a header: wait until more has come */
        CHANNEL_INTAKE_E_HELD,        /* others of its uid have too much on its way */
        CHANNEL_INTAKE_E_ENDED,       /* the peer has hung up, or sends what is no message */
};

/* Most messages are no longer, and then it is known at once that they are whole. */
#define CHANNEL_INTAKE_LOOK_BYTES 1024u

/*
 * Before sd-bus takes the beginning of a message: 0, and it may, or CHANNEL_INTAKE_E_*. *ret_n_bytes of @bytes
 * are what is there.
 */
int channel_intake_look(Channel *channel,
                        uint8_t bytes[static CHANNEL_INTAKE_LOOK_BYTES],
                        size_t *ret_n_bytes);

/*
 * Whether sd-bus, which takes all that is there, will have the whole message when it has done so. It
 * drops what is no D-Bus, and says nothing.
 */
bool channel_intake_completes(Channel *channel);

/* The message that it may take was whole, or never will be. */
void channel_intake_end(Channel *channel);
