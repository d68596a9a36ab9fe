/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Watch methods
 *
 * Watch, Unwatch and Acknowledge of a namespace.
 */

#include <systemd/sd-bus.h>

/* For the vtables of both interfaces that have them. */
#define WATCH_SIGNALS                                                                             \
        SD_BUS_SIGNAL_WITH_ARGS("Changed",                                                        \
                                SD_BUS_ARGS("t", watch, "s", ns_name, "t", previous, "t",         \
                                            revision, "a{sv}", changed, "as", removed, "as",      \
                                            invalidated),                                         \
                                0),                                                               \
                SD_BUS_SIGNAL_WITH_ARGS("Resynchronize",                                          \
                                        SD_BUS_ARGS("t", watch, "s", ns_name, "t", revision), 0), \
                SD_BUS_SIGNAL_WITH_ARGS("WatchEnded",                                             \
                                        SD_BUS_ARGS("t", watch, "s", ns_name, "s", reason), 0)

/* For the Manager's. */
#define WATCH_NAMES_METHODS                                                                        \
        SD_BUS_METHOD_WITH_ARGS("Watch",                                                           \
                                SD_BUS_ARGS("s", ns_prefix, "t", flags, "a{sv}", options),         \
                                SD_BUS_RESULT("t", watch, "a{sv}", values, "a{sv}", removed, "as", \
                                              complete, "t", revision),                            \
                                watch_method_begin_names, SD_BUS_VTABLE_UNPRIVILEGED),             \
                SD_BUS_METHOD_WITH_ARGS("Acknowledge", SD_BUS_ARGS("t", watch, "t", revision),     \
                                        SD_BUS_NO_RESULT, watch_method_acknowledge_names,          \
                                        SD_BUS_VTABLE_UNPRIVILEGED),                               \
                SD_BUS_METHOD_WITH_ARGS("Unwatch", SD_BUS_ARGS("t", watch), SD_BUS_NO_RESULT,      \
                                        watch_method_end_names, SD_BUS_VTABLE_UNPRIVILEGED)

int watch_method_begin(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);
int watch_method_end(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);
int watch_method_acknowledge(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);

/* The Manager's; its Watch is in bus/watch-names.c. */
int watch_method_begin_names(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);
int watch_method_end_names(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);
int watch_method_acknowledge_names(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);
