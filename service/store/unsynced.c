/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unsynced
 */

#include "store/unsynced.h"

#include "core/limits.h"
#include "store/doubt.h"

#include <glib.h>

#define INTERVAL_USEC ((uint64_t) 5 * G_USEC_PER_SEC)

/* So that it is down within the interval, and may go together with what else wakes the service. */
#define ACCURACY_SHARE 10

struct Unsynced {
        const StoreDirectory *runtime;
        UnsyncedOnDue on_due;
        void *userdata;
        sd_event_source *timer;
        uint64_t interval_usec;
        uint64_t n_bytes;
        int64_t since_usec; /* the first of them was written */
        bool is_due;
        bool has_doubt; /* the note is there */
};

static void arm(Unsynced *unsynced)
{
        int64_t age_usec = g_get_monotonic_time() - unsynced->since_usec;
        uint64_t accuracy_usec = MAX(unsynced->interval_usec / ACCURACY_SHARE, 1);
        uint64_t latest_usec = unsynced->interval_usec - accuracy_usec;

        (void) sd_event_source_set_time_accuracy(unsynced->timer, accuracy_usec);
        (void) sd_event_source_set_time_relative(
                unsynced->timer, latest_usec - MIN(latest_usec, (uint64_t) MAX(age_usec, 0)));
        (void) sd_event_source_set_enabled(unsynced->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source G_GNUC_UNUSED,
                    uint64_t usec G_GNUC_UNUSED,
                    void *userdata)
{
        unsynced_make_due(userdata);
        return 0;
}

int unsynced_new(Unsynced **ret_unsynced,
                 sd_event *event,
                 const StoreDirectory *runtime,
                 UnsyncedOnDue on_due,
                 void *userdata)
{
        Unsynced *unsynced = g_new(Unsynced, 1);
        int r;

        *unsynced = (Unsynced){
                .runtime = runtime,
                .on_due = on_due,
                .userdata = userdata,
                .interval_usec = INTERVAL_USEC,
        };
        r = sd_event_add_time_relative(event, &unsynced->timer, CLOCK_MONOTONIC, 0, 0, on_timer,
                                       unsynced);
        if (r >= 0)
                r = sd_event_source_set_enabled(unsynced->timer, SD_EVENT_OFF);
        if (r < 0) {
                unsynced_free(unsynced);
                return r;
        }

        *ret_unsynced = unsynced;
        return 0;
}

Unsynced *unsynced_free(Unsynced *unsynced)
{
        if (!unsynced)
                return NULL;

        sd_event_source_unref(unsynced->timer);
        g_free(unsynced);
        return NULL;
}

void unsynced_set_interval(Unsynced *unsynced, uint64_t usec)
{
        unsynced->interval_usec = usec > 0 ? usec : INTERVAL_USEC;
        if (unsynced->n_bytes > 0)
                arm(unsynced);
}

bool unsynced_prepare(Unsynced *unsynced)
{
        if (!unsynced->has_doubt)
                unsynced->has_doubt = doubt_leave(unsynced->runtime) == 0;
        return unsynced->has_doubt;
}

void unsynced_add(Unsynced *unsynced, uint64_t n_bytes)
{
        if (unsynced->n_bytes == 0) {
                unsynced->since_usec = g_get_monotonic_time();
                arm(unsynced);
        }
        unsynced->n_bytes += n_bytes;
        if (unsynced->n_bytes > LIMIT_UNSYNCED_BYTES)
                unsynced_make_due(unsynced);
}

void unsynced_clear(Unsynced *unsynced)
{
        unsynced->n_bytes = 0;
        unsynced->is_due = false;
        (void) sd_event_source_set_enabled(unsynced->timer, SD_EVENT_OFF);
        if (unsynced->has_doubt)
                unsynced->has_doubt = doubt_clear(unsynced->runtime) < 0;
}

void unsynced_make_due(Unsynced *unsynced)
{
        if (unsynced->n_bytes == 0 || unsynced->is_due)
                return;

        unsynced->is_due = true;
        unsynced->on_due(unsynced->userdata);
}

bool unsynced_is_due(const Unsynced *unsynced)
{
        return unsynced->is_due;
}

uint64_t unsynced_n_bytes(const Unsynced *unsynced)
{
        return unsynced->n_bytes;
}
