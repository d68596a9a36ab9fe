/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bus
 *
 * The connection to regentd and calls over it. Each call has a time-out, asks for a password when one
 * is needed and a person is there to give it, ends at SIGINT or SIGTERM, and fails with a Failure
 * that says what to do next.
 */

#include "client/regent.h"
#include "failure.h"
#include "interrupt.h"
#include "options.h"

typedef struct Bus Bus;
typedef struct BusCall BusCall;

typedef enum BusUse {
        BUS_FEW_CALLS,
        BUS_MANY_CALLS, /* for which a channel to regentd is made, without the bus between */
} BusUse;

/* Connects as @options say: --address, --host (by ssh, as busctl does), or the system bus. @options and @interrupt stay borrowed. */
gboolean bus_open(
        const Options *options, Interrupt *interrupt, BusUse use, Bus **ret_bus, Failure **reterr);
Bus *bus_free(Bus *bus);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bus, bus_free)

/* @arguments is consumed if floating. @ret may be NULL. @ret_type is of the reply, checked. */
gboolean bus_call_manager(Bus *bus,
                          const char *method,
                          GVariant *arguments,
                          const char *ret_type,
                          GVariant **ret,
                          Failure **reterr);
/* The same of a reply with one descriptor, which is to be closed. */
gboolean bus_call_manager_for_fd(Bus *bus,
                                 const char *method,
                                 GVariant *arguments,
                                 const char *ret_type,
                                 GVariant **ret,
                                 int *ret_fd,
                                 Failure **reterr);
gboolean bus_call_namespace(Bus *bus,
                            const char *ns_name,
                            const char *method,
                            GVariant *arguments,
                            const char *ret_type,
                            GVariant **ret,
                            Failure **reterr);

/*
 * The same in two halves, so that several calls can be under way: bus_start_…() sends, bus_finish() waits, gives the
 * reply and frees. With a name that is no namespace's, bus_finish() fails. When a password is asked for, the call is
 * sent once more, after all others that were started meanwhile; who minds has one call at a time.
 */
BusCall *bus_start_manager(Bus *bus, const char *method, GVariant *arguments, const char *ret_type);
BusCall *bus_start_namespace(Bus *bus,
                             const char *ns_name,
                             const char *method,
                             GVariant *arguments,
                             const char *ret_type);
gboolean bus_finish(BusCall *started, GVariant **ret, Failure **reterr);

/* Waits for nothing and frees. */
BusCall *bus_call_drop(BusCall *call);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BusCall, bus_call_drop)

/* All properties of the interface at the object of @ns_name, or of the Manager with NULL: an a{sv}. */
BusCall *bus_start_get_properties(Bus *bus, const char *ns_name); /* reply: (a{sv}) */
gboolean bus_get_properties(Bus *bus, const char *ns_name, GVariant **ret, Failure **reterr);

/* For who follows something. */
Regent *bus_regent(Bus *bus);

/* Whether the bus has let us in, and has not closed the connection since. */
bool bus_is_connected(const Bus *bus);

/* Runs the main loop until *@is_done; fails with EXIT_INTERRUPTED, and after the deadline, 0 for none, with EXIT_TIMEOUT. */
gboolean bus_wait(Bus *bus, const bool *is_done, Failure **reterr);
gboolean bus_wait_until(Bus *bus, const bool *is_done, int64_t deadline_usec, Failure **reterr);

/* Of something that begins now. */
int64_t bus_deadline_usec(const Bus *bus);

/* For calls of others: whether what failed is worth another try, for which somebody can be asked for a password now. */
bool bus_ask_password(Bus *bus, const Failure *failure);

/* What to do about the failure of a call; it may call regentd. @ns_name: NULL for the manager. */
void bus_hint(Bus *bus, Failure *failure, const char *ns_name, const char *method);
