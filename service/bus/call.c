/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Call
 */

#include "bus/call.h"

#include "bus/backup.h"
#include "bus/bus-error.h"
#include "bus/bus-service.h"
#include "bus/caller.h"
#include "bus/channels.h"
#include "bus/good.h"
#include "bus/open-view.h"
#include "bus/polkit.h"
#include "bus/quick-call.h"
#include "bus/receipts.h"
#include "util/auto.h"
#include "util/log.h"

#include <inttypes.h>

Call *call_entered(BusService *service, sd_bus_message *m)
{
        return service->entering && service->entering->message == m ? service->entering : NULL;
}

static int refuse_more(sd_bus_error *reterr_bus,
                       const char *whose,
                       uint64_t n_calls,
                       uint64_t n_bytes)
{
        return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                             "%s has too much waiting already: %" PRIu64
                                             " calls, %" PRIu64 " bytes",
                                             whose, n_calls, n_bytes));
}

static bool connection_may_charge(const Call *call, uint64_t n_calls, uint64_t n_bytes)
{
        const Limits *limits = call->service->limits;
        const Caller *caller = call->caller;

        return caller->n_calls + n_calls <= limits->connection_calls &&
               n_bytes <= limits->connection_call_bytes &&
               caller->n_call_bytes <= limits->connection_call_bytes - n_bytes;
}

static int charge_connection(Call *call,
                             uint64_t n_calls,
                             uint64_t n_bytes,
                             sd_bus_error *reterr_bus)
{
        Caller *caller = call->caller;

        if (!connection_may_charge(call, n_calls, n_bytes))
                return refuse_more(reterr_bus, "This connection", caller->n_calls,
                                   caller->n_call_bytes);

        caller->n_calls += n_calls;
        caller->n_call_bytes += n_bytes;
        call->n_calls += n_calls;
        call->n_bytes += n_bytes;
        return 0;
}

/* Charges to the uid, once it is known, what is charged to the connection. */
static int charge_uid(Call *call, sd_bus_error *reterr_bus)
{
        Accounts *accounts = state_accounts(call->service->state);
        const Limits *limits = call->service->limits;
        uint64_t n_calls = call->n_calls - call->n_uid_calls;
        uint64_t n_bytes = call->n_bytes - call->n_uid_bytes;
        uint32_t uid = call->caller->uid;

        if (call->caller->knowledge != CALLER_KNOWN)
                return 0;

        if (!accounts_may_charge(accounts, uid, ACCOUNT_CALLS, n_calls, limits->uid_calls) ||
            !accounts_may_charge(accounts, uid, ACCOUNT_CALL_BYTES, n_bytes,
                                 limits->uid_call_bytes))
                return refuse_more(reterr_bus, "This user",
                                   accounts_get(accounts, uid, ACCOUNT_CALLS),
                                   accounts_get(accounts, uid, ACCOUNT_CALL_BYTES));

        accounts_charge(accounts, uid, ACCOUNT_CALLS, n_calls);
        accounts_charge(accounts, uid, ACCOUNT_CALL_BYTES, n_bytes);
        call->charged_uid = uid;
        call->n_uid_calls = call->n_calls;
        call->n_uid_bytes = call->n_bytes;
        return 0;
}

static int charge(Call *call, uint64_t n_calls, uint64_t n_bytes, sd_bus_error *reterr_bus)
{
        int r;

        r = charge_connection(call, n_calls, n_bytes, reterr_bus);
        if (r < 0)
                return r;

        return charge_uid(call, reterr_bus);
}

static Call *call_new(BusService *service,
                      Caller *caller,
                      sd_bus_message *m,
                      sd_bus_message_handler_t handler)
{
        Call *call = g_new(Call, 1);

        *call = (Call){
                .service = service,
                .message = sd_bus_message_ref(m),
                .handler = handler,
                .caller = caller,
        };
        call->in_caller.data = call;
        call->in_receipt.data = call;
        g_queue_push_tail_link(&call->caller->calls, &call->in_caller);
        return call;
}

int call_get(Call **ret_call,
             BusService *service,
             sd_bus_message *m,
             sd_bus_message_handler_t handler,
             uint64_t n_bytes,
             sd_bus_error *reterr_bus)
{
        g_autoptr(Call) call = NULL;
        Call *entered = call_entered(service, m);
        int r;

        if (entered) {
                *ret_call = entered;
                return charge(entered, 0, n_bytes - MIN(n_bytes, entered->n_bytes), reterr_bus);
        }

        call = call_new(service, callers_get(service->callers, m), m, handler);
        r = charge(call, 1, n_bytes, reterr_bus);
        if (r < 0)
                return r;

        *ret_call = g_steal_pointer(&call);
        return 0;
}

Call *call_new_quick(Caller *caller, uint64_t n_bytes)
{
        g_autoptr(Call) call = call_new(caller->service, caller, NULL, NULL);
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;

        return charge(call, 1, n_bytes, &error) < 0 ? NULL : g_steal_pointer(&call);
}

int call_require_message(Call *call)
{
        return call->message ? 0 : quick_call_message(call, &call->message);
}

void call_park(Call *call)
{
        call->is_waiting = true;
        call->service->parked = call;
}

void call_enter(Call *call)
{
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;
        BusService *service = call->service;
        int r;

        g_assert(!service->entering);

        call->is_waiting = false;
        r = call_require_message(call);
        if (r >= 0)
                r = sd_bus_message_rewind(call->message, true);
        if (r >= 0)
                r = charge_uid(call, &error);
        if (r >= 0) {
                service->entering = call;
                r = call->handler(call->message, service, &error);
                service->entering = NULL;
        }

        if (r < 0) {
                r = sd_bus_reply_method_errno(call->message, r, &error);
                if (r < 0)
                        log_warning("Cannot answer a call: %s", g_strerror(-r));
        }
        if (!call->is_waiting)
                call_free(call);
}

Call *call_free(Call *call)
{
        if (!call)
                return NULL;

        if (call->check)
                polkit_abandon(call->check);
        if (call->reservation)
                pipeline_cancel(call->reservation);
        receipts_unpark(call);
        good_job_release(call->job);
        backup_job_release(call->backup);
        view_wait_release(call->view_wait);
        if (call->n_uid_calls > 0) {
                Accounts *accounts = state_accounts(call->service->state);

                accounts_discharge(accounts, call->charged_uid, ACCOUNT_CALL_BYTES,
                                   call->n_uid_bytes);
                accounts_discharge(accounts, call->charged_uid, ACCOUNT_CALLS, call->n_uid_calls);
        }
        if (call->caller) {
                channels_note_sent(call->caller);
                call->caller->n_calls -= call->n_calls;
                call->caller->n_call_bytes -= call->n_bytes;
                g_queue_unlink(&call->caller->calls, &call->in_caller);
        }
        g_clear_pointer(&call->granted, g_ptr_array_unref);
        g_free(call->question);
        sd_bus_message_unref(call->message);
        g_free(call->quick);
        g_free(call);
        return NULL;
}
