/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Write
 */

#include "bus/write.h"

#include "bus/bus-error.h"
#include "bus/caller.h"
#include "util/auto.h"
#include "util/log.h"

#include <errno.h>

int write_begin(BusService *service,
                sd_bus_message *m,
                sd_bus_message_handler_t handler,
                const WriteQuestion *question,
                const char *name,
                size_t *ret_n_elements,
                sd_bus_error *reterr_bus)
{
        const AuthorizerQuestion q = {
                .action = question->action,
                .name = name,
                .verb = question->verb,
                .is_owner_sufficient = question->is_owner_sufficient,
        };
        Caller *caller;
        int r;

        r = authorizer_identify(service, m, handler, 0, &caller, reterr_bus);
        if (r != 0)
                return r;

        *ret_n_elements = authorizer_knows_yes(service, m, &q) ? LIMIT_COMMIT_ELEMENTS
                                                               : LIMIT_UNSURE_ELEMENTS;
        return 0;
}

static int check_namespace(BusService *service,
                           sd_bus_message *m,
                           sd_bus_message_handler_t handler,
                           const WriteQuestion *question,
                           const ChangeSet *set,
                           NamespaceWish *wish,
                           sd_bus_error *reterr_bus)
{
        g_autofree char *text = NULL;
        Namespace *ns;
        int r;

        r = authorizer_check(service, m, handler,
                             &(AuthorizerQuestion){
                                     .action = question->action,
                                     .name = wish->name,
                                     .verb = question->verb,
                                     .is_owner_sufficient = question->is_owner_sufficient,
                                     .n_bytes = set->n_message_bytes,
                             },
                             &ns, reterr_bus);
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

static int check_namespaces(BusService *service,
                            sd_bus_message *m,
                            sd_bus_message_handler_t handler,
                            const WriteQuestion *question,
                            ChangeSet *set,
                            sd_bus_error *reterr_bus)
{
        for (guint i = 0; i < set->namespaces->len; i++) {
                int r = check_namespace(service, m, handler, question, set,
                                        set->namespaces->pdata[i], reterr_bus);

                if (r != 0)
                        return r;
        }

        return 0;
}

int write_authorize(BusService *service,
                    sd_bus_message *m,
                    sd_bus_message_handler_t handler,
                    const WriteQuestion *question,
                    ChangeSet *set,
                    sd_bus_error *reterr_bus)
{
        Caller *caller;
        int r;

        /*
         * No place is kept while this is waited for, or a call that does so would have its place
         * behind one that does not: all calls of a caller wait for it, and go on in their order.
         */
        r = authorizer_identify(service, m, handler, set->n_message_bytes, &caller, reterr_bus);
        if (r != 0)
                return r;

        set->writer_uid = caller->uid;
        r = check_namespaces(service, m, handler, question, set, reterr_bus);
        if (r == CALL_E_PARKED && !service->parked->reservation)
                service->parked->reservation = pipeline_reserve(caller->origin, set);
        return r;
}

static int send_reply(const Call *call, const Settlement *settlement)
{
        g_autoptr(sd_bus_message) reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(call->message, &reply);
        if (r < 0)
                return r;

        r = call->append_reply(reply, call, settlement);
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

static void on_settled(void *userdata, const Settlement *settlement)
{
        g_autoptr(Call) call = userdata;
        int r;

        if (!call->caller || settlement->outcome == -ECANCELED)
                return; /* nobody is there to be answered */

        if (settlement->outcome == 0)
                r = send_reply(call, settlement);
        else
                r = send_error(call, settlement->outcome, settlement->text);
        if (r < 0)
                log_warning("Cannot answer a call: %s", g_strerror(-r));
}

int write_submit(BusService *service,
                 sd_bus_message *m,
                 sd_bus_message_handler_t handler,
                 ChangeSet *set,
                 WriteReply append_reply,
                 sd_bus_error *reterr_bus)
{
        g_autoptr(ChangeSet) owned = set;
        Call *call;
        int r;

        r = call_get(&call, service, m, handler, set->n_message_bytes, reterr_bus);
        if (r < 0)
                return r;

        call->append_reply = append_reply;
        call->is_waiting = true;
        call->is_submitted = true;
        pipeline_submit(call->caller->origin, g_steal_pointer(&call->reservation),
                        g_steal_pointer(&owned), on_settled, call);
        return CALL_E_PARKED;
}

void write_reconsider(Call *call, Request *reservation)
{
        g_clear_pointer(&call->granted, g_ptr_array_unref);
        g_clear_pointer(&call->question, g_free);
        call->reservation = reservation;
        call->is_submitted = false;
        call_enter(call);
}

int write_reply_nothing(sd_bus_message *reply G_GNUC_UNUSED,
                        const Call *call G_GNUC_UNUSED,
                        const Settlement *settlement G_GNUC_UNUSED)
{
        return 0;
}

int write_reply_revision(sd_bus_message *reply,
                         const Call *call G_GNUC_UNUSED,
                         const Settlement *settlement)
{
        return sd_bus_message_append(reply, "t", settlement->revision);
}
