/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Call
 *
 * A method call that could not be answered at once: it waits for the caller's credentials, for
 * polkit, or for its commit. Calls that are answered at once have none.
 *
 *   parked     the handler returned CALL_E_PARKED; when what it waits for is there, the handler is
 *              entered again from its beginning, and looks everything up afresh
 *   submitted  its change set is with the pipeline; it is answered when that settles
 *
 * What waits is charged to its connection and, once that is known, to its uid.
 */

#include "core/pipeline.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

typedef struct BackupJob BackupJob;
typedef struct BusService BusService;
typedef struct Call Call;
typedef struct Caller Caller;
typedef struct GoodJob GoodJob;
typedef struct PolkitCheck PolkitCheck;
typedef struct QuickCall QuickCall;
typedef struct Receipt Receipt;
typedef struct ViewWait ViewWait;

enum {
        CALL_E_PARKED = 1, /* it will be answered later; to sd-bus it means just that */
};

struct Call {
        BusService *service;
        sd_bus_message *message; /* NULL: it is quick, and none was made of it yet */
        QuickCall *quick;        /* owned, or NULL; see bus/quick-call.h */
        sd_bus_message_handler_t handler;
        Caller *caller; /* NULL once it has left the bus */
        GList in_caller;
        Request *reservation; /* its place in the order of writes, while it is parked */
        GoodJob *job;         /* what is done for it in the background */
        BackupJob *backup;    /* likewise */
        ViewWait *view_wait;  /* it waits for a view */
        PolkitCheck *check;   /* the question it waits for */
        Receipt *receipt;     /* it waits for what its connection has read */
        GList in_receipt;
        bool has_looked;      /* it has waited for that */
        GPtrArray *granted;   /* questions polkit said yes to, for this call */
        char *question;       /* the last one put to polkit; see bus/authorizer.c */
        uint64_t generation;  /* of polkit's rules at that time */
        int verdict;          /* what it said to it: PolkitVerdict */
        bool was_interactive; /* polkit was allowed to ask somebody */
        bool is_waiting;      /* parked or submitted */
        bool is_submitted;
        /* what is charged to the connection, and of that to the uid */
        uint64_t n_calls, n_bytes;
        uint64_t n_uid_calls, n_uid_bytes;
        uint32_t charged_uid;
        int (*append_reply)(sd_bus_message *reply, const Settlement *settlement); /* or NULL */
};

/* The call that @m is being entered again for; NULL the first time. */
Call *call_entered(BusService *service, sd_bus_message *m);

/*
 * The Call of @m, made when there is none, charged @n_bytes at least. A negative errno with
 * @reterr_bus when its caller has too much waiting already.
 */
int call_get(Call **ret_call,
             BusService *service,
             sd_bus_message *m,
             sd_bus_message_handler_t handler,
             uint64_t n_bytes,
             sd_bus_error *reterr_bus);

/* One that has come on a channel, without a message. NULL when @caller has too much waiting already. */
Call *call_new_quick(Caller *caller, uint64_t n_bytes);

/* Makes the message of one that has none. */
int call_require_message(Call *call);

/* The handler returns CALL_E_PARKED. */
void call_park(Call *call);

/* Enters the handler again. Ends the call unless that parks or submits it. */
void call_enter(Call *call);

/* Ends it without an answer, because it has one or because its caller is gone. */
Call *call_free(Call *call);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Call, call_free)
