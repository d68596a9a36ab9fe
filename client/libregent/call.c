/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls under way
 *
 * A call is held until the link is READY, then under way over one connection, and told when that has an answer, or is
 * no more. One that polkit would have to ask somebody for goes once more over the bus, which knows who calls.
 */

#include "private.h"

#include "call-private.h"

#include <errno.h>
#include <string.h>

/* What is to be sent. */
typedef struct Held {
        char *path;
        char *interface_name;
        char *member;
        GVariant *arguments;
        char *key;
        GVariant *value;
} Held;

struct RegentCall {
        Regent *regent;
        sd_bus *link; /* NULL while it is held */
        sd_bus_slot *slot;
        sd_bus_message *message; /* that was sent */
        Held *held;              /* NULL: it was sent at once */
        char *reply_type;
        bool is_interactive; /* somebody may be asked for a password */
        bool is_told;        /* its callback is being called */
        uint64_t timeout_usec;
        int result; /* when it is done, with error */
        sd_bus_error error;
        RegentOnReplyForFd on_reply;
        void *userdata;
};

static void held_free(Held *held)
{
        g_clear_pointer(&held->arguments, g_variant_unref);
        g_clear_pointer(&held->value, g_variant_unref);
        g_free(held->key);
        g_free(held->path);
        g_free(held->interface_name);
        g_free(held->member);
        g_free(held);
}

static void call_free(RegentCall *call)
{
        sd_bus_slot_unref(call->slot);
        sd_bus_message_unref(call->message);
        sd_bus_error_free(&call->error);
        g_clear_pointer(&call->held, held_free);
        g_free(call->reply_type);
        g_free(call);
}

/* The arguments are sunk. */
static Held *held_new(const CallSpec *spec)
{
        Held *held = g_new(Held, 1);

        *held = (Held){
                .path = g_strdup(spec->path),
                .interface_name = g_strdup(spec->interface_name),
                .member = g_strdup(spec->member),
                .arguments = spec->arguments ? g_variant_ref(spec->arguments) : NULL,
                .key = g_strdup(spec->key),
                .value = spec->value ? g_variant_ref(spec->value) : NULL,
        };
        return held;
}

static CallSpec spec_of(const Held *held)
{
        return (CallSpec){
                .path = held->path,
                .interface_name = held->interface_name,
                .member = held->member,
                .arguments = held->arguments,
                .key = held->key,
                .value = held->value,
        };
}

/* It is in no queue any more. */
static void tell(RegentCall *call, int r, GVariant *reply, int fd)
{
        call->slot = sd_bus_slot_unref(call->slot);
        call->is_told = true;
        if (call->on_reply)
                call->on_reply(call->regent, r, reply, fd, call->userdata);
        call_free(call);
}

/* Told when callbacks may be called: with what failed last. */
static void finish_later(RegentCall *call, int r)
{
        Regent *regent = call->regent;

        call->slot = sd_bus_slot_unref(call->slot);
        call->message = sd_bus_message_unref(call->message);
        call->result = r;
        sd_bus_error_copy(&call->error, &regent->error);
        g_queue_remove(&regent->calls, call);
        g_queue_push_tail(&regent->done, call);
        link_announce_later(regent);
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *reterr);

static int send_message(RegentCall *call, sd_bus *link, sd_bus_message *m)
{
        int r;

        r = sd_bus_call_async(link, &call->slot, m, on_answer, call, call->timeout_usec);
        if (r < 0)
                return r;

        sd_bus_message_unref(call->message);
        call->message = sd_bus_message_ref(m);
        call->link = link;
        return 0;
}

static int send_call(RegentCall *call, const CallSpec *spec)
{
        Regent *regent = call->regent;
        sd_bus *link = link_bus(regent);
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = message_new(link, link == regent->channel, spec, &m);
        if (r >= 0)
                r = send_message(call, link, m);
        if (r < 0)
                return call_error_of_sending(regent, r);

        quick_note_sent(regent, link, spec);
        return 0;
}

static int send_again(RegentCall *call)
{
        sd_bus *bus = call->regent->bus;
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = message_copy(bus, call->message, &m);
        if (r >= 0)
                r = sd_bus_message_set_allow_interactive_authorization(m, true);
        return r < 0 ? r : send_message(call, bus, m);
}

