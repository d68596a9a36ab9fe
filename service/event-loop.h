/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Event loop
 *
 * An sd-event loop that SIGTERM and SIGINT end with status 0, that tells of SIGHUP, and that keeps
 * the service manager's watchdog quiet.
 */

#include <systemd/sd-event.h>

int event_loop_new(sd_event **ret_event, sd_event_signal_handler_t on_hangup, void *userdata);
