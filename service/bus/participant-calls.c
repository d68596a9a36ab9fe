/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Participant calls
 *
 * What becomes of a call:
 *
 *             a place is free   answer             forgotten   its connection leaves
 *   WAITING   SENT              -                  freed       freed
 *   SENT      -                 told, freed        LATE        freed
 *   LATE      -                 freed              -           freed
 *
 * Only a Prepare is ever WAITING, and Commit and Abort are LATE from the start. An answer, an error
 * too, is a receipt for all that was sent before it. A channel tells by itself what it has read, so a
 * Prepare on it is never LATE: what is forgotten is freed.
 */

#include "bus/participant-calls.h"

#include "bus/caller.h"
#include "bus/channels.h"
#include "bus/flow.h"
#include "bus/value-codec.h"
#include "client/regent-names.h"
#include "core/outgoing.h"
#include "core/veto-text.h"
#include "util/auto.h"
#include "util/log.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct ParticipantCalls {
        BusService *service;
        GQueue waiting; /* ParticipantCall */
        GQueue sent;
        uint64_t n_failed; /* Commits and Aborts */
};

typedef struct ParticipantCall {
        ParticipantCalls *calls;
        Member *member; /* NULL: nobody wants to know any more */
        char *address;
        uint32_t uid;
        const char *what;  /* of a Commit or Abort, for the log */
        sd_bus_slot *slot; /* NULL: it is not sent yet */
        LedgerMark mark;
        GList in_calls;
} ParticipantCall;

static void send_waiting(ParticipantCalls *calls);

ParticipantCalls *participant_calls_new(BusService *service)
{
        ParticipantCalls *calls = g_new0(ParticipantCalls, 1);

        calls->service = service;
        return calls;
}

static ParticipantCall *call_new(ParticipantCalls *calls, const Participant *participant)
{
        ParticipantCall *call = g_new(ParticipantCall, 1);

        *call = (ParticipantCall){
                .calls = calls,
                .address = g_strdup(participant->address),
                .uid = participant->uid,
        };
        call->in_calls.data = call;
        return call;
}

/* It stands in no queue and takes no place. */
static void call_dispose(ParticipantCall *call)
{
        if (call->member)
                call->member->call = NULL;
        g_free(call->address);
        g_free(call);
}

static bool is_channel(const char *address)
{
        return strchr(address, '/') != NULL;
}

/*
 * A channel has no places for replies, so none of them is taken; instead nothing is kept of a Prepare
 * whose answer nobody wants to know, and of one Commit or Abort at most.
 */
static int take_place(const BusService *service, const char *address, uint32_t uid)
{
        return is_channel(address) ? 0
                                   : outgoing_begin(service->outgoing, OUTGOING_PARTICIPANT, uid);
}

static void give_back(const BusService *service, const char *address, uint32_t uid)
{
        if (!is_channel(address))
                outgoing_end(service->outgoing, OUTGOING_PARTICIPANT, uid);
}

/* An answer has come. */
static void note_answer(const BusService *service, const char *address)
{
        const Caller *caller = callers_find(service->callers, address);

        if (caller && caller->channel)
                channel_note_message(caller->channel);
}

static void end_call(ParticipantCall *call)
{
        ParticipantCalls *calls = call->calls;

        if (call->slot) {
                call->slot = sd_bus_slot_unref(call->slot);
                give_back(calls->service, call->address, call->uid);
                g_queue_unlink(&calls->sent, &call->in_calls);
        } else {
                g_queue_unlink(&calls->waiting, &call->in_calls);
        }
        call_dispose(call);
}

ParticipantCalls *participant_calls_free(ParticipantCalls *calls)
{
        if (!calls)
                return NULL;

        while (calls->waiting.head)
                end_call(calls->waiting.head->data);
        while (calls->sent.head)
                end_call(calls->sent.head->data);
        g_free(calls);
        return NULL;
}

static int new_message(const ParticipantCalls *calls,
                       const char *address,
                       const char *path,
                       const char *method,
                       const char *transaction,
                       sd_bus_message **ret_message)
{
        g_autoptr(sd_bus_message) m = NULL;
        const Caller *caller = callers_find(calls->service->callers, address);
        int r;

        if (!caller)
                return -ENOTCONN;

        r = sd_bus_message_new_method_call(caller_bus(caller), &m, caller_destination(caller), path,
                                           REGENT_PARTICIPANT_INTERFACE, method);
        if (r < 0)
                return r;

        r = sd_bus_message_set_auto_start(m, false);
        if (r < 0)
                return r;

        r = sd_bus_message_append_basic(m, 's', transaction);
        if (r < 0)
                return r;

        *ret_message = g_steal_pointer(&m);
        return 0;
}

