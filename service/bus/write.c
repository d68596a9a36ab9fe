/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Write
 */

#include "bus/write.h"

#include "bus/bus-error.h"
#include "bus/caller.h"
#include "bus/flow.h"
#include "bus/held-values.h"
#include "bus/object-path.h"
#include "util/auto.h"
#include "util/log.h"

#include <errno.h>

/* Reading values is the dearest part of a call; who may not write, as far as is known, gets little. */
static size_t n_elements_allowed(BusService *service,
                                 sd_bus_message *m,
                                 const WriteMethod *method,
                                 const char *name)
{
        const AuthorizerQuestion question = {
                .action = method->action,
                .name = name ? name : "",
                .verb = method->verb,
        };

        return authorizer_knows_yes(service, m, &question) ? LIMIT_COMMIT_ELEMENTS
                                                           : LIMIT_UNSURE_ELEMENTS;
}

static int check_namespace(BusService *service,
                           sd_bus_message *m,
                           const WriteMethod *method,
                           const ChangeSet *set,
                           const Caller *caller,
                           NamespaceWish *wish,
                           sd_bus_error *reterr_bus)
{
        const AuthorizerQuestion question = {
                .action = method->action,
                .name = wish->name,
                .verb = method->verb,
                .is_owner_sufficient =
                        method->is_owners_right && method->is_owners_right(set, caller),
                .n_bytes = set->n_message_bytes,
        };
        g_autofree char *text = NULL;
        Namespace *ns;
        int r;

        r = authorizer_check(service, m, method->handler, &question, &ns, reterr_bus);
        if (r != 0)
                return r;

        if (ns) {
                wish->created_revision = ns->created_revision;
                wish->access_revision = ns->access_revision;
        } else if (set->kind != CHANGE_SET_CREATE_NAMESPACE) {
                text = g_strdup_printf("There is no namespace '%s'", wish->name);
                return bus_refused(bus_error_set(reterr_bus, CORE_E_NO_SUCH_NAMESPACE, text));
        }
        return 0;
}

static int authorize(BusService *service,
                     sd_bus_message *m,
                     const WriteMethod *method,
                     const ChangeSet *set,
                     const Caller *caller,
                     sd_bus_error *reterr_bus)
{
        for (guint i = 0; i < set->namespaces->len; i++) {
                int r = check_namespace(service, m, method, set, caller, set->namespaces->pdata[i],
                                        reterr_bus);

                if (r == CALL_E_PARKED && !service->parked->reservation)
                        service->parked->reservation = pipeline_reserve(caller->origin, set);
                if (r != 0)
                        return r;
        }

        return 0;
}

/* What a dry run would change is told by key: never more than is in the message. */
static int admit_reply(BusService *service,
                       sd_bus_message *m,
                       const WriteMethod *method,
                       const ChangeSet *set,
                       const Caller *caller,
                       sd_bus_error *reterr_bus)
{
        int r;

        if (!(set->flags & CHANGE_SET_DRY_RUN))
                return 0;

        r = flow_admit_all(service, m, method->handler, set->n_message_bytes, reterr_bus);
        if (r == CALL_E_PARKED && !service->parked->reservation)
                service->parked->reservation = pipeline_reserve(caller->origin, set);
        if (r != 0)
                return r;

        flow_charge(service, m, set->n_message_bytes);
        return 0;
}

static int send_reply(const Call *call, const Settlement *settlement)
{
        g_autoptr(sd_bus_message) reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call->message, &reply);
        if (r < 0)
                return r;

        r = call->append_reply ? call->append_reply(reply, settlement) : 0;
        if (r < 0)
                return r;

        return sd_bus_send(NULL, reply, NULL);
}

static int send_error(const Call *call, int outcome, const char *text)
{
        g_auto(sd_bus_error) error = SD_BUS_ERROR_NULL;

        (void) bus_error_set(&error, outcome, text);
        return sd_bus_reply_method_error(call->message, &error);
}

static int answer(Call *call, const Settlement *settlement)
{
        int r;

        r = call_require_message(call);
        if (r < 0)
                return r;
        return settlement->outcome == 0 ? send_reply(call, settlement)
                                        : send_error(call, settlement->outcome, settlement->text);
}

void write_settled(Call *settled, const Settlement *settlement)
{
        g_autoptr(Call) call = settled;
        int r;

        if (!call->caller || settlement->outcome == -ECANCELED)
                return; /* nobody is there to be answered */

        /* What comes on a channel is in no order with what comes on the bus. */
        if (!call->caller->channel)
                held_values_send(call->service->held_values);
        r = answer(call, settlement);
        if (r < 0)
                log_warning("Cannot answer a call: %s", g_strerror(-r));
}

static void on_settled(void *userdata, const Settlement *settlement)
{
        write_settled(userdata, settlement);
}

int write_submit(BusService *service,
                 sd_bus_message *m,
                 const WriteMethod *method,
                 ChangeSet *set,
                 sd_bus_error *reterr_bus)
{
        g_autoptr(ChangeSet) owned = set;
        Call *call;
        int r;

        if (pipeline_origin_owes(callers_get(service->callers, m)->origin))
                return bus_refused(bus_error_set(reterr_bus, CORE_E_BUSY,
                                                 "This connection is asked about a change itself: "
                                                 "it has to answer that first"));

        r = call_get(&call, service, m, method->handler, set->n_message_bytes, reterr_bus);
        if (r < 0)
                return r;

        call->append_reply = method->append_reply;
        call->is_waiting = true;
        call->is_submitted = true;
        pipeline_submit(call->caller->origin, g_steal_pointer(&call->reservation),
                        g_steal_pointer(&owned), on_settled, call);
        return CALL_E_PARKED;
}

int write_run(BusService *service,
              sd_bus_message *m,
              const WriteMethod *method,
              sd_bus_error *reterr_bus)
{
        g_autofree char *name = object_path_to_name(sd_bus_message_get_path(m));
        g_autoptr(ChangeSet) set = change_set_new(method->kind);
        g_auto(ChangeReader) reader = {};
        Caller *caller;
        int r;

        set->flags = method->flags;
        change_reader_init(&reader, set, service->limits);
        r = name ? change_reader_begin(&reader, name, reterr_bus) : 0;
        if (r < 0)
                return r;

        /* No place need be kept: all calls of a caller wait for this, and go on in their order. */
        r = authorizer_identify(service, m, method->handler, 0, &caller, reterr_bus);
        if (r != 0)
                return r;

        set->writer_uid = caller->uid;
        reader.caller = caller;
        reader.n_elements = n_elements_allowed(service, m, method, name);
        r = method->read ? method->read(&reader, m, reterr_bus) : 0;
        if (r < 0)
                return r;

        r = authorize(service, m, method, set, caller, reterr_bus);
        if (r != 0)
                return r;

        r = admit_reply(service, m, method, set, caller, reterr_bus);
        if (r != 0)
                return r;

        return write_submit(service, m, method, g_steal_pointer(&set), reterr_bus);
}

void write_reconsider(Call *call, Request *reservation)
{
        g_clear_pointer(&call->granted, g_ptr_array_unref);
        g_clear_pointer(&call->question, g_free);
        call->reservation = reservation;
        call->is_submitted = false;
        call_enter(call);
}

int write_reply_revision(sd_bus_message *reply, const Settlement *settlement)
{
        return sd_bus_message_append(reply, "t", settlement->revision);
}
