/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Registration
 */

#include "bus/registration.h"

#include "bus/answer.h"
#include "bus/authorizer.h"
#include "bus/bus-error.h"
#include "bus/channels.h"
#include "bus/namespace-object.h"
#include "bus/options.h"
#include "bus/participation.h"
#include "bus/value-codec.h"
#include "client/regent-names.h"
#include "core/name.h"
#include "core/namespace-walk.h"
#include "util/auto.h"

#include <inttypes.h>
#include <string.h>

typedef struct Registration {
        const char *prefix, *path; /* borrowed from the message */
        uint64_t flags;
        uint64_t timeout_usec;
        bool is_without_values;
} Registration;

static int read_option(sd_bus_message *m,
                       const char *name,
                       void *userdata,
                       sd_bus_error *reterr_bus)
{
        Registration *registration = userdata;
        int r;

        if (strcmp(name, "no-values") == 0)
                return option_read_bool(m, name, &registration->is_without_values, reterr_bus);
        if (strcmp(name, "timeout-usec") != 0)
                return option_unknown(name, reterr_bus);

        r = option_read_uint64(m, name, &registration->timeout_usec, reterr_bus);
        if (r < 0)
                return r;
        if (registration->timeout_usec == 0 || registration->timeout_usec > LIMIT_ANSWER_USEC)
                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                     "timeout-usec is 1 to %u", LIMIT_ANSWER_USEC));
        return 0;
}

static int read_path(sd_bus_message *m, const char **ret_path, sd_bus_error *reterr_bus)
{
        int r;

        r = sd_bus_message_read_basic(m, 'o', (void *) ret_path);
        if (r < 0)
                return r;
        if (strlen(*ret_path) > LIMIT_PATH_BYTES)
                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                     "callback_path has more than %u bytes",
                                                     LIMIT_PATH_BYTES));
        return 0;
}

static int read_registration(sd_bus_message *m,
                             Registration *registration,
                             sd_bus_error *reterr_bus)
{
        g_autofree char *quoted = NULL, *text = NULL;
        int r;

        r = sd_bus_message_read_basic(m, 's', (void *) &registration->prefix);
        if (r < 0)
                return r;
        if (!key_prefix_is_valid(registration->prefix)) {
                quoted = name_quote(registration->prefix);
                text = g_strdup_printf("%s does not begin a key", quoted);
                return bus_refused(bus_error_set(reterr_bus, CORE_E_INVALID_NAME, text));
        }

        r = read_path(m, &registration->path, reterr_bus);
        if (r < 0)
                return r;

        r = flags_read(m, REGENT_PARTICIPANT_OPTIONAL, &registration->flags, reterr_bus);
        if (r < 0)
                return r;

        registration->timeout_usec = PARTICIPANT_TIMEOUT_USEC;
        r = options_read(m, read_option, registration, reterr_bus);
        if (sd_bus_message_get_expect_reply(m) <= 0)
                registration->is_without_values = true; /* nobody is there to have them */
        return r;
}

static int authorize(BusService *service,
                     sd_bus_message *m,
                     const char *name,
                     Namespace **ret_ns,
                     sd_bus_error *reterr_bus)
{
        const AuthorizerQuestion question = {
                .name = name,
                .verb = "RegisterParticipant",
                .action = AUTHORIZE_PARTICIPATE,
        };
        g_autofree char *text = NULL;
        int r;

        r = authorizer_check(service, m, registration_method_register, &question, ret_ns,
                             reterr_bus);
        if (r != 0 || *ret_ns)
                return r;

        text = g_strdup_printf("There is no namespace '%s'", name);
        return bus_refused(bus_error_set(reterr_bus, CORE_E_NO_SUCH_NAMESPACE, text));
}

static int append_values(Answer *answer,
                         const Namespace *ns,
                         const Registration *registration,
                         sd_bus_error *reterr_bus)
{
        NamespaceWalk walk;
        Entry *entry;

        namespace_walk_begin(&walk, ns, registration->prefix, "", NAMESPACE_WALK_ALL);
        while (!registration->is_without_values && (entry = namespace_walk_next(&walk))) {
                int r = answer_grow(answer, entry_reply_bytes(entry));

                if (r == ANSWER_E_TOO_BIG)
                        return bus_refused(sd_bus_error_set(
                                reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                "The values are too large for one reply: register with option "
                                "no-values, then read them with GetMany, a page at a time"));
                if (r == ANSWER_E_NO_ROOM)
                        return flow_refuse(answer->service, answer->call, reterr_bus);

                r = value_codec_append_pair(answer->reply, entry);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int build_reply(Answer *answer,
                       const Namespace *ns,
                       const Registration *registration,
                       sd_bus_error *reterr_bus)
{
        int r;

        r = answer_begin(answer, registration_method_register,
                         registration->is_without_values ? 0 : namespace_reply_bytes(ns),
                         reterr_bus);
        if (r != 0)
                return r;

        r = sd_bus_message_open_container(answer->reply, 'a', "{sv}");
        if (r >= 0)
                r = append_values(answer, ns, registration, reterr_bus);
        if (r >= 0)
                r = sd_bus_message_close_container(answer->reply);
        if (r >= 0)
                r = sd_bus_message_append(answer->reply, "t",
                                          state_revision(answer->service->state));
        return r < 0 ? r : 0;
}

static int add_participant(BusService *service,
                           sd_bus_message *m,
                           const Namespace *ns,
                           const Registration *registration,
                           sd_bus_error *reterr_bus)
{
        const Caller *caller = callers_get(service->callers, m);
        const Participant wanted = {
                .is_optional = registration->flags & REGENT_PARTICIPANT_OPTIONAL,
                .is_granted = !authorizer_may_participate(caller, ns),
                .uid = caller->uid,
                .address = caller->name,
                .connection = (char *) (uintptr_t) caller_unique_name(caller),
                .path = (char *) (uintptr_t) registration->path,
                .name = ns->name,
                .prefix = (char *) (uintptr_t) registration->prefix,
                .timeout_usec = registration->timeout_usec,
                .origin = caller->origin,
        };

        switch (participation_add(service->participation, &wanted)) {
        case PARTICIPANTS_E_TOO_MANY:
                return bus_refused(sd_bus_error_setf(
                        reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                        "'%s' has %" PRIu64 " participants, as many as it may have", ns->name,
                        service->limits->namespace_participants));
        case PARTICIPANTS_E_EXISTS:
                return bus_refused(sd_bus_error_setf(
                        reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                        "%s is a participant of '%s' already: unregister it first",
                        registration->path, ns->name));
        default:
                return 0;
        }
}

int registration_method_register(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        g_autofree char *name = namespace_object_name(m);
        g_auto(Answer) answer = { .service = service, .call = m };
        Registration registration = {};
        Namespace *ns;
        int r;

        r = read_registration(m, &registration, reterr_bus);
        if (r < 0)
                return r;

        r = authorize(service, m, name, &ns, reterr_bus);
        if (r != 0)
                return r;

        r = build_reply(&answer, ns, &registration, reterr_bus);
        if (r != 0)
                return r;

        r = add_participant(service, m, ns, &registration, reterr_bus);
        if (r < 0)
                return r;

        return answer_send(&answer);
}

int registration_method_unregister(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        g_autofree char *name = namespace_object_name(m);
        const char *path;
        int r;

        r = read_path(m, &path, reterr_bus);
        if (r < 0)
                return r;

        if (!participation_remove(service->participation, name, channels_sender(service, m), path))
                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                     "This connection has no participant %s here",
                                                     path));
        return sd_bus_reply_method_return(m, NULL);
}
