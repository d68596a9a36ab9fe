/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watch options
 */

#include "bus/watch-options.h"

#include "bus/bus-error.h"
#include "bus/channels.h"
#include "bus/options.h"
#include "client/regent-names.h"

#include <inttypes.h>
#include <string.h>

static int read_option(sd_bus_message *m,
                       const char *name,
                       void *userdata,
                       sd_bus_error *reterr_bus)
{
        WatchOptions *options = userdata;

        if (strcmp(name, "since") == 0) {
                options->has_since = true;
                return option_read_uint64(m, name, &options->since, reterr_bus);
        }
        if (strcmp(name, "epoch") == 0)
                return option_read_string(m, name, &options->epoch, reterr_bus);
        if (strcmp(name, "resume") == 0) {
                options->has_resume = true;
                return option_read_uint64(m, name, &options->resume, reterr_bus);
        }
        if (strcmp(name, "no-values") == 0)
                return option_read_bool(m, name, &options->has_no_values, reterr_bus);
        return option_unknown(name, reterr_bus);
}

int watch_options_read(WatchOptions *options, sd_bus_message *m, sd_bus_error *reterr_bus)
{
        int r;

        *options = (WatchOptions){};
        r = sd_bus_message_read(m, "s", &options->prefix);
        if (r < 0)
                return r;

        r = flags_read(m, REGENT_WATCH_ACKNOWLEDGED, &options->flags, reterr_bus);
        if (r < 0)
                return r;

        r = options_read(m, read_option, options, reterr_bus);
        if (r < 0)
                return r;

        if (sd_bus_message_get_expect_reply(m) <= 0)
                options->has_no_values = true; /* nobody is there to have them */
        if (options->has_since != (options->epoch != NULL))
                return bus_refused(sd_bus_error_set(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                    "'since' and 'epoch' go together"));
        if (options->has_resume && !options->has_since)
                return bus_refused(sd_bus_error_set(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                    "'resume' needs 'since'"));
        return 0;
}

static int check_epoch(const WatchOptions *options, const BusService *service, sd_bus_error *e)
{
        g_autofree char *quoted = NULL, *text = NULL;

        if (!options->epoch || strcmp(options->epoch, service->status->epoch) == 0)
                return 0;

        quoted = name_quote(options->epoch);
        text = g_strdup_printf("The history of epoch %s is lost, this is %s", quoted,
                               service->status->epoch);
        return bus_refused(bus_error_set(e, CORE_E_HISTORY_LOST, text));
}

static int refuse_number(uint64_t number, sd_bus_error *reterr_bus)
{
        return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                             "%" PRIu64 " is no watch that this connection has on "
                                             "this object",
                                             number));
}

/* It goes on as it was begun. */
static int find_resumed(const WatchOptions *options,
                        BusService *service,
                        sd_bus_message *m,
                        bool is_of_names,
                        const char *name,
                        Watch **ret_watch,
                        sd_bus_error *reterr_bus)
{
        Watch *watch = watches_find(service->watches, channels_sender(service, m), is_of_names,
                                    name, options->resume);
        const char *prefix;

        if (!watch)
                return refuse_number(options->resume, reterr_bus);

        prefix = is_of_names ? watch->group->topic->name : watch->group->prefix;
        if (strcmp(prefix, options->prefix) != 0 ||
            watch->is_acknowledging != !!(options->flags & REGENT_WATCH_ACKNOWLEDGED))
                return bus_refused(sd_bus_error_setf(
                        reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                        "Watch %" PRIu64 " was begun with another prefix or other flags",
                        options->resume));
        if (!watch->was_resynchronized)
                return bus_refused(sd_bus_error_setf(
                        reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                        "Watch %" PRIu64
                        " was not told to resynchronize: there is nothing to resume",
                        options->resume));

        *ret_watch = watch;
        return 0;
}

int watch_options_admit(const WatchOptions *options,
                        BusService *service,
                        sd_bus_message *m,
                        const Caller *caller,
                        bool is_of_names,
                        const char *name,
                        Watch **ret_watch,
                        sd_bus_error *reterr_bus)
{
        const char *whose;
        int r;

        r = check_epoch(options, service, reterr_bus);
        if (r < 0)
                return r;
        if (options->has_resume)
                return find_resumed(options, service, m, is_of_names, name, ret_watch, reterr_bus);

        if (sd_bus_message_get_expect_reply(m) <= 0)
                return bus_refused(sd_bus_error_set(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                    "A watch is of no use without its number"));
        if (!watches_may_add(service->watches, caller, &whose))
                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                                     "%s as many watches as allowed", whose));
        *ret_watch = NULL;
        return 0;
}

int watch_options_read_number(BusService *service,
                              sd_bus_message *m,
                              bool is_of_names,
                              const char *name,
                              Watch **ret_watch,
                              sd_bus_error *reterr_bus)
{
        uint64_t number;
        Watch *watch;
        int r;

        r = sd_bus_message_read_basic(m, 't', &number);
        if (r < 0)
                return r;

        watch = watches_find(service->watches, channels_sender(service, m), is_of_names, name,
                             number);
        if (!watch)
                return refuse_number(number, reterr_bus);

        *ret_watch = watch;
        return 0;
}
