/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Quick calls
 */

#include "bus/quick-call.h"

#include "bus/authorizer.h"
#include "bus/call.h"
#include "bus/caller.h"
#include "bus/channel-socket.h"
#include "bus/channels.h"
#include "bus/flow.h"
#include "bus/object-path.h"
#include "bus/quick-change.h"
#include "bus/quick-replies.h"
#include "bus/write-result.h"
#include "bus/write.h"
#include "client/regent-names.h"
#include "util/auto.h"

#include <errno.h>
#include <string.h>

/* Of the flags of a call; what others mean is not known here. */
#define FLAG_NO_AUTO_START 0x2u

/* sd-bus counts its own serials from 1. */
#define FIRST_SERIAL UINT32_C(0x80000000)

struct QuickCall {
        const QuickMethod *method;
        uint32_t serial;
        /* what became of it */
        uint64_t revision;
        uint32_t n_changed, n_removed;
        size_t n_bytes;
        uint8_t bytes[]; /* the frame */
};

static QuickCall *quick_call_new(const QuickMethod *method,
                                 const WireFrame *frame,
                                 const uint8_t *bytes)
{
        QuickCall *quick = g_malloc(sizeof(QuickCall) + frame->n_bytes);

        quick->method = method;
        quick->serial = frame->serial;
        quick->n_bytes = frame->n_bytes;
        memcpy(quick->bytes, bytes, frame->n_bytes);
        return quick;
}

/* To whom it is would have to be judged otherwise. */
static bool is_call(const WireFrame *frame)
{
        if (frame->destination && strcmp(frame->destination, REGENT_BUS_NAME) != 0)
                return false;
        return frame->type == WIRE_FRAME_CALL && frame->reply_serial == 0 && !frame->error_name &&
               !(frame->flags & ~(WIRE_FRAME_INTERACTIVE | FLAG_NO_AUTO_START));
}

/* That of @path, if there is one, and @caller may write it without a question. */
static Namespace *find_namespace(const Caller *caller, const char *path)
{
        g_autofree char *name = NULL;
        Namespace *ns;

        if (!path || strchr(path, '.'))
                return NULL;

        name = object_path_to_name(path);
        ns = name ? state_lookup(caller->service->state, name) : NULL;
        return ns && authorizer_may_write(caller, ns) ? ns : NULL;
}

static bool may_be_quick(const Caller *caller)
{
        return caller->knowledge == CALLER_KNOWN && !pipeline_origin_owes(caller->origin) &&
               flow_serves(caller->service, caller);
}

static ChangeSet *read_change(const Caller *caller,
                              const Namespace *ns,
                              const QuickMethod *method,
                              const WireFrame *frame)
{
        ChangeSet *set = quick_change_read(method, frame, ns->name, caller->service->limits);
        NamespaceWish *wish;

        if (!set)
                return NULL;

        wish = set->namespaces->pdata[0];
        wish->created_revision = ns->created_revision;
        wish->access_revision = ns->access_revision;
        set->writer_uid = caller->uid;
        return set;
}

static void put_count(WireBytes *reply, const char *name, uint32_t n)
{
        wire_put_alignment(reply, 8);
        wire_put_string(reply, name);
        wire_put_signature(reply, "u");
        wire_put_uint32(reply, n);
}

void quick_call_put_reply(const Call *call, WireBytes *ret_reply)
{
        const QuickCall *quick = call->quick;
        size_t result;

        wire_bytes_begin(ret_reply,
                         &(WireFrame){
                                 .type = WIRE_FRAME_RETURN,
                                 .flags = WIRE_FRAME_NO_REPLY,
                                 .serial = FIRST_SERIAL | call->caller->channel->n_quick++,
                                 .reply_serial = quick->serial,
                                 .signature = quick->method->replies_with_result ? "ta{sv}" : "t",
                         });
        wire_put_uint64(ret_reply, quick->revision);
        if (quick->method->replies_with_result) {
                result = wire_put_array(ret_reply, 8);
                put_count(ret_reply, "changed", quick->n_changed);
                put_count(ret_reply, "removed", quick->n_removed);
                wire_end_array(ret_reply, result, 8);
        }
        g_assert(wire_bytes_end(ret_reply)); /* there is always room for that */
}

