/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Flow control
 *
 * A filter sees each call before anything else does, also those that sd-bus answers by itself. What
 * a reply takes in a message is estimated from the values in it, and never too small.
 *
 * When a uid, or all, have used up half of what they may leave unread, whoever has some of it is
 * asked for a receipt: a connection that reads much less than asks for one of itself must not count
 * for ever.
 */

#include "bus/flow.h"

#include "bus/authorizer.h"
#include "bus/bus-error.h"
#include "bus/call.h"
#include "bus/caller.h"
#include "bus/channels.h"
#include "bus/flow-parts.h"
#include "bus/reads.h"
#include "bus/receipts.h"
#include "bus/watch-withheld.h"
#include "bus/watches.h"
#include "util/auto.h"
#include "util/log.h"

#include <inttypes.h>
#include <string.h>

#define INTROSPECTABLE_INTERFACE "org.freedesktop.DBus.Introspectable"

/* What sd-bus tells of the Manager's members. */
#define INTROSPECTION_BYTES (24 * LIMIT_KIB)

/* How often others are asked because somebody was refused. */
#define SOLICIT_USEC (UINT64_C(100) * 1000)

static Ledger *ledger_of(const Flow *flow, const char *name)
{
        return strchr(name, '/') ? flow->of_channels : flow->ledger;
}

Reader *flow_reader_named(Flow *flow, const char *name)
{
        Ledger *ledger = ledger_of(flow, name);
        Reader *reader = ledger_lookup(ledger, name);
        const Caller *caller;

        if (reader)
                return reader;

        reader = ledger_get(ledger, name);
        caller = callers_find(flow->service->callers, name);
        if (caller && caller->knowledge == CALLER_KNOWN)
                reader_identify(reader, caller->uid);
        return reader;
}

static Reader *reader_of(Flow *flow, sd_bus_message *m)
{
        return flow_reader_named(flow, channels_sender(flow->service, m));
}

/* What a channel has taken shows in its queue. */
void flow_ask_reader(Flow *flow, Reader *reader)
{
        if (reader_is_channel(reader))
                channels_note_sent(callers_find(flow->service->callers, reader->name));
        else
                receipts_ask(flow->receipts, reader);
}

static void solicit(Flow *flow, const Reader *reader)
{
        GHashTableIter iter;
        gpointer other;

        (void) sd_event_now(flow->service->event, CLOCK_MONOTONIC, &flow->solicited_usec);
        g_hash_table_iter_init(&iter, ledger_readers(flow->ledger));
        while (g_hash_table_iter_next(&iter, NULL, &other))
                if (other != reader && reader_may_help(reader, other))
                        receipts_ask(flow->receipts, other);
}

static void charge(Flow *flow, Reader *reader, uint64_t n_bytes)
{
        reader_charge(reader, n_bytes, 0);
        if (reader_is_channel(reader)) {
                channels_note_sent(callers_find(flow->service->callers, reader->name));
                return;
        }
        if (reader_is_due(reader))
                receipts_ask(flow->receipts, reader);
        if (reader_calls_for_receipts(reader, n_bytes))
                solicit(flow, reader);
}

/* Somebody is refused; there may be news of those who are to blame. */
void flow_ask_again(Flow *flow, Reader *reader, LedgerBound bound)
{
        uint64_t now_usec = 0;

        flow_ask_reader(flow, reader);
        if (bound == LEDGER_BOUND_CONNECTION || reader_is_channel(reader))
                return;

        (void) sd_event_now(flow->service->event, CLOCK_MONOTONIC, &now_usec);
        if (now_usec - flow->solicited_usec >= SOLICIT_USEC)
                solicit(flow, reader);
}

const char *flow_whose(LedgerBound bound)
{
        switch (bound) {
        case LEDGER_BOUND_UID:
                return "The connections of this user have";
        case LEDGER_BOUND_ALL:
                return "All connections together have";
        case LEDGER_BOUND_CONNECTION:
        case LEDGER_BOUND_NONE:
                break;
        }

        return "This connection has";
}

static uint64_t unread_within(const Reader *reader, LedgerBound bound)
{
        switch (bound) {
        case LEDGER_BOUND_UID:
                return reader_uid_unread(reader);
        case LEDGER_BOUND_ALL:
                return ledger_unread(reader->ledger).n_bytes;
        case LEDGER_BOUND_CONNECTION:
        case LEDGER_BOUND_NONE:
                break;
        }

        return reader_unread(reader).n_bytes;
}

static int refuse(Flow *flow, Reader *reader, LedgerBound bound, sd_bus_error *reterr_bus)
{
        if (reader->n_refused == 0 && bound == LEDGER_BOUND_CONNECTION)
                log_notice("%s does not read what it asks for: refused until it does",
                           reader->name);
        reader->n_refused++;
        flow->n_refused++;
        return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                             "%s %" PRIu64
                                             " bytes of replies unread: read them first",
                                             flow_whose(bound), unread_within(reader, bound)));
}

