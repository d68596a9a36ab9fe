/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Event loop
 */

#include "event-loop.h"

#include "util/auto.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>

int event_loop_new(sd_event **ret_event, sd_event_signal_handler_t on_hangup, void *userdata)
{
        g_autoptr(sd_event) event = NULL;
        sigset_t mask;
        int r;

        /* A write beyond RLIMIT_FSIZE is to fail like any other. */
        if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
                return -errno;
        /* The kernel sends it when somebody breaks a lease (view/view-memory.c): the next look finds out as well. */
        if (signal(SIGIO, SIG_IGN) == SIG_ERR)
                return -errno;

        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;

        r = sd_event_new(&event);
        if (r < 0)
                return r;

        /* Without a handler these two end the loop with status 0. */
        r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
        if (r < 0)
                return r;

        r = sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
        if (r < 0)
                return r;

        r = sd_event_add_signal(event, NULL, SIGHUP, on_hangup, userdata);
        if (r < 0)
                return r;

        r = sd_event_set_watchdog(event, true);
        if (r < 0)
                return r;

        *ret_event = g_steal_pointer(&event);
        return 0;
}
