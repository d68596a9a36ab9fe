/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watch options
 */

#include "bus/watch-options.h"

#include "bus/bus-error.h"
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
        int r;

        if (strcmp(name, "no-values") == 0) {
                options->has_no_values = true;
                r = sd_bus_message_skip(m, "v");
                return r < 0 ? r : 0;
        }
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

        return options_read(m, read_option, options, reterr_bus);
}

int watch_options_admit(BusService *service,
                        sd_bus_message *m,
                        const Caller *caller,
                        sd_bus_error *reterr_bus)
{
        const char *whose;

        if (sd_bus_message_get_expect_reply(m) <= 0)
                return bus_refused(sd_bus_error_set(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                    "A watch is of no use without its number"));
        if (!watches_may_add(service->watches, caller, &whose))
                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                                     "%s as many watches as allowed", whose));
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

        watch = watches_find(service->watches, sd_bus_message_get_sender(m), is_of_names, name,
                             number);
        if (!watch)
                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                     "%" PRIu64 " is no watch that this "
                                                     "connection has on this object",
                                                     number));

        *ret_watch = watch;
        return 0;
}
