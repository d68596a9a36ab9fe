/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watch methods
 *
 * The reply is built from the state as it is, and the watch made right behind it: the next commit
 * that is applied is the first one to be told.
 */

#include "bus/watch-methods.h"

#include "bus/authorizer.h"
#include "bus/bus-error.h"
#include "bus/namespace-object.h"
#include "bus/watch-delivery.h"
#include "bus/watch-reply.h"
#include "bus/watch-rights.h"
#include "core/history.h"

static int refuse_prefix(const char *prefix, sd_bus_error *reterr_bus)
{
        g_autofree char *quoted = name_quote(prefix);
        g_autofree char *text = g_strdup_printf("%s begins no key", quoted);

        return bus_refused(bus_error_set(reterr_bus, CORE_E_INVALID_NAME, text));
}

/* values, removed */
static int append_values(Answer *answer,
                         Namespace *ns,
                         const WatchOptions *options,
                         sd_bus_error *reterr_bus)
{
        g_autoptr(GPtrArray) removed = g_ptr_array_new();
        int r;

        if (options->has_no_values)
                r = sd_bus_message_append(answer->reply, "a{sv}", 0);
        else if (options->has_since)
                r = watch_reply_append_since(answer, ns, options->prefix, options->since, removed,
                                             reterr_bus);
        else
                r = watch_reply_append_all(answer, ns, options->prefix, reterr_bus);
        return r < 0 ? r : watch_reply_append_keys(answer, removed);
}

static int check_history(BusService *service,
                         const Namespace *ns,
                         const WatchOptions *options,
                         sd_bus_error *reterr_bus)
{
        g_autofree char *text = NULL;
        int r;

        if (!options->has_since)
                return 0;

        r = history_check(service->state, ns, options->since, &text);
        return r == 0 ? 0 : bus_refused(bus_error_set(reterr_bus, r, text));
}

static int begin(BusService *service,
                 sd_bus_message *m,
                 Namespace *ns,
                 Caller *caller,
                 const WatchOptions *options,
                 sd_bus_error *reterr_bus)
{
        g_auto(Answer) answer = { .service = service, .call = m };
        Watch *resumed;
        uint64_t number;
        int r;

        r = watch_options_admit(options, service, m, caller, false, ns->name, &resumed, reterr_bus);
        if (r >= 0)
                r = check_history(service, ns, options, reterr_bus);
        if (r < 0)
                return r;

        r = answer_begin(&answer, watch_method_begin, watch_reply_bytes(ns, options), reterr_bus);
        if (r != 0)
                return r;

        number = watch_reply_number(service, resumed);
        r = sd_bus_message_append_basic(answer.reply, 't', &number);
        if (r >= 0)
                r = append_values(&answer, ns, options, reterr_bus);
        if (r >= 0)
                r = sd_bus_message_append(answer.reply, "t", state_revision(service->state));
        if (r >= 0)
                r = answer_send(&answer);
        if (r < 0)
                return r;

        watch_reply_done(service, resumed, caller, false, ns->name, options);
        watch_rights_note(service, watches_watcher(service->watches, caller->name), ns);
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

        return begin(service, m, ns, caller, &options, reterr_bus);
}

static int end(BusService *service,
               sd_bus_message *m,
               bool is_of_names,
               const char *name,
               sd_bus_error *reterr_bus)
{
        Watch *watch;
        int r;

        r = watch_options_read_number(service, m, is_of_names, name, &watch, reterr_bus);
        if (r < 0)
                return r;

        watches_remove(watch);
        return sd_bus_reply_method_return(m, NULL);
}

int watch_method_end(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        g_autofree char *name = namespace_object_name(m);

        return end(userdata, m, false, name, reterr_bus);
}

int watch_method_end_names(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        return end(userdata, m, true, "", reterr_bus);
}

static int acknowledge(BusService *service,
                       sd_bus_message *m,
                       bool is_of_names,
                       const char *name,
                       sd_bus_error *reterr_bus)
{
        uint64_t revision;
        Watch *watch;
        int r;

        r = watch_options_read_number(service, m, is_of_names, name, &watch, reterr_bus);
        if (r >= 0)
                r = sd_bus_message_read_basic(m, 't', &revision);
        if (r < 0)
                return r;

        watch_acknowledge(watch, revision);
        return sd_bus_reply_method_return(m, NULL);
}

int watch_method_acknowledge(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        g_autofree char *name = namespace_object_name(m);

        return acknowledge(userdata, m, false, name, reterr_bus);
}

int watch_method_acknowledge_names(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        return acknowledge(userdata, m, true, "", reterr_bus);
}
