/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Deadlines of what waits
 *
 * sd-bus waits a minute and a half for a bus that accepts and says nothing, so that is waited for here.
 */

#include "private.h"

#include <errno.h>

#define TIMEOUT_USEC (UINT64_C(25) * G_USEC_PER_SEC)

uint64_t deadline_in(uint64_t timeout_usec)
{
        uint64_t now_usec = (uint64_t) g_get_monotonic_time();

        if (timeout_usec == 0)
                timeout_usec = TIMEOUT_USEC;
        return timeout_usec > UINT64_MAX - now_usec ? UINT64_MAX : now_usec + timeout_usec;
}

uint64_t deadline_left(uint64_t deadline_usec)
{
        uint64_t now_usec = (uint64_t) g_get_monotonic_time();

        if (deadline_usec == UINT64_MAX)
                return UINT64_MAX;
        return deadline_usec > now_usec ? deadline_usec - now_usec : 0;
}

int deadline_wait_ready(uint64_t deadline_usec, sd_bus *bus)
{
        int r;

        while (sd_bus_is_open(bus) > 0 && sd_bus_is_ready(bus) <= 0) {
                uint64_t left_usec = deadline_left(deadline_usec);

                r = sd_bus_process(bus, NULL);
                if (r < 0)
                        return r;
                if (r > 0)
                        continue;
                if (left_usec == 0)
                        return -ETIMEDOUT;

                r = sd_bus_wait(bus, left_usec);
                if (r < 0 && r != -EINTR)
                        return r;
        }

        return sd_bus_is_open(bus) > 0 ? 0 : -ECONNRESET;
}

int deadline_call(uint64_t deadline_usec,
                  sd_bus *bus,
                  sd_bus_message *m,
                  sd_bus_error *reterr,
                  sd_bus_message **ret_reply)
{
        int r;

        r = deadline_wait_ready(deadline_usec, bus);
        if (r < 0)
                return sd_bus_error_set_errno(reterr, r);

        /* No time at all would be its own idea of how long. */
        r = sd_bus_call(bus, m, MAX(deadline_left(deadline_usec), 1u), reterr, ret_reply);
        if (r < 0 && !sd_bus_error_is_set(reterr))
                sd_bus_error_set_errno(reterr, r);
        return r < 0 ? r : 0;
}
