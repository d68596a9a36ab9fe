/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Held values
 *
 *              add                            answer on the bus,      a turn of the   timer
 *                                             or a call from there    loop later
 *   nothing    held: for a turn of the loop   -                       -               -
 *              or, soon after the last, until
 *              the timer
 *   held       more is held, or all is sent   all is sent             all is sent     all is sent
 *              if it is much
 *
 * The timer is armed once more when it has had something sent, and then may find nothing.
 *
 * Namespaces are held by name, for they may be gone when their turn comes, or closed. What happens to
 * a namespace itself is told behind what is held.
 */

#include "bus/held-values.h"

#include "bus/broadcast.h"
#include "bus/last-entries.h"
#include "bus/signals.h"
#include "core/entry.h"
#include "core/state.h"
#include "util/auto.h"
#include "util/log.h"

#include <string.h>
#include <systemd/sd-event.h>

/* Who writes one after the other has the bus told so often. */
#define HOLD_USEC UINT64_C(1000)

/* What is held keeps values in memory that are no more. */
#define HELD_BYTES_MAX   LIMIT_MIB
#define HELD_ENTRIES_MAX 1024u

struct HeldValues {
        BusService *service;
        GHashTable *by_name; /* owned name -> owned GPtrArray of owned Entry, in order */
        GPtrArray *names;    /* borrowed from there, in the order in which they came */
        GPtrArray *last;     /* borrowed from there, of the last of them */
        uint64_t n_bytes;
        size_t n_entries;
        uint64_t sent_usec;
        bool is_waiting; /* for one of these two */
        sd_event_source *turn, *timer;
        sd_bus_slot *slot;
};

static void entry_destroy(gpointer entry)
{
        entry_unref(entry);
}

static void array_destroy(gpointer array)
{
        g_ptr_array_unref(array);
}

static int on_turn(sd_event_source *source G_GNUC_UNUSED, void *userdata)
{
        held_values_send(userdata);
        return 0;
}

static int arm(HeldValues *held)
{
        int r = sd_event_source_set_time(held->timer, held->sent_usec + HOLD_USEC);

        return r < 0 ? r : sd_event_source_set_enabled(held->timer, SD_EVENT_ONESHOT);
}

/* Who writes one after the other does so again, and would have it armed once more. */
static int on_timer(sd_event_source *source G_GNUC_UNUSED,
                    uint64_t usec G_GNUC_UNUSED,
                    void *userdata)
{
        HeldValues *held = userdata;

        if (held->n_entries == 0)
                return 0;

        held_values_send(held);
        (void) arm(held);
        return 0;
}

/* Where the loop has ended nothing is held. */
static int wait_to_send(HeldValues *held)
{
        uint64_t now_usec = 0;

        (void) sd_event_now(held->service->event, CLOCK_MONOTONIC, &now_usec);
        return now_usec >= held->sent_usec + HOLD_USEC
                       ? sd_event_source_set_enabled(held->turn, SD_EVENT_ONESHOT)
                       : arm(held);
}

/* Whoever calls over the bus has been told what there was before. */
static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        if (sd_bus_message_is_method_call(m, NULL, NULL))
                held_values_send(userdata);
        return 0;
}

int held_values_new(HeldValues **ret_held, BusService *service)
{
        g_autoptr(HeldValues) held = g_new(HeldValues, 1);
        int r;

        *held = (HeldValues){
                .service = service,
                .by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, array_destroy),
                .names = g_ptr_array_new(),
        };
        r = sd_event_add_defer(service->event, &held->turn, on_turn, held);
        if (r >= 0)
                r = sd_event_source_set_enabled(held->turn, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(held->turn, SD_EVENT_PRIORITY_IMPORTANT);
        if (r >= 0)
                r = sd_event_add_time(service->event, &held->timer, CLOCK_MONOTONIC, 0, 1, on_timer,
                                      held);
        if (r >= 0)
                r = sd_event_source_set_enabled(held->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_bus_add_filter(service->bus, &held->slot, on_message, held);
        if (r < 0)
                return r;

        *ret_held = g_steal_pointer(&held);
        return 0;
}

HeldValues *held_values_free(HeldValues *held)
{
        if (!held)
                return NULL;

        sd_bus_slot_unref(held->slot);
        sd_event_source_disable_unref(held->turn);
        sd_event_source_disable_unref(held->timer);
        g_ptr_array_unref(held->names);
        g_hash_table_unref(held->by_name);
        g_free(held);
        return NULL;
}

static GPtrArray *entries_of(HeldValues *held, const char *name)
{
        guint n = held->names->len;
        GPtrArray *entries;
        char *own_name;

        /* Most often it is the same again. */
        if (n > 0 && strcmp(held->names->pdata[n - 1], name) == 0)
                return held->last;
        entries = g_hash_table_lookup(held->by_name, name);
        if (entries)
                return entries;

        own_name = g_strdup(name);
        entries = g_ptr_array_new_with_free_func(entry_destroy);
        g_hash_table_insert(held->by_name, own_name, entries);
        g_ptr_array_add(held->names, own_name);
        held->last = entries;
        return entries;
}

void held_values_add(HeldValues *held, const Namespace *ns, const GPtrArray *entries)
{
        GPtrArray *mine = NULL;

        for (guint i = 0; i < entries->len; i++) {
                if (!namespace_concerns_readers(ns, entries->pdata[i]))
                        continue;
                if (!mine)
                        mine = entries_of(held, ns->name);
                g_ptr_array_add(mine, entry_ref(entries->pdata[i]));
                held->n_bytes += entry_usage(entries->pdata[i]);
                held->n_entries++;
        }
}

void held_values_end_batch(HeldValues *held)
{
        if (held->n_entries == 0)
                return;
        if (held->n_bytes > HELD_BYTES_MAX || held->n_entries > HELD_ENTRIES_MAX ||
            (!held->is_waiting && wait_to_send(held) < 0))
                held_values_send(held);
        else
                held->is_waiting = true;
}

static void send_values(const HeldValues *held, const char *name, GPtrArray *entries)
{
        const BusService *service = held->service;
        Namespace *ns = state_lookup(service->state, name);
        g_autoptr(sd_bus_message) m = NULL;
        uint64_t n_bytes;
        int r;

        if (!ns || !namespace_is_public(ns))
                return;

        last_entries_keep(entries);
        r = signals_build_values(service, ns, entries, &m, &n_bytes);
        if (r >= 0)
                r = broadcast_send(service, name, m, n_bytes);
        if (r < 0)
                log_record(LOG_WARNING, LOG_FIELDS(LOG_NAMESPACE(name), LOG_ERRNO(r)),
                           "Cannot announce a change of '%s': %s", name, g_strerror(-r));
}

void held_values_send(HeldValues *held)
{
        if (held->n_entries == 0)
                return;

        (void) sd_event_source_set_enabled(held->turn, SD_EVENT_OFF);
        (void) sd_event_source_set_enabled(held->timer, SD_EVENT_OFF);
        (void) sd_event_now(held->service->event, CLOCK_MONOTONIC, &held->sent_usec);

        for (guint i = 0; i < held->names->len; i++)
                send_values(held, held->names->pdata[i],
                            g_hash_table_lookup(held->by_name, held->names->pdata[i]));
        g_ptr_array_set_size(held->names, 0);
        g_hash_table_remove_all(held->by_name);
        held->n_entries = 0;
        held->n_bytes = 0;
        held->is_waiting = false;
}
