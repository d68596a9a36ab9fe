/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Daemon configuration
 *
 * Reads the configuration at the start and again whenever somebody asks for it, wholly or not at all.
 */

#include "daemon-parts.h"

#include <systemd/sd-event.h>

/* Only reads it. 0, or a negative errno, which is logged. */
int daemon_config_load(const Daemon *daemon, Config *config);

/* From now on @config counts; the parts need not be there yet. */
void daemon_config_use(Daemon *daemon, const Config *config);

/* What is kept of deleted keys, for the state alone: before it is loaded, too. */
void daemon_config_bound_history(Daemon *daemon);

/* Tells the parts that do not read the configuration themselves. */
void daemon_config_hand_out(Daemon *daemon);

/* Reads it anew, and what is declared; that may still be under way afterwards. */
int daemon_config_reload(Daemon *daemon);

/* SIGHUP; @userdata is the daemon. */
int daemon_config_on_signal(sd_event_source *source,
                            const struct signalfd_siginfo *info,
                            void *userdata);
