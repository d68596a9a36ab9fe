/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Authorizer
 *
 * A question to polkit is known by all that it contains. A yes counts for the call it was asked
 * for, as long as the question is still the same when the handler is entered again; a yes that
 * cost nobody a password counts KEPT_USEC more for the same connection, or until polkit says that
 * its rules have changed. polkit does not say when somebody leaves a group: hence the short time.
 */

#include "bus/authorizer.h"

#include "bus/bus-error.h"
#include "bus/call.h"
#include "bus/polkit.h"
#include "client/regent-names.h"
#include "core/name.h"
#include "util/auto.h"

#include <inttypes.h>

#define KEPT_USEC (UINT64_C(5) * 1000000)
#define KEPT_MAX  64u

typedef struct Kept {
        uint64_t until_usec; /* CLOCK_MONOTONIC */
        uint64_t generation;
} Kept;

static const char *const action_ids[] = {
        [AUTHORIZE_READ] = REGENT_ACTION_READ,
        [AUTHORIZE_WRITE] = REGENT_ACTION_WRITE,
        [AUTHORIZE_MANAGE] = REGENT_ACTION_MANAGE,
        [AUTHORIZE_PARTICIPATE] = REGENT_ACTION_PARTICIPATE,
};

/* As for a file: the first class that the caller belongs to decides. */
static bool mode_grants(const Caller *caller, const Namespace *ns, uint32_t bit)
{
        if (caller->uid == ns->access.owner)
                return ns->access.mode & (bit << 6);
        if (caller_is_in_group(caller, ns->access.group))
                return ns->access.mode & (bit << 3);
        return ns->access.mode & bit;
}

static bool is_admitted(const Caller *caller, const Namespace *ns, const AuthorizerQuestion *q)
{
        if (caller->uid == 0)
                return true;
        if (!ns)
                return false;

        switch (q->action) {
        case AUTHORIZE_READ:
                return mode_grants(caller, ns, 04);
        case AUTHORIZE_WRITE:
                return mode_grants(caller, ns, 02);
        case AUTHORIZE_MANAGE:
                return q->is_owner_sufficient && caller->uid == ns->access.owner;
        case AUTHORIZE_PARTICIPATE:
                return mode_grants(caller, ns, 04) && mode_grants(caller, ns, 02);
        }

        g_assert_not_reached();
}

bool authorizer_may_participate(const Caller *caller, const Namespace *ns)
{
        const AuthorizerQuestion question = { .action = AUTHORIZE_PARTICIPATE };

        return is_admitted(caller, ns, &question);
}

bool authorizer_may_write(const Caller *caller, const Namespace *ns)
{
        return caller->uid == 0 || mode_grants(caller, ns, 02);
}

bool authorizer_may_list(const Caller *caller, const Namespace *ns)
{
        return caller->uid == 0 || mode_grants(caller, ns, 04);
}

static uint64_t now_usec(BusService *service)
{
        uint64_t usec = 0;

        (void) sd_event_now(service->event, CLOCK_MONOTONIC, &usec);
        return usec;
}

static void keep(Caller *caller, const char *question, uint64_t generation)
{
        Kept *kept;

        if (g_hash_table_size(caller->kept) >= KEPT_MAX)
                g_hash_table_remove_all(caller->kept);

        kept = g_new(Kept, 1);
        *kept = (Kept){ now_usec(caller->service) + KEPT_USEC, generation };
        g_hash_table_replace(caller->kept, g_strdup(question), kept);
}

static bool is_kept(Caller *caller, const char *question)
{
        const Kept *kept = g_hash_table_lookup(caller->kept, question);

        return kept && kept->generation == polkit_generation(caller->service->polkit) &&
               kept->until_usec > now_usec(caller->service);
}

static bool is_granted(const Call *call, const char *question)
{
        return call && call->granted &&
               g_ptr_array_find_with_equal_func(call->granted, question, g_str_equal, NULL);
}

static void on_answered(void *userdata, PolkitVerdict verdict)
{
        Call *call = userdata;

        call->check = NULL;
        call->verdict = verdict;

        if (verdict == POLKIT_GRANTED || verdict == POLKIT_GRANTED_ONCE) {
                if (verdict == POLKIT_GRANTED && !call->was_interactive)
                        keep(call->caller, call->question, call->generation);
                if (!call->granted)
                        call->granted = g_ptr_array_new_with_free_func(g_free);
                g_ptr_array_add(call->granted, g_steal_pointer(&call->question));
        }

        call_enter(call);
}