/* Prepare */

static const Difference *difference_of(const Member *member, guint i)
{
        const Difference *d = &g_array_index(member->preview->differences, Difference, i);

        return participant_concerns(member->participant, d->key) ? d : NULL;
}

static uint64_t prepare_bytes(const Member *member)
{
        uint64_t n_bytes = LEDGER_MESSAGE_BYTES;

        for (guint i = 0; i < member->preview->differences->len; i++) {
                const Difference *d = difference_of(member, i);

                if (!d)
                        continue;
                n_bytes += d->before ? entry_reply_bytes(d->before) : 0;
                n_bytes += d->after ? entry_reply_bytes(d->after) : 8 + strlen(d->key);
        }

        return n_bytes;
}

static int append_entries(sd_bus_message *m, const Member *member, bool is_before)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (guint i = 0; r >= 0 && i < member->preview->differences->len; i++) {
                const Difference *d = difference_of(member, i);
                Entry *entry = d ? (is_before ? d->before : d->after) : NULL;

                if (entry)
                        r = value_codec_append_pair(m, entry);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_unset(sd_bus_message *m, const Member *member)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "s");
        for (guint i = 0; r >= 0 && i < member->preview->differences->len; i++) {
                const Difference *d = difference_of(member, i);

                if (d && !d->after)
                        r = sd_bus_message_append_basic(m, 's', d->key);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int new_prepare(const ParticipantCall *call, sd_bus_message **ret_message)
{
        const Member *member = call->member;
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = new_message(call->calls, call->address, member->participant->path, "Prepare",
                        member->transaction->name, &m);
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', member->preview->name);
        if (r >= 0)
                r = append_entries(m, member, false);
        if (r >= 0)
                r = append_unset(m, member);
        if (r >= 0)
                r = append_entries(m, member, true);
        if (r < 0)
                return r;

        *ret_message = g_steal_pointer(&m);
        return 0;
}

static bool has_left(const BusService *service, sd_bus_message *m)
{
        const sd_bus_error *error = sd_bus_message_get_error(m);

        return channels_is_from_bus(service, m) &&
               (sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY) ||
                sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
                sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER));
}

static int on_prepared(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        ParticipantCall *call = userdata;
        ParticipantCalls *calls = call->calls;
        Member *member = call->member;
        const sd_bus_error *error = sd_bus_message_get_error(m);

        note_answer(calls->service, call->address);
        if (!has_left(calls->service, m))
                flow_confirm(calls->service, call->address, call->mark);
        end_call(call);

        if (member && has_left(calls->service, m))
                transaction_member_left(member);
        else if (member && error)
                transaction_answer(member, error->message && *error->message ? error->message
                                                                             : error->name);
        else if (member)
                transaction_answer(member, NULL);
        send_waiting(calls);
        return 0;
}

/* What prepare() of the port says. */
static int send_prepare(ParticipantCall *call)
{
        BusService *service = call->calls->service;
        uint64_t n_bytes = prepare_bytes(call->member);
        g_autoptr(sd_bus_message) m = NULL;
        bool is_own;
        int r;

        if (flow_room(service, call->address, &is_own) < n_bytes)
                return is_own ? PARTICIPANT_E_DEAF : PARTICIPANT_E_NO_ROOM;

        r = new_prepare(call, &m);
        if (r < 0)
                return r;

        /* No time-out of sd-bus: it would forget the call while the bus still counts it. */
        r = sd_bus_call_async(NULL, &call->slot, m, on_prepared, call, UINT64_MAX);
        if (r < 0)
                return r;

        transaction_asked(call->member);
        call->mark = flow_charge_call(service, call->address, n_bytes);
        return 0;
}

int participant_calls_prepare(ParticipantCalls *calls, Member *member)
{
        ParticipantCall *call = call_new(calls, member->participant);
        int r;

        call->member = member;
        member->call = call;
        if (take_place(calls->service, call->address, call->uid) != 0) {
                g_queue_push_tail_link(&calls->waiting, &call->in_calls);
                return 0;
        }

        r = send_prepare(call);
        if (r == 0) {
                g_queue_push_tail_link(&calls->sent, &call->in_calls);
                return 0;
        }
        give_back(calls->service, call->address, call->uid);
        call_dispose(call);
        return r;
}