static int refuse_call(Flow *flow, Reader *reader, sd_bus_message *m, LedgerBound bound)
{
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
        int r;

        (void) refuse(flow, reader, bound, &error);
        charge(flow, reader, LEDGER_MESSAGE_BYTES);
        flow_ask_again(flow, reader, bound);
        r = sd_bus_reply_method_error(m, &error);
        return r < 0 ? r : 1;
}

static uint64_t reply_bytes_at_least(sd_bus_message *m)
{
        return sd_bus_message_is_method_call(m, INTROSPECTABLE_INTERFACE, NULL)
                       ? LEDGER_MESSAGE_BYTES + INTROSPECTION_BYTES
                       : LEDGER_MESSAGE_BYTES;
}

/* Of what is not for a handler to see any more, 1. */
static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        Flow *flow = userdata;
        LedgerBound bound;
        Reader *reader;

        if (!sd_bus_message_is_method_call(m, NULL, NULL))
                return 0;
        if (sd_bus_message_get_expect_reply(m) <= 0)
                return reads_has(m);
        if (!channels_sender(flow->service, m))
                return 0;

        reader = reader_of(flow, m);
        if (!reader->is_identified && reader_unread(reader).n_bytes > LEDGER_UNIDENTIFIED_BYTES)
                (void) callers_get(flow->service->callers, m);

        switch (reader_standing(reader, &bound)) {
        case READER_SERVED:
                charge(flow, reader, reply_bytes_at_least(m));
                return 0;
        case READER_REFUSED:
                return refuse_call(flow, reader, m, bound);
        case READER_UNANSWERED:
                reader->n_unanswered++;
                flow->n_unanswered++;
                flow_ask_again(flow, reader, bound);
                return 1;
        }

        g_assert_not_reached();
}

static void on_read(void *userdata, const Reader *reader)
{
        const Flow *flow = userdata;

        watch_withheld_note_read(flow->service, reader->name);
}

int flow_new(Flow **ret_flow, BusService *service)
{
        g_autoptr(Flow) flow = g_new(Flow, 1);

        *flow = (Flow){
                .service = service,
                .ledger = ledger_new(service->limits, state_accounts(service->state),
                                     receipts_forget),
                .receipts = receipts_new(service->bus, service->limits, service->outgoing),
        };
        flow->of_channels = ledger_new_of_channels(flow->ledger);

        receipts_set_on_read(flow->receipts, on_read, flow);
        *ret_flow = g_steal_pointer(&flow);
        return 0;
}

int flow_export(BusService *service, sd_bus *bus)
{
        sd_bus_slot *slot;
        int r;

        r = sd_bus_add_filter(bus, &slot, on_message, service->flow);
        if (r < 0)
                return r;

        bus_service_keep_slot(service, slot);
        return 0;
}

Flow *flow_free(Flow *flow)
{
        if (!flow)
                return NULL;

        ledger_free(flow->of_channels);
        ledger_free(flow->ledger);
        receipts_free(flow->receipts);
        g_free(flow);
        return NULL;
}

int flow_park(Flow *flow,
              Reader *reader,
              sd_bus_message *m,
              sd_bus_message_handler_t handler,
              sd_bus_error *reterr_bus)
{
        Call *entered = call_entered(flow->service, m), *call;
        int r;

        if (reader_is_channel(reader) || (entered && entered->has_looked))
                return 0;

        r = call_get(&call, flow->service, m, handler, 0, reterr_bus);
        if (r < 0)
                return r;

        if (receipts_park(flow->receipts, reader, call)) {
                call_park(call);
                return CALL_E_PARKED;
        }
        if (call != entered)
                call_free(call);
        return 0;
}

int flow_admit(BusService *service,
               sd_bus_message *m,
               sd_bus_message_handler_t handler,
               uint64_t n_bytes,
               uint64_t *ret_room,
               sd_bus_error *reterr_bus)
{
        Flow *flow = service->flow;
        Reader *reader = reader_of(flow, m);
        LedgerBound bound;
        Caller *caller;
        int r;

        *ret_room = UINT64_MAX;
        if (n_bytes <= LEDGER_SMALL_BYTES)
                return 0;

        if (!reader->is_identified &&
            n_bytes + reader_unread(reader).n_bytes > LEDGER_UNIDENTIFIED_BYTES) {
                r = authorizer_identify(service, m, handler, 0, &caller, reterr_bus);
                if (r != 0)
                        return r;
        }

        *ret_room = reader_room(reader, &bound);
        if (*ret_room >= n_bytes)
                return 0;

        r = flow_park(flow, reader, m, handler, reterr_bus);
        if (r != 0)
                return r;
        if (*ret_room <= LEDGER_SMALL_BYTES)
                return flow_refuse(service, m, reterr_bus);
        return 0;
}

int flow_refuse(const BusService *service, sd_bus_message *m, sd_bus_error *reterr_bus)
{
        Flow *flow = service->flow;
        Reader *reader = reader_of(flow, m);
        LedgerBound bound;

        (void) reader_room(reader, &bound);
        flow_ask_again(flow, reader, bound);
        return refuse(flow, reader, bound, reterr_bus);
}

