/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Flow control of descriptors
 *
 * Those who have some unread are few: who is refused because of them is not before all of them have been
 * looked at. A connection that took its descriptor and has been idle since would count otherwise until it
 * answers, and a program that uses its channel alone need never do that.
 */

#include "bus/bus-error.h"
#include "bus/caller.h"
#include "bus/channels.h"
#include "bus/flow-parts.h"
#include "util/auto.h"

/* What channels have read is known at once. Whether there are others, of which the bus has to tell. */
static bool look_at_holders(Flow *flow, const Reader *reader, LedgerBound bound)
{
        g_autoptr(GList) holders = g_hash_table_get_keys(ledger_holders(flow->ledger));
        bool has_others = false;

        for (const GList *l = holders; l; l = l->next) {
                Reader *holder = l->data;

                if (!reader_may_hold_up(reader, holder, bound))
                        continue;
                if (reader_is_channel(holder)) {
                        flow_ask_reader(flow, holder);
                        continue;
                }
                receipts_look(flow->receipts, holder);
                has_others = true;
        }

        return has_others;
}

/* With the connection's own answer, the last one asked for, there are all of them. */
static int wait_for_holders(Flow *flow,
                            sd_bus_message *m,
                            sd_bus_message_handler_t handler,
                            sd_bus_error *reterr_bus)
{
        Caller *caller = callers_get(flow->service->callers, m);

        return flow_park(flow, flow_reader_named(flow, caller_on_bus(caller)->name), m, handler,
                         reterr_bus);
}

int flow_admit_descriptors(BusService *service,
                           sd_bus_message *m,
                           sd_bus_message_handler_t handler,
                           uint64_t n,
                           sd_bus_error *reterr_bus)
{
        Flow *flow = service->flow;
        Reader *reader = flow_reader_named(flow, channels_sender(service, m));
        LedgerBound bound;
        bool has_others;
        int r;

        if (reader_may_send_descriptors(reader, n, &bound))
                return 0;

        has_others = look_at_holders(flow, reader, bound);
        if (reader_may_send_descriptors(reader, n, &bound))
                return 0;
        r = has_others ? wait_for_holders(flow, m, handler, reterr_bus) : 0;
        if (r != 0)
                return r;

        flow_ask_again(flow, reader, bound);
        reader->n_refused++;
        flow->n_refused++;
        return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                             "%s file descriptors unread: read them first",
                                             flow_whose(bound)));
}

void flow_charge_descriptors(BusService *service, sd_bus_message *m, uint64_t n)
{
        Reader *reader = flow_reader_named(service->flow, channels_sender(service, m));

        reader_charge(reader, 0, n);
        if (reader_is_due(reader))
                flow_ask_reader(service->flow, reader);
}
