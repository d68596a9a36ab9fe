/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Daemon parts
 *
 * All that runs, for the files of the daemon: daemon.c makes it and takes it down, daemon-config.c
 * tells it what the configuration says, and daemon-ports.c has one part call another.
 */

#include "bus/bus-service.h"
#include "config.h"
#include "core/pipeline.h"
#include "core/state.h"
#include "core/status.h"
#include "daemon.h"
#include "declarer.h"
#include "defaults-commit.h"
#include "defaults-note.h"
#include "expirer.h"
#include "session-ender.h"
#include "store/store.h"
#include "util/io.h"
#include "view/views.h"

#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

typedef struct Daemon {
        const DaemonOptions *options;
        const Io *io;
        Config config;
        ServiceStatus status;
        sd_event *event;
        sd_event_source *batch;
        uint64_t woken_usec;        /* CLOCK_MONOTONIC: since when it waits for its turn */
        sd_event_source *redeclare; /* enabled after the state went back to an earlier one */
        sd_event_source *exit;
        State *state;
        Pipeline *pipeline;
        Store *store;
        Declarer *declarer;
        DefaultsNote *defaults;
        DefaultsCommit *defaults_commit;
        Expirer *expirer;
        Views *views;
        SessionEnder *session_ender;
        int close_status;
        bool is_ready; /* the name is ours */
        sd_bus *bus;
        BusService *service;
} Daemon;
