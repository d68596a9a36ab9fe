/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Write brake
 *
 * The queue is looked at behind everything else that happens while writes are held: it empties by
 * events of the bus's socket alone.
 */

#include "bus/write-brake.h"

#include "util/log.h"

#define HOLD_MESSAGES  1024u
#define GO_ON_MESSAGES 128u

struct WriteBrake {
        BusService *service;
        sd_event_source *look; /* NULL: nothing is held */
};

WriteBrake *write_brake_new(BusService *service)
{
        WriteBrake *brake = g_new(WriteBrake, 1);

        *brake = (WriteBrake){ .service = service };
        return brake;
}

WriteBrake *write_brake_free(WriteBrake *brake)
{
        if (!brake)
                return NULL;

        sd_event_source_disable_unref(brake->look);
        g_free(brake);
        return NULL;
}

static uint64_t n_waiting(const WriteBrake *brake)
{
        uint64_t n = 0;

        return sd_bus_get_n_queued_write(brake->service->bus, &n) < 0 ? 0 : n;
}

static int on_look(sd_event_source *source G_GNUC_UNUSED, void *userdata)
{
        WriteBrake *brake = userdata;
        const BusPorts *ports = &brake->service->ports;

        if (n_waiting(brake) > GO_ON_MESSAGES)
                return 0;

        brake->look = sd_event_source_disable_unref(brake->look);
        ports->go_on(ports->userdata);
        return 0;
}

bool write_brake_holds(WriteBrake *brake)
{
        int r;

        if (brake->look)
                return true;
        if (n_waiting(brake) <= HOLD_MESSAGES)
                return false;

        r = sd_event_add_post(brake->service->event, &brake->look, on_look, brake);
        if (r < 0) {
                log_warning("Cannot wait for the bus: %s", g_strerror(-r));
                return false;
        }
        return true;
}
