/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Daemon
 *
 * The only place that knows all parts, with daemon-ports.h and daemon-config.h: it makes them in
 * order, connects them through their callbacks, runs the loop and takes them down again.
 */

#include "util/io.h"

#include <glib.h>

typedef struct DaemonOptions {
        const char *state_directory;
        const char *runtime_directory;
        const char *configuration;                 /* NULL: the standard places */
        const char *const *namespaces_directories; /* likewise */
        int log_level;                             /* -1: what the configuration says */
} DaemonOptions;

enum {
        DAEMON_E_DISCONNECTED = 1, /* the bus has gone */
        DAEMON_E_REFUSED,          /* something stands in the way of starting; it is logged */
};

/* Until SIGTERM or SIGINT: 0; or until the bus goes, or something fails. */
int daemon_run(const DaemonOptions *options, const Io *io);
