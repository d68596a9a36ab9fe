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
        bool has_since;
        uint64_t since;
        const char *epoch; /* NULL: not given */
        bool has_resume;
        uint64_t resume;
} WatchOptions;

/* All arguments of Watch. The prefix is for the caller to check. */
int watch_options_read(WatchOptions *options, sd_bus_message *m, sd_bus_error *reterr_bus);

/*
 * After authorization, for the caller of @m, who is known: whether the epoch is this one, and the
 * watch that is resumed there (*ret_watch), or one more allowed (NULL). 0, or refused.
 */
int watch_options_admit(const WatchOptions *options,
                        BusService *service,
                        sd_bus_message *m,
                        const Caller *caller,
                        bool is_of_names,
                        const char *name,
                        Watch **ret_watch,
                        sd_bus_error *reterr_bus);

/* The watch whose number is at the cursor, on that object: 0, or InvalidArgs. */
int watch_options_read_number(BusService *service,
                              sd_bus_message *m,
                              bool is_of_names,
                              const char *name,
                              Watch **ret_watch,
                              sd_bus_error *reterr_bus);