void flow_charge(BusService *service, sd_bus_message *m, uint64_t n_bytes)
{
        if (n_bytes > LEDGER_MESSAGE_BYTES && sd_bus_message_get_expect_reply(m) > 0)
                charge(service->flow, reader_of(service->flow, m), n_bytes - LEDGER_MESSAGE_BYTES);
}

int flow_admit_all(BusService *service,
                   sd_bus_message *m,
                   sd_bus_message_handler_t handler,
                   uint64_t n_bytes,
                   sd_bus_error *reterr_bus)
{
        uint64_t n_room;
        int r;

        r = flow_admit(service, m, handler, n_bytes, &n_room, reterr_bus);
        if (r != 0)
                return r;
        return n_room < n_bytes ? flow_refuse(service, m, reterr_bus) : 0;
}

int flow_new_reply(BusService *service,
                   sd_bus_message *m,
                   sd_bus_message_handler_t handler,
                   uint64_t n_bytes,
                   sd_bus_message **ret_reply,
                   sd_bus_error *reterr_bus)
{
        int r;

        r = flow_admit_all(service, m, handler, n_bytes, reterr_bus);
        if (r != 0)
                return r;
        r = sd_bus_message_new_method_return(m, ret_reply);
        return r < 0 ? r : 0;
}

int flow_send(BusService *service, sd_bus_message *m, sd_bus_message *reply, uint64_t n_bytes)
{
        int r;

        r = sd_bus_send(NULL, reply, NULL);
        if (r < 0)
                return r;

        flow_charge(service, m, n_bytes); /* behind it, so that a receipt is for it, too */
        return r;
}

uint64_t flow_room(BusService *service, const char *name, bool *ret_is_own)
{
        Reader *reader = flow_reader_named(service->flow, name);
        LedgerBound bound;
        uint64_t n_room = reader_room(reader, &bound);

        *ret_is_own = bound == LEDGER_BOUND_CONNECTION;
        return n_room;
}

LedgerMark flow_charge_call(BusService *service, const char *name, uint64_t n_bytes)
{
        Reader *reader = flow_reader_named(service->flow, name);

        charge(service->flow, reader, n_bytes);
        return reader->sent;
}

void flow_confirm(BusService *service, const char *name, LedgerMark mark)
{
        Reader *reader = ledger_lookup(ledger_of(service->flow, name), name);

        if (reader)
                reader_confirm(reader, mark, (LedgerMark){});
}

bool flow_admit_signal(const BusService *service, const Caller *caller, uint64_t n_bytes)
{
        Reader *reader = flow_reader_named(service->flow, caller->name);
        LedgerBound bound;

        if (reader_room(reader, &bound) >= n_bytes + LEDGER_MESSAGE_BYTES)
                return true;

        flow_ask_again(service->flow, reader, bound);
        return false;
}

void flow_charge_signal(const BusService *service, const Caller *caller, uint64_t n_bytes)
{
        charge(service->flow, flow_reader_named(service->flow, caller->name), n_bytes);
}

bool flow_serves(const BusService *service, const Caller *caller)
{
        const Reader *reader = ledger_lookup(ledger_of(service->flow, caller->name), caller->name);

        return !reader || reader_standing(reader, NULL) == READER_SERVED;
}

bool flow_may_go_on(const BusService *service, const Caller *caller)
{
        const Reader *reader = flow_reader_named(service->flow, caller->name);

        return reader_room(reader, NULL) >= service->limits->receipt_bytes;
}

void flow_ask(const BusService *service, const Caller *caller)
{
        flow_ask_reader(service->flow, flow_reader_named(service->flow, caller->name));
}

bool flow_note_taken(const BusService *service, const Caller *caller)
{
        Reader *reader = ledger_lookup(service->flow->of_channels, caller->name);
        const Watcher *watcher = watches_watcher(service->watches, caller->name);
        LedgerMark left = {};

        /* In flight they count against regentd's uid, wherever they lie: ETOOMANYREFS in unix(7). */
        if (reader && reader_unread(reader).n_descriptors > 0 && !channel_is_read(caller->channel))
                left.n_descriptors = reader_unread(reader).n_descriptors;
        if (reader)
                reader_confirm(reader, reader->sent, left);
        return watcher && watcher->is_withheld && flow_may_go_on(service, caller);
}

void flow_go_on(BusService *service, const Caller *caller)
{
        watch_withheld_note_read(service, caller->name);
}

uint64_t flow_unread(const Flow *flow)
{
        return ledger_unread(flow->ledger).n_bytes;
}

void flow_identify(Flow *flow, const char *name, uint32_t uid)
{
        Reader *reader = ledger_lookup(flow->ledger, name);

        if (reader)
                reader_identify(reader, uid);
}

void flow_forget(Flow *flow, const char *name)
{
        ledger_forget(ledger_of(flow, name), name);
}
