/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Quick replies
 *
 * What a socket does not take is sd-bus's to send: it knows how to wait.
 */

#include "bus/quick-replies.h"

#include "bus/call.h"
#include "bus/caller.h"
#include "bus/channel-socket.h"
#include "bus/quick-call.h"
#include "util/log.h"

#include <string.h>

struct QuickReplies {
        GPtrArray *calls; /* owned Call */
};

static void call_destroy(gpointer call)
{
        call_free(call);
}

QuickReplies *quick_replies_new(void)
{
        QuickReplies *replies = g_new(QuickReplies, 1);

        *replies = (QuickReplies){ .calls = g_ptr_array_new_with_free_func(call_destroy) };
        return replies;
}

QuickReplies *quick_replies_free(QuickReplies *replies)
{
        if (!replies)
                return NULL;

        g_ptr_array_unref(replies->calls);
        g_free(replies);
        return NULL;
}

void quick_replies_add(QuickReplies *replies, Call *call)
{
        g_ptr_array_add(replies->calls, call);
}

static const Channel *channel_at(const GPtrArray *calls, guint i)
{
        const Call *call = calls->pdata[i];

        return call->caller ? call->caller->channel : NULL;
}

/* Puts as many of the replies from @first on as are for the same channel and have room into @bytes; how many. */
static guint put_some(const GPtrArray *calls,
                      guint first,
                      uint8_t bytes[static CHANNEL_SOCKET_BYTES_MAX],
                      size_t *ret_n_bytes)
{
        const Channel *channel = channel_at(calls, first);
        WireBytes reply;
        guint n = 0;

        for (*ret_n_bytes = 0; first + n < calls->len; n++) {
                if (channel_at(calls, first + n) != channel)
                        break;
                quick_call_put_reply(calls->pdata[first + n], &reply);
                if (*ret_n_bytes + reply.n_bytes > CHANNEL_SOCKET_BYTES_MAX)
                        break;
                memcpy(bytes + *ret_n_bytes, reply.bytes, reply.n_bytes);
                *ret_n_bytes += reply.n_bytes;
        }
        return n;
}

static void send_slowly(const GPtrArray *calls, guint first, guint n)
{
        for (guint i = first; i < first + n; i++) {
                int r = quick_call_reply_slowly(calls->pdata[i]);

                if (r < 0)
                        log_warning("Cannot answer a call: %s", g_strerror(-r));
        }
}

/* How many calls that was about. */
static guint send_some(const GPtrArray *calls, guint first)
{
        const Channel *channel = channel_at(calls, first);
        uint8_t bytes[CHANNEL_SOCKET_BYTES_MAX];
        size_t n_bytes;
        guint n;

        if (!channel)
                return 1; /* nobody is there to be answered */

        n = put_some(calls, first, bytes, &n_bytes);
        if (channel_n_queued(channel) > 0 ||
            !channel_socket_send(channel->socket_fd, bytes, n_bytes))
                send_slowly(calls, first, n);
        return n;
}

void quick_replies_send(QuickReplies *replies)
{
        const GPtrArray *calls = replies->calls;

        if (calls->len == 0)
                return;

        for (guint i = 0; i < calls->len;)
                i += send_some(calls, i);
        g_ptr_array_set_size(replies->calls, 0);
}
