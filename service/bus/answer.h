/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Answer
 *
 * A reply that grows as it is built, until it is larger than a reply may be, or than its connection
 * may be sent now.
 */

#include "bus/flow.h"

#include <glib.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* Header, revision and what else stands beside the values. */
#define ANSWER_FRAME_BYTES LIMIT_KIB

enum {
        ANSWER_E_TOO_BIG = 1, /* for a reply; the caller knows what to say of it */
        ANSWER_E_NO_ROOM,     /* flow_refuse() has the words */
};

typedef struct Answer {
        BusService *service;
        sd_bus_message *call; /* borrowed */
        sd_bus_message *reply;
        uint64_t n_bytes, n_room, n_bytes_max;
} Answer;

/*
 * Asks for room for @n_bytes of values, or as much as a reply may have, and makes the reply: 0.
 * CALL_E_PARKED and negative errnos as with flow_admit().
 */
int answer_begin(Answer *answer,
                 sd_bus_message_handler_t handler,
                 uint64_t n_bytes,
                 sd_bus_error *reterr_bus);

/* Before something of @n_bytes is appended. 0 or ANSWER_E_*. */
int answer_grow(Answer *answer, uint64_t n_bytes);

int answer_send(Answer *answer);

void answer_clear(Answer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, answer_clear)
