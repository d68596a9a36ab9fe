/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Watch options
 *
 * What Watch is asked for, of a namespace or of several.
 */

#include "bus/bus-service.h"
#include "bus/watches.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* Strings are borrowed from the message. */
typedef struct WatchOptions {
        const char *prefix;
        uint64_t flags;
        bool has_no_values;
} WatchOptions;

/* All arguments of Watch. The prefix is for the caller to check. */
int watch_options_read(WatchOptions *options, sd_bus_message *m, sd_bus_error *reterr_bus);

/* Whether the caller of @m, who is known, may have one more watch: 0, or LimitsExceeded. */
int watch_options_admit(BusService *service,
                        sd_bus_message *m,
                        const Caller *caller,
                        sd_bus_error *reterr_bus);

/* The watch whose number is at the cursor, on that object: 0, or InvalidArgs. */
int watch_options_read_number(BusService *service,
                              sd_bus_message *m,
                              bool is_of_names,
                              const char *name,
                              Watch **ret_watch,
                              sd_bus_error *reterr_bus);
