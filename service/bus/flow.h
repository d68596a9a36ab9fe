/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Flow control
 *
 * Bounds what a connection may leave unread. Every call that wants an answer passes here before
 * its handler: it is charged for a small reply, refused when its connection or its uid has too much
 * unread, and not even answered when it goes on nevertheless. A handler whose reply may be larger
 * asks with flow_admit() before it does the work, and sends it with flow_send(). What was done is
 * always told: the reply to a write is never refused.
 */

#include "bus/bus-service.h"
#include "bus/caller.h"
#include "bus/ledger.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

int flow_new(Flow **ret_flow, BusService *service);
Flow *flow_free(Flow *flow);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Flow, flow_free)

/* Has all calls that come on @bus pass here. */
int flow_export(BusService *service, sd_bus *bus);

/*
 * Asks for a reply to @m of @n_bytes at most. 0, and it may have *ret_room, which is at least that
 * or all that is left: a builder stops there with flow_refuse(). CALL_E_PARKED: the handler returns
 * that at once and will be entered again. A negative errno: refused.
 */
int flow_admit(BusService *service,
               sd_bus_message *m,
               sd_bus_message_handler_t handler,
               uint64_t n_bytes,
               uint64_t *ret_room,
               sd_bus_error *reterr_bus);

/* LimitsExceeded: @m's connection, or others of its uid, must read first. */
int flow_refuse(const BusService *service, sd_bus_message *m, sd_bus_error *reterr_bus);

/* The same where all of it is needed: 0, CALL_E_PARKED, or refused. */
int flow_admit_all(BusService *service,
                   sd_bus_message *m,
                   sd_bus_message_handler_t handler,
                   uint64_t n_bytes,
                   sd_bus_error *reterr_bus);

/* And makes the reply, for flow_send(). */
int flow_new_reply(BusService *service,
                   sd_bus_message *m,
                   sd_bus_message_handler_t handler,
                   uint64_t n_bytes,
                   sd_bus_message **ret_reply,
                   sd_bus_error *reterr_bus);

/* Sends the @reply to @m and charges what it has beyond a small one. */
int flow_send(BusService *service, sd_bus_message *m, sd_bus_message *reply, uint64_t n_bytes);

/* Charges that alone, for a reply that is sent otherwise. */
void flow_charge(BusService *service, sd_bus_message *m, uint64_t n_bytes);

/* The same for @n file descriptors: 0, CALL_E_PARKED, or refused; and what to call once they have been sent. */
int flow_admit_descriptors(BusService *service,
                           sd_bus_message *m,
                           sd_bus_message_handler_t handler,
                           uint64_t n,
                           sd_bus_error *reterr_bus);
void flow_charge_descriptors(BusService *service, sd_bus_message *m, uint64_t n);

/*
 * For calls to a connection: how large one may be, and whether it is its own fault that it
 * may not be larger; what has been sent, and the mark behind it; and that it has read as far as that.
 */
uint64_t flow_room(BusService *service, const char *name, bool *ret_is_own);
LedgerMark flow_charge_call(BusService *service, const char *name, uint64_t n_bytes);
void flow_confirm(BusService *service, const char *name, LedgerMark mark);

/*
 * A signal to @caller alone, of @n_bytes: whether it may be sent, in which case it is charged once it
 * has been; else it is asked how far it has read, and bus/watch-withheld.c is told when it has.
 */
bool flow_admit_signal(const BusService *service, const Caller *caller, uint64_t n_bytes);
void flow_charge_signal(const BusService *service, const Caller *caller, uint64_t n_bytes);

/* Whether calls of @caller are served, and not refused until it has read more. */
bool flow_serves(const BusService *service, const Caller *caller);

/* Whether it has read so much that it is worth going on. */
bool flow_may_go_on(const BusService *service, const Caller *caller);

/* Asks it how far it has read. */
void flow_ask(const BusService *service, const Caller *caller);

/* @caller, a channel, has taken all that was sent to it: whether flow_go_on() is to be called, soon. */
bool flow_note_taken(const BusService *service, const Caller *caller);

/* Tells it that it has missed something. */
void flow_go_on(BusService *service, const Caller *caller);

/* Bytes that all connections of the bus have unread. */
uint64_t flow_unread(const Flow *flow);

/* From bus/caller.c: whose a connection is, and that it has left. */
void flow_identify(Flow *flow, const char *name, uint32_t uid);
void flow_forget(Flow *flow, const char *name);

/* Inserts the numbers of the whole service. */
void flow_add_statistics(const BusService *service, GVariantDict *statistics);

/* An a{sv}, floating: each connection's unique name with an a{sv} of its numbers. */
GVariant *flow_connections(const BusService *service);