/* Says no more than the caller may know: of a namespace it may not read, nothing. */
static char *describe_refusal(const Caller *caller,
                              const Namespace *ns,
                              const AuthorizerQuestion *q)
{
        const char *id = action_ids[q->action];

        if (!*q->name)
                return g_strdup_printf("uid %" PRIu32 " may not call %s: polkit action %s",
                                       caller->uid, q->verb, id);
        if (ns && authorizer_may_list(caller, ns))
                return g_strdup_printf("uid %" PRIu32 " may not call %s on '%s' (owner %" PRIu32
                                       ", mode 0%" PRIo32 "): polkit action %s",
                                       caller->uid, q->verb, q->name, ns->access.owner,
                                       ns->access.mode, id);
        return g_strdup_printf("There is no namespace '%s', or uid %" PRIu32
                               " may not call %s on it: polkit action %s",
                               q->name, caller->uid, q->verb, id);
}

static int refuse(const Caller *caller,
                  const Namespace *ns,
                  const AuthorizerQuestion *q,
                  PolkitVerdict verdict,
                  bool was_interactive,
                  sd_bus_error *reterr_bus)
{
        g_autofree char *text = describe_refusal(caller, ns, q);

        switch (verdict) {
        case POLKIT_CHALLENGE:
                if (was_interactive)
                        return bus_refused(sd_bus_error_setf(
                                reterr_bus, SD_BUS_ERROR_ACCESS_DENIED,
                                "%s needs a password, and nobody typed it", text));
                return bus_refused(sd_bus_error_setf(
                        reterr_bus, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                        "%s needs a password", text));
        case POLKIT_UNREACHABLE:
                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_ACCESS_DENIED,
                                                     "%s cannot be asked: polkit is not there",
                                                     text));
        case POLKIT_SILENT:
                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_ACCESS_DENIED,
                                                     "%s was not answered: polkit took too long",
                                                     text));
        case POLKIT_DENIED:
                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_ACCESS_DENIED,
                                                     "%s does not grant it", text));
        case POLKIT_GRANTED:
        case POLKIT_GRANTED_ONCE:
                break;
        }

        g_assert_not_reached();
}

/* About @ns, NULL where there is none. */
static int ask(BusService *service,
               const Caller *caller,
               const Namespace *ns,
               const AuthorizerQuestion *q,
               bool is_interactive,
               PolkitAnswered on_answer,
               void *userdata,
               PolkitCheck **ret_check)
{
        char owner[16] = "", group[16] = "";

        if (ns) {
                g_snprintf(owner, sizeof owner, "%" PRIu32, ns->access.owner);
                g_snprintf(group, sizeof group, "%" PRIu32, ns->access.group);
        }

        return polkit_ask(service->polkit,
                          &(PolkitQuestion){
                                  .action = action_ids[q->action],
                                  .subject = caller_unique_name(caller),
                                  .uid = caller->uid,
                                  .is_interactive = is_interactive,
                                  .namespace_name = q->name,
                                  .verb = q->verb,
                                  .owner = owner,
                                  .group = group,
                          },
                          on_answer, userdata, ret_check);
}

int authorizer_ask_read(BusService *service,
                        const Caller *caller,
                        const Namespace *ns,
                        const char *verb,
                        PolkitAnswered on_answer,
                        void *userdata,
                        PolkitCheck **ret_check)
{
        const AuthorizerQuestion q = { .action = AUTHORIZE_READ, .name = ns->name, .verb = verb };

        return ask(service, caller, ns, &q, false, on_answer, userdata, ret_check);
}

static int put_question(Call *call,
                        const Namespace *ns,
                        const AuthorizerQuestion *q,
                        char *question,
                        bool is_interactive,
                        sd_bus_error *reterr_bus)
{
        BusService *service = call->service;
        int r;

        r = ask(service, call->caller, ns, q, is_interactive, on_answered, call, &call->check);
        if (r == POLKIT_E_TOO_MANY)
                return bus_refused(sd_bus_error_set(reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                                    "Too many questions wait for polkit already"));
        if (r < 0)
                return r;

        g_free(call->question);
        call->question = g_strdup(question);
        call->generation = polkit_generation(service->polkit);
        call->was_interactive = is_interactive;
        call_park(call);
        return CALL_E_PARKED;
}

static char *spell_question(const Namespace *ns, const AuthorizerQuestion *q)
{
        if (!ns)
                return g_strdup_printf("%d %s %s", (int) q->action, q->name, q->verb);
        return g_strdup_printf("%d %s %s %" PRIu32 " %" PRIu32, (int) q->action, q->name, q->verb,
                               ns->access.owner, ns->access.group);
}