/* A place has become free: for those whose uid has one. */
static void send_waiting(ParticipantCalls *calls)
{
        guint n = calls->waiting.length;

        for (; n > 0 && calls->waiting.head; n--) {
                ParticipantCall *call = calls->waiting.head->data;
                Member *member = call->member;
                int r;

                g_queue_unlink(&calls->waiting, &call->in_calls);
                if (take_place(calls->service, call->address, call->uid) != 0) {
                        g_queue_push_tail_link(&calls->waiting, &call->in_calls);
                        continue;
                }

                r = send_prepare(call);
                if (r == 0) {
                        g_queue_push_tail_link(&calls->sent, &call->in_calls);
                        continue;
                }
                give_back(calls->service, call->address, call->uid);
                call_dispose(call);
                transaction_cannot_ask(member, r);
        }
}

void participant_calls_forget(Member *member)
{
        ParticipantCall *call = member->call;

        if (!call)
                return;
        if (!call->slot || is_channel(call->address)) {
                end_call(call);
                return;
        }
        call->member = NULL;
        member->call = NULL;
}

/* Commit and Abort */

static int on_told(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        ParticipantCall *call = userdata;
        ParticipantCalls *calls = call->calls;
        const sd_bus_error *error = sd_bus_message_get_error(m);
        g_autofree char *text =
                error ? veto_text_clean(error->message ? error->message : "") : NULL;

        note_answer(calls->service, call->address);
        if (error) {
                calls->n_failed++;
                log_notice("%s (uid %" PRIu32 ") has failed a %s: %s", call->address, call->uid,
                           call->what, text);
        }
        if (!has_left(calls->service, m))
                flow_confirm(calls->service, call->address, call->mark);
        end_call(call);
        send_waiting(calls);
        return 0;
}

static bool is_awaited(const ParticipantCalls *calls, const char *address)
{
        for (const GList *l = calls->sent.head; l; l = l->next)
                if (strcmp(((const ParticipantCall *) l->data)->address, address) == 0)
                        return true;

        return false;
}

/* Who has an answer under way, or whose uid has no place, gets the message all the same. */
static int tell(ParticipantCalls *calls,
                const Participant *participant,
                sd_bus_message *m,
                const char *what)
{
        BusService *service = calls->service;
        ParticipantCall *call;
        int r;

        if (is_awaited(calls, participant->address) ||
            take_place(service, participant->address, participant->uid) != 0) {
                r = sd_bus_message_set_expect_reply(m, false);
                if (r >= 0)
                        r = sd_bus_send(NULL, m, NULL);
                if (r >= 0)
                        (void) flow_charge_call(service, participant->address,
                                                LEDGER_MESSAGE_BYTES);
                return r;
        }

        call = call_new(calls, participant);
        call->what = what;
        r = sd_bus_call_async(NULL, &call->slot, m, on_told, call, UINT64_MAX);
        if (r < 0) {
                give_back(service, participant->address, participant->uid);
                call_dispose(call);
                return r;
        }
        call->mark = flow_charge_call(service, call->address, LEDGER_MESSAGE_BYTES);
        g_queue_push_tail_link(&calls->sent, &call->in_calls);
        return 0;
}

/* When it is the bus that has gone, everybody knows. */
static void note_untold(const Participant *participant, const char *what, int r)
{
        if (r < 0 && r != -ENOTCONN)
                log_warning("Cannot send %s to %s: %s", what, participant->address, g_strerror(-r));
}

void participant_calls_commit(ParticipantCalls *calls,
                              const Participant *participant,
                              const char *transaction,
                              uint64_t revision)
{
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = new_message(calls, participant->address, participant->path, "Commit", transaction, &m);
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 't', &revision);
        if (r >= 0)
                r = tell(calls, participant, m, "Commit");
        note_untold(participant, "Commit", r);
}

void participant_calls_abort(ParticipantCalls *calls,
                             const Participant *participant,
                             const char *transaction)
{
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = new_message(calls, participant->address, participant->path, "Abort", transaction, &m);
        if (r >= 0)
                r = tell(calls, participant, m, "Abort");
        note_untold(participant, "Abort", r);
}

static void end_of_address(GQueue *queue, const char *address)
{
        for (GList *l = queue->head, *next; l; l = next) {
                ParticipantCall *call = l->data;

                next = l->next;
                if (strcmp(call->address, address) == 0)
                        end_call(call);
        }
}

void participant_calls_end(ParticipantCalls *calls, const char *address)
{
        end_of_address(&calls->waiting, address);
        end_of_address(&calls->sent, address);
        send_waiting(calls);
}

void participant_calls_add_statistics(const ParticipantCalls *calls, GVariantDict *statistics)
{
        g_variant_dict_insert(statistics, "participant-calls-waiting", "t",
                              (guint64) calls->sent.length);
        g_variant_dict_insert(statistics, "participant-calls-failed", "t", calls->n_failed);
}
