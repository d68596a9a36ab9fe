/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Write
 *
 * The one way of all methods that change something: read the arguments into a change set, authorize
 * each of its namespaces, hand it to the pipeline, answer when it has settled. While a call waits
 * for polkit it keeps its place in the order of its connection's writes.
 */

#include "bus/authorizer.h"
#include "bus/call.h"
#include "bus/change-reader.h"
#include "core/change-set.h"

#include <systemd/sd-bus.h>

typedef struct WriteMethod {
        sd_bus_message_handler_t handler; /* the method itself, to be entered again */
        const char *verb;                 /* its name on the bus */
        AuthorizerAction action;
        ChangeSetKind kind;
        ChangeSetFlags flags;

        /* Reads the arguments; of an object that is a namespace, its name has been read already. */
        int (*read)(ChangeReader *reader, sd_bus_message *m, sd_bus_error *reterr_bus);

        /* Whether the namespace's owner may do it without action MANAGE; NULL: never. */
        bool (*is_owners_right)(const ChangeSet *set, const Caller *caller);

        /* Adds the reply's arguments; NULL: there are none. */
        int (*append_reply)(sd_bus_message *reply, const Settlement *settlement);
} WriteMethod;

/* Carries out a call of @method, which is static. The method returns what this returns. */
int write_run(BusService *service,
              sd_bus_message *m,
              const WriteMethod *method,
              sd_bus_error *reterr_bus);

/*
 * The last part of that, for a call that has been authorized: takes @set, and answers when it has
 * settled.
 */
int write_submit(BusService *service,
                 sd_bus_message *m,
                 const WriteMethod *method,
                 ChangeSet *set,
                 sd_bus_error *reterr_bus);

/* Answers @settled, which it takes. */
void write_settled(Call *settled, const Settlement *settlement);

/* The pipeline's reconsider(): enters the method again, as if nobody had been asked yet. */
void write_reconsider(Call *call, Request *reservation);

/* The reply "t": the revision. */
int write_reply_revision(sd_bus_message *reply, const Settlement *settlement);