static int ask_polkit(BusService *service,
                      sd_bus_message *m,
                      sd_bus_message_handler_t handler,
                      const AuthorizerQuestion *q,
                      const Namespace *ns,
                      sd_bus_error *reterr_bus)
{
        g_autofree char *question = spell_question(ns, q);
        Call *entered = call_entered(service, m), *call;
        Caller *caller = callers_get(service->callers, m);
        bool is_interactive = false;
        int r;

        if (is_kept(caller, question) || is_granted(entered, question))
                return 0;

        if (entered && g_strcmp0(entered->question, question) == 0) {
                is_interactive = entered->verdict == (int) POLKIT_CHALLENGE &&
                                 !entered->was_interactive &&
                                 sd_bus_message_get_allow_interactive_authorization(m) > 0;
                if (!is_interactive)
                        return refuse(caller, ns, q, (PolkitVerdict) entered->verdict,
                                      entered->was_interactive, reterr_bus);
        }

        r = call_get(&call, service, m, handler, q->n_bytes, reterr_bus);
        if (r < 0)
                return r;

        r = put_question(call, ns, q, question, is_interactive, reterr_bus);
        if (r < 0 && call != entered)
                call_free(call);
        return r;
}

int authorizer_identify(BusService *service,
                        sd_bus_message *m,
                        sd_bus_message_handler_t handler,
                        uint64_t n_bytes,
                        Caller **ret_caller,
                        sd_bus_error *reterr_bus)
{
        Caller *caller = callers_get(service->callers, m);
        Call *call;
        int r;

        if (!caller || caller->knowledge == CALLER_UNKNOWN)
                return bus_refused(sd_bus_error_set(reterr_bus, SD_BUS_ERROR_ACCESS_DENIED,
                                                    "The bus does not say who is calling"));

        if (caller->knowledge == CALLER_ASKED) {
                r = call_get(&call, service, m, handler, n_bytes, reterr_bus);
                if (r < 0)
                        return r;

                call_park(call);
                return CALL_E_PARKED;
        }

        *ret_caller = caller;
        return 0;
}

int authorizer_check(BusService *service,
                     sd_bus_message *m,
                     sd_bus_message_handler_t handler,
                     const AuthorizerQuestion *question,
                     Namespace **ret_namespace,
                     sd_bus_error *reterr_bus)
{
        Namespace *ns = state_lookup(service->state, question->name);
        Caller *caller;
        int r;

        *ret_namespace = ns;
        if (question->action == AUTHORIZE_READ && ns && namespace_is_public(ns))
                return 0;

        r = authorizer_identify(service, m, handler, question->n_bytes, &caller, reterr_bus);
        if (r != 0)
                return r;

        if (is_admitted(caller, ns, question))
                return 0;

        return ask_polkit(service, m, handler, question, ns, reterr_bus);
}

int authorizer_check_read(BusService *service,
                          sd_bus_message *m,
                          sd_bus_message_handler_t handler,
                          const char *name,
                          const char *verb,
                          Namespace **ret_namespace,
                          sd_bus_error *reterr_bus)
{
        g_autofree char *quoted = NULL, *text = NULL;
        int r;

        if (!namespace_name_is_valid(name)) {
                quoted = name_quote(name);
                text = g_strdup_printf("%s is not a namespace name", quoted);
                return bus_refused(bus_error_set(reterr_bus, CORE_E_INVALID_NAME, text));
        }

        r = authorizer_check(
                service, m, handler,
                &(AuthorizerQuestion){ .action = AUTHORIZE_READ, .name = name, .verb = verb },
                ret_namespace, reterr_bus);
        if (r != 0)
                return r;

        if (!*ret_namespace) {
                text = g_strdup_printf("There is no namespace '%s'", name);
                return bus_refused(bus_error_set(reterr_bus, CORE_E_NO_SUCH_NAMESPACE, text));
        }
        return 0;
}

bool authorizer_knows_yes(BusService *service,
                          sd_bus_message *m,
                          const AuthorizerQuestion *question)
{
        const Namespace *ns = state_lookup(service->state, question->name);
        Caller *caller = callers_get(service->callers, m);
        g_autofree char *spelled = NULL;

        if (!caller || caller->knowledge != CALLER_KNOWN)
                return false;
        if (is_admitted(caller, ns, question))
                return true;

        spelled = spell_question(ns, question);
        return is_kept(caller, spelled) || is_granted(call_entered(service, m), spelled);
}