/* Whether it goes once more, with a password asked for. */
static bool is_sent_again(RegentCall *call, const sd_bus_error *error)
{
        Regent *regent = call->regent;

        if (!regent->is_interactive || call->is_interactive || !regent->bus ||
            !sd_bus_error_has_name(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
                return false;

        call->is_interactive = true;
        call->timeout_usec = CALL_INTERACTIVE_USEC;
        call->slot = sd_bus_slot_unref(call->slot);
        return send_again(call) >= 0;
}

static int error_of_answer(const RegentCall *call, const sd_bus_error *error)
{
        return call_error_of_reply(call->regent, sd_bus_message_get_interface(call->message),
                                   sd_bus_message_get_member(call->message), error);
}

/* Positive: it is no news for filters, which take note of replies that nobody waits for. */
static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *reterr)
{
        RegentCall *call = userdata;
        Regent *regent = call->regent;
        const sd_bus_error *error = sd_bus_message_get_error(m);
        g_autoptr(GVariant) reply = NULL;
        int r = 0, fd = -1;

        (void) reterr;

        if (error && is_sent_again(call, error))
                return 1;

        if (!error || !call_is_unanswered(error->name))
                retry_note_reply(regent, call->link);
        else
                quick_note_owed(regent, call->link);
        if (error)
                r = error_of_answer(call, error);
        else
                r = call_read_reply(regent, m, call->reply_type, &reply, &fd);

        g_queue_remove(&regent->calls, call);
        regent->has_answered = true;
        regent->reply = m;
        tell(call, r, reply, fd);
        regent->reply = NULL;
        return 1;
}

static RegentCall *call_new(Regent *regent, const CallSpec *spec)
{
        RegentCall *call = g_new0(RegentCall, 1);

        call->regent = regent;
        call->reply_type = g_strdup(spec->reply_type);
        call->timeout_usec = regent->timeout_usec;
        return call;
}

static int begin(RegentCall *call, const CallSpec *spec, RegentCall **ret_call)
{
        bool is_ready = call->regent->link == LINK_READY;
        g_autoptr(GVariant) arguments = NULL;
        Regent *regent = call->regent;
        CallSpec given = *spec;
        int r = 0;

        if (spec->build && (!is_ready || !spec->append))
                given.arguments = spec->build(spec->userdata);
        if (given.arguments) {
                arguments = g_variant_ref_sink(given.arguments);
                given.arguments = arguments;
        }

        g_queue_push_tail(&regent->calls, call);
        if (!is_ready)
                call->held = held_new(&given);
        if (is_ready)
                r = send_call(call, &given);
        else if (regent->link != LINK_ASKING)
                r = link_want(regent, true);
        if (r < 0) {
                g_queue_remove(&regent->calls, call);
                call_free(call);
                return r;
        }

        if (ret_call)
                *ret_call = call;
        return 0;
}

int call_start_for_fd(Regent *regent,
                      const CallSpec *spec,
                      RegentOnReplyForFd on_reply,
                      void *userdata,
                      RegentCall **ret_call)
{
        RegentCall *call;
        int r;

        r = call_check(regent, spec);
        if (r < 0)
                return r;

        call = call_new(regent, spec);
        call->on_reply = on_reply;
        call->userdata = userdata;
        return begin(call, spec, ret_call);
}

/* What a callback without a descriptor is told by. */
typedef struct Plain {
        RegentOnReply on_reply;
        void *userdata;
} Plain;

static void on_plain(Regent *regent, int result, GVariant *reply, int fd, void *userdata)
{
        g_autofree Plain *plain = userdata;

        (void) fd;
        plain->on_reply(regent, result, reply, plain->userdata);
}

int call_start(Regent *regent,
               const CallSpec *spec,
               RegentOnReply on_reply,
               void *userdata,
               RegentCall **ret_call)
{
        Plain *plain;
        int r;

        if (!on_reply)
                return call_start_for_fd(regent, spec, NULL, NULL, ret_call);

        plain = g_new(Plain, 1);
        *plain = (Plain){ on_reply, userdata };
        r = call_start_for_fd(regent, spec, on_plain, plain, ret_call);
        if (r < 0)
                g_free(plain);
        return r;
}

RegentCall *regent_call_cancel(RegentCall *call)
{
        if (!call || call->is_told)
                return NULL;

        if (call->on_reply == on_plain)
                g_free(call->userdata);
        if (call->slot)
                quick_note_owed(call->regent, call->link);
        g_queue_remove(&call->regent->calls, call);
        g_queue_remove(&call->regent->done, call);
        call_free(call);
        return NULL;
}

bool calls_has_held(Regent *regent)
{
        for (GList *item = regent->calls.tail; item; item = item->prev)
                if (!((RegentCall *) item->data)->link)
                        return true;

        return false;
}

static int send_held(RegentCall *call)
{
        CallSpec spec = spec_of(call->held);
        int r;

        r = send_call(call, &spec);
        g_clear_pointer(&call->held, held_free);
        return r;
}

/* Those that are held are behind those that are not. */
void calls_send_held(Regent *regent)
{
        GList *next;

        for (GList *item = regent->calls.head; item; item = next) {
                RegentCall *call = item->data;
                int r;

                next = item->next;
                if (call->link)
                        continue;

                r = send_held(call);
                if (r < 0)
                        finish_later(call, r);
        }
}

void calls_fail_held(Regent *regent, int r)
{
        GList *next;

        for (GList *item = regent->calls.head; item; item = next) {
                RegentCall *call = item->data;

                next = item->next;
                if (!call->link)
                        finish_later(call, r);
        }
}

void calls_break(Regent *regent, sd_bus *link)
{
        const sd_bus_error error = SD_BUS_ERROR_MAKE_CONST(SD_BUS_ERROR_DISCONNECTED, NULL);
        GList *next;

        for (GList *item = regent->calls.head; item; item = next) {
                RegentCall *call = item->data;

                next = item->next;
                if (call->link == link)
                        finish_later(call, error_of_answer(call, &error));
        }
}

void calls_tell_done(Regent *regent)
{
        RegentCall *call;

        while ((call = g_queue_pop_head(&regent->done))) {
                sd_bus_error_free(&regent->error);
                sd_bus_error_copy(&regent->error, &call->error);
                tell(call, call->result, NULL, -1);
        }
}

void calls_cancel_all(Regent *regent)
{
        error_set_errno(regent, -ECANCELED, "The connection is freed");
        while (!g_queue_is_empty(&regent->calls))
                finish_later(g_queue_peek_head(&regent->calls), -ECANCELED);
        calls_tell_done(regent);
}
