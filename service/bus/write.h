/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Write
 *
 * What the handlers of all changing calls share: authorize each namespace of a change set, keep its
 * place in the order of the connection's writes meanwhile, hand it to the pipeline, answer when it
 * has settled.
 */

#include "bus/authorizer.h"
#include "bus/call.h"
#include "core/change-set.h"

#include <systemd/sd-bus.h>

typedef struct WriteQuestion {
        AuthorizerAction action;
        const char *verb;
        bool is_owner_sufficient;
} WriteQuestion;

/*
 * Before the values of a write to namespace @name ("": several) are read, which is the dearest part
 * of a call. 0: as many elements may be read as *ret_n_elements says, few while it is not known
 * whether the caller may write. Otherwise as authorizer_identify().
 */
int write_begin(BusService *service,
                sd_bus_message *m,
                sd_bus_message_handler_t handler,
                const WriteQuestion *question,
                const char *name,
                size_t *ret_n_elements,
                sd_bus_error *reterr_bus);

/*
 * As authorizer_check(). When all may be written, @set gets its writer; a namespace that is not
 * there is refused with NoSuchNamespace unless @set creates it.
 */
int write_authorize(BusService *service,
                    sd_bus_message *m,
                    sd_bus_message_handler_t handler,
                    const WriteQuestion *question,
                    ChangeSet *set,
                    sd_bus_error *reterr_bus);

/* Adds the reply's arguments. 0 or a negative errno. */
typedef int (*WriteReply)(sd_bus_message *reply, const Call *call, const Settlement *settlement);

/* Takes @set. What it returns the handler returns; it may be entered again even after this. */
int write_submit(BusService *service,
                 sd_bus_message *m,
                 sd_bus_message_handler_t handler,
                 ChangeSet *set,
                 WriteReply append_reply,
                 sd_bus_error *reterr_bus);

/* The pipeline's reconsider(): enters the handler again, as if nobody had been asked yet. */
void write_reconsider(Call *call, Request *reservation);

/* The replies "", and "t" with the revision. */
int write_reply_nothing(sd_bus_message *reply, const Call *call, const Settlement *settlement);
int write_reply_revision(sd_bus_message *reply, const Call *call, const Settlement *settlement);
