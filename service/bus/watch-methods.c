/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watch methods
 *
 * The reply is built from the state as it is, and the watch made right behind it: the next commit
 * that is applied is the first one to be told.
 */

#include "bus/watch-methods.h"

#include "bus/answer.h"
#include "bus/authorizer.h"
#include "bus/bus-error.h"
#include "bus/namespace-object.h"
#include "bus/value-codec.h"
#include "bus/watch-delivery.h"
#include "bus/watch-options.h"
#include "client/regent-names.h"
#include "core/namespace-walk.h"

static int refuse_prefix(const char *prefix, sd_bus_error *reterr_bus)
{
        g_autofree char *quoted = name_quote(prefix);
        g_autofree char *text = g_strdup_printf("%s begins no key", quoted);

        return bus_refused(bus_error_set(reterr_bus, CORE_E_INVALID_NAME, text));
}

static int grow(Answer *answer, uint64_t n_bytes, sd_bus_error *reterr_bus)
{
        switch (answer_grow(answer, n_bytes)) {
        case ANSWER_E_TOO_BIG:
                return bus_refused(sd_bus_error_setf(
                        reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                        "More than a reply of %" G_GUINT64_FORMAT
                        " bytes: watch with 'no-values', read pages with Namespace.GetMany, and go on "
                        "with 'since' later",
                        answer->service->limits->reply_bytes));
        case ANSWER_E_NO_ROOM:
                return flow_refuse(answer->service, answer->call, reterr_bus);
        default:
                return 0;
        }
}

static int append_present(Answer *answer,
                          const Namespace *ns,
                          const char *prefix,
                          sd_bus_error *reterr_bus)
{
        NamespaceWalk walk;
        Entry *entry;

        namespace_walk_begin(&walk, ns, prefix, "", NAMESPACE_WALK_ALL);
        while ((entry = namespace_walk_next(&walk))) {
                int r;

                r = grow(answer, entry_reply_bytes(entry), reterr_bus);
                if (r >= 0)
                        r = value_codec_append_pair(answer->reply, entry);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int build(Answer *answer,
                 const Namespace *ns,
                 const WatchOptions *options,
                 uint64_t number,
                 sd_bus_error *reterr_bus)
{
        sd_bus_message *reply = answer->reply;
        int r;

        r = sd_bus_message_append_basic(reply, 't', &number);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0 && !options->has_no_values)
                r = append_present(answer, ns, options->prefix, reterr_bus);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "as", 0);
        if (r >= 0)
                r = sd_bus_message_append(reply, "t", state_revision(answer->service->state));
        return r;
}

static int begin(BusService *service,
                 sd_bus_message *m,
                 Namespace *ns,
                 Caller *caller,
                 const WatchOptions *options,
                 sd_bus_error *reterr_bus)
{
        g_auto(Answer) answer = { .service = service, .call = m };
        Watch *watch;
        int r;

        r = answer_begin(&answer, watch_method_begin,
                         options->has_no_values ? 0 : namespace_reply_bytes(ns), reterr_bus);
        if (r != 0)
                return r;

        r = build(&answer, ns, options, watches_next_number(service->watches), reterr_bus);
        if (r < 0)
                return r;

        r = answer_send(&answer);
        if (r < 0)
                return r;

        watch = watches_add(service->watches, caller, false, ns->name, options->prefix);
        watch->is_acknowledging = options->flags & REGENT_WATCH_ACKNOWLEDGED;
        watch->previous = state_revision(service->state);
        return r;
}

int watch_method_begin(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        g_autofree char *name = namespace_object_name(m);
        WatchOptions options;
        Caller *caller;
        Namespace *ns;
        int r;

        r = watch_options_read(&options, m, reterr_bus);
        if (r < 0)
                return r;
        if (!key_prefix_is_valid(options.prefix))
                return refuse_prefix(options.prefix, reterr_bus);

        r = authorizer_check_read(service, m, watch_method_begin, name, "Watch", &ns, reterr_bus);
        if (r != 0)
                return r;

        r = authorizer_identify(service, m, watch_method_begin, 0, &caller, reterr_bus);
        if (r != 0)
                return r;

        r = watch_options_admit(service, m, caller, reterr_bus);
        if (r < 0)
                return r;

        return begin(service, m, ns, caller, &options, reterr_bus);
}

int watch_method_end(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        g_autofree char *name = namespace_object_name(m);
        Watch *watch;
        int r;

        r = watch_options_read_number(service, m, false, name, &watch, reterr_bus);
        if (r < 0)
                return r;

        watches_remove(watch);
        return sd_bus_reply_method_return(m, NULL);
}

int watch_method_acknowledge(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        g_autofree char *name = namespace_object_name(m);
        uint64_t revision;
        Watch *watch;
        int r;

        r = watch_options_read_number(service, m, false, name, &watch, reterr_bus);
        if (r >= 0)
                r = sd_bus_message_read_basic(m, 't', &revision);
        if (r < 0)
                return r;

        watch_acknowledge(watch, revision);
        return sd_bus_reply_method_return(m, NULL);
}
