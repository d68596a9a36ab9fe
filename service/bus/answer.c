/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Answer
 */

#include "bus/answer.h"

#include "bus/channels.h"

int answer_begin(Answer *answer,
                 sd_bus_message_handler_t handler,
                 uint64_t n_bytes,
                 sd_bus_error *reterr_bus)
{
        int r;

        answer->n_bytes_max = channels_reply_max(answer->service, answer->call);
        r = flow_admit(answer->service, answer->call, handler,
                       MIN(ANSWER_FRAME_BYTES + n_bytes, answer->n_bytes_max), &answer->n_room,
                       reterr_bus);
        if (r != 0)
                return r;

        answer->n_bytes = ANSWER_FRAME_BYTES;
        r = sd_bus_message_new_method_return(answer->call, &answer->reply);
        return r < 0 ? r : 0;
}

int answer_grow(Answer *answer, uint64_t n_bytes)
{
        answer->n_bytes += n_bytes;
        if (answer->n_bytes > answer->n_bytes_max)
                return ANSWER_E_TOO_BIG;
        return answer->n_bytes > answer->n_room ? ANSWER_E_NO_ROOM : 0;
}

int answer_send(Answer *answer)
{
        return flow_send(answer->service, answer->call, answer->reply, answer->n_bytes);
}

void answer_clear(Answer *answer)
{
        answer->reply = sd_bus_message_unref(answer->reply);
}
