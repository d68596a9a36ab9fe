/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Parts of flow control
 *
 * For bus/flow.c and its neighbours alone.
 */

#include "bus/flow.h"
#include "bus/receipts.h"

struct Flow {
        BusService *service;
        Ledger *ledger, *of_channels;
        Receipts *receipts;
        uint64_t solicited_usec;
        uint64_t n_refused, n_unanswered;
};

/* Of a connection or a channel. */
Reader *flow_reader_named(Flow *flow, const char *name);

/* Asks it how far it has read. */
void flow_ask_reader(Flow *flow, Reader *reader);

/* Somebody is refused; there may be news of those who are to blame. */
void flow_ask_again(Flow *flow, Reader *reader, LedgerBound bound);

/* For the beginning of a refusal. */
const char *flow_whose(LedgerBound bound);

/*
 * Has @m entered again, once, when the bus has told what it has queued for @reader, and whatever it was
 * asked before: that may have been read since it was sent. CALL_E_PARKED, or 0: there is nothing to wait for.
 */
int flow_park(Flow *flow,
              Reader *reader,
              sd_bus_message *m,
              sd_bus_message_handler_t handler,
              sd_bus_error *reterr_bus);