int quick_call_reply_slowly(Call *call)
{
        const QuickCall *quick = call->quick;
        int r;

        r = call_require_message(call);
        if (r < 0)
                return r;
        if (!quick->method->replies_with_result)
                return sd_bus_reply_method_return(call->message, "t", quick->revision);
        return sd_bus_reply_method_return(call->message, "ta{sv}", quick->revision, 2, "changed",
                                          "u", quick->n_changed, "removed", "u", quick->n_removed);
}

static void on_settled(void *userdata, const Settlement *settlement)
{
        Call *call = userdata;

        if (!call->caller || settlement->outcome != 0) {
                write_settled(call, settlement);
                return;
        }

        call->quick->revision = settlement->revision;
        write_result_count(settlement, &call->quick->n_changed, &call->quick->n_removed);
        quick_replies_add(call->service->quick_replies, call);
}

/* How long the call at @bytes is that was taken; 0: none. */
static size_t take_call(Channel *channel, const uint8_t *bytes, size_t n_bytes)
{
        Caller *caller = channel->caller;
        g_autoptr(ChangeSet) set = NULL;
        const QuickMethod *method;
        WireFrame frame;
        Namespace *ns;
        Call *call;

        if (!wire_frame_read(bytes, n_bytes, &frame) || !is_call(&frame))
                return 0;

        method = quick_method_find(&frame);
        ns = method ? find_namespace(caller, frame.path) : NULL;
        if (!ns || !may_be_quick(caller))
                return 0;

        set = read_change(caller, ns, method, &frame);
        call = set ? call_new_quick(caller, set->n_message_bytes) : NULL;
        if (!call)
                return 0;

        call->quick = quick_call_new(method, &frame, bytes);
        call->handler = method->handler;
        call->is_waiting = true;
        call->is_submitted = true;
        channel_note_message(channel);
        channels_note_quick(channel);
        pipeline_submit(caller->origin, NULL, g_steal_pointer(&set), on_settled, call);
        return frame.n_bytes;
}

ssize_t quick_call_take(Channel *channel, const uint8_t *bytes, size_t n_bytes)
{
        size_t n_taken = 0, n;

        while ((n = take_call(channel, bytes + n_taken, n_bytes - n_taken)) > 0)
                n_taken += n;

        if (n_taken > 0 && !channel_socket_skip(channel->socket_fd, n_taken))
                return -EIO;
        return (ssize_t) n_taken;
}

int quick_call_message(const Call *call, sd_bus_message **ret_message)
{
        const QuickCall *quick = call->quick;
        g_autoptr(sd_bus_message) m = NULL;
        WireCursor cursor;
        WireFrame frame;
        int r;

        if (!wire_frame_read(quick->bytes, quick->n_bytes, &frame))
                return -EBADMSG;

        r = sd_bus_message_new_method_call(call->caller->channel->bus, &m, NULL, frame.path,
                                           frame.interface_name, frame.member);
        if (r >= 0)
                r = sd_bus_message_set_allow_interactive_authorization(
                        m, (frame.flags & WIRE_FRAME_INTERACTIVE) != 0);
        if (r < 0)
                return r;

        wire_cursor_init(&cursor, &frame);
        r = quick->method->append(&cursor, m);
        if (r >= 0)
                r = sd_bus_message_seal(m, frame.serial, 0);
        if (r < 0)
                return r;

        /* From now on it counts like any other: see bus/flow.c. */
        flow_charge_signal(call->service, call->caller, LEDGER_MESSAGE_BYTES);
        *ret_message = g_steal_pointer(&m);
        return 0;
}
