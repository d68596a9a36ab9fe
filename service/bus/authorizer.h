/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Authorizer
 *
 * Decides who may do what, in one place: uid 0 may; owner, group and mode decide as for a file;
 * otherwise polkit is asked. A namespace that is absent takes the same way as one that may not be
 * read, and gets the same answer, so nobody learns which it is.
 */

#include "bus/bus-service.h"
#include "bus/caller.h"
#include "bus/polkit.h"
#include "core/namespace.h"

#include <stdbool.h>
#include <systemd/sd-bus.h>

typedef enum AuthorizerAction {
        AUTHORIZE_READ,
        AUTHORIZE_WRITE,
        AUTHORIZE_MANAGE,
        AUTHORIZE_PARTICIPATE, /* without a question for who may both read and write */
} AuthorizerAction;

typedef struct AuthorizerQuestion {
        AuthorizerAction action;
        const char *name;         /* of the namespace; "" when it is about the service */
        const char *verb;         /* the D-Bus member called */
        bool is_owner_sufficient; /* MANAGE: the namespace's owner may, too */
        uint64_t n_bytes;         /* what a write holds while it waits */
} AuthorizerQuestion;

/*
 * 0: it may; *ret_namespace, borrowed, is NULL when there is none of that name. CALL_E_PARKED: the
 * handler returns that at once, having changed nothing, and will be entered again. A negative
 * errno: refused, with @reterr_bus set.
 */
int authorizer_check(BusService *service,
                     sd_bus_message *m,
                     sd_bus_message_handler_t handler,
                     const AuthorizerQuestion *question,
                     Namespace **ret_namespace,
                     sd_bus_error *reterr_bus);

/* As authorizer_check() for reading, but a namespace that is not there is refused. */
int authorizer_check_read(BusService *service,
                          sd_bus_message *m,
                          sd_bus_message_handler_t handler,
                          const char *name,
                          const char *verb,
                          Namespace **ret_namespace,
                          sd_bus_error *reterr_bus);

/* The same for a caller of whom nothing is asked but to be known: for lists that are filtered. */
int authorizer_identify(BusService *service,
                        sd_bus_message *m,
                        sd_bus_message_handler_t handler,
                        uint64_t n_bytes,
                        Caller **ret_caller,
                        sd_bus_error *reterr_bus);

/* Whether authorizer_check() would say yes now, to a caller that is known. Asks nobody. */
bool authorizer_knows_yes(BusService *service,
                          sd_bus_message *m,
                          const AuthorizerQuestion *question);

/*
 * Asks polkit whether @caller, whom uid and mode do not admit, may read @ns, and nobody for a password.
 * 0, POLKIT_E_TOO_MANY or a negative errno; @on_answered and *ret_check as with polkit_ask().
 */
int authorizer_ask_read(BusService *service,
                        const Caller *caller,
                        const Namespace *ns,
                        const char *verb,
                        PolkitAnswered on_answered,
                        void *userdata,
                        PolkitCheck **ret_check);

/* Whether uid and mode alone let @caller take part in changes. */
bool authorizer_may_participate(const Caller *caller, const Namespace *ns);

/* Whether uid and mode alone let @caller write. */
bool authorizer_may_write(const Caller *caller, const Namespace *ns);

/* Whether uid and mode alone let @caller read. */
bool authorizer_may_list(const Caller *caller, const Namespace *ns);
