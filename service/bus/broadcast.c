/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Broadcasts
 *
 *               the bus keeps much          it keeps little
 *   SENT        WITHHELD                    -
 *   WITHHELD    asked again in a second     SENT, and told what was missed
 *
 * On any bus they are withheld while the bus does not even take them, lest they pile up in here.
 *
 * What the bus keeps is "IncomingBytes" of regentd's own connection; see bus/receipts.c about that
 * interface. What callers have unread is part of it, and bounded by itself. On a bus that does not
 * tell, that is all there is.
 */

#include "bus/broadcast.h"

#include "bus/flow.h"
#include "bus/signals.h"
#include "util/auto.h"
#include "util/log.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define DBUS_NAME       "org.freedesktop.DBus"
#define DBUS_PATH       "/org/freedesktop/DBus"
#define STATS_INTERFACE "org.freedesktop.DBus.Debug.Stats"

/* After so many bytes the bus is asked. */
#define LOOK_BYTES (4 * LIMIT_MIB)
/* With what callers may leave unread, 80 MiB, this stays below the 127 that the bus takes. */
#define WITHHOLD_BYTES (32 * LIMIT_MIB)
#define RESUME_BYTES   (8 * LIMIT_MIB)
#define LOOK_USEC      (UINT64_C(1) * 1000000)

struct Broadcasts {
        BusService *service;
        sd_bus_slot *look; /* NULL: not under way */
        sd_event_source *again;
        uint64_t n_bytes;  /* since the last look */
        uint64_t n_queued; /* at most, of those that the bus has not taken */
        uint64_t n_withheld;
        GHashTable *missed; /* owned names, while withholding; NULL: not */
        bool is_blind;
};

static void look(Broadcasts *broadcasts);
static void look_again(Broadcasts *broadcasts);
static void resume(Broadcasts *broadcasts);

static bool is_queue_empty(const Broadcasts *broadcasts)
{
        uint64_t n_messages = 0;

        return sd_bus_get_n_queued_write(broadcasts->service->bus, &n_messages) < 0 ||
               n_messages == 0;
}

static int on_again(sd_event_source *source G_GNUC_UNUSED,
                    uint64_t usec G_GNUC_UNUSED,
                    void *userdata)
{
        Broadcasts *broadcasts = userdata;

        broadcasts->again = sd_event_source_disable_unref(broadcasts->again);
        if (!is_queue_empty(broadcasts))
                look_again(broadcasts);
        else if (broadcasts->is_blind)
                resume(broadcasts);
        else
                look(broadcasts);
        return 0;
}

static void look_again(Broadcasts *broadcasts)
{
        int r;

        r = sd_event_add_time_relative(broadcasts->service->event, &broadcasts->again,
                                       CLOCK_MONOTONIC, LOOK_USEC, 0, on_again, broadcasts);
        if (r < 0)
                log_warning("Cannot wait for a subscriber to read: %s", g_strerror(-r));
}

static void withhold(Broadcasts *broadcasts)
{
        log_error("Somebody who subscribed to signals does not read them: they are withheld");
        broadcasts->missed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static void resume(Broadcasts *broadcasts)
{
        g_autoptr(GHashTable) missed = g_steal_pointer(&broadcasts->missed);
        GHashTableIter iter;
        gpointer name;

        log_notice("Signals are sent again");
        g_hash_table_iter_init(&iter, missed);
        while (g_hash_table_iter_next(&iter, &name, NULL))
                signals_renew(broadcasts->service->signals, name);
}

static int read_kept(sd_bus_message *m, uint64_t *ret_n_bytes)
{
        const char *name;
        uint32_t number;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read_basic(m, 's', (void *) &name);
                if (r < 0)
                        return r;

                if (strcmp(name, "IncomingBytes") == 0) {
                        r = sd_bus_message_read(m, "v", "u", &number);
                        if (r < 0)
                                return r;
                        *ret_n_bytes = number;
                        return 0;
                }

                r = sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }

        return r < 0 ? r : -ENODATA;
}

static int on_look(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        Broadcasts *broadcasts = userdata;
        uint64_t n_kept, n_unread = flow_unread(broadcasts->service->flow);

        broadcasts->look = sd_bus_slot_unref(broadcasts->look);
        if (sd_bus_message_is_method_error(m, NULL) || read_kept(m, &n_kept) < 0) {
                broadcasts->is_blind = true;
                n_kept = 0;
        }
        n_kept -= MIN(n_kept, n_unread);

        if (!broadcasts->missed && n_kept >= WITHHOLD_BYTES)
                withhold(broadcasts);
        else if (broadcasts->missed && n_kept < RESUME_BYTES)
                resume(broadcasts);

        if (broadcasts->missed)
                look_again(broadcasts);
        return 0;
}

static void look(Broadcasts *broadcasts)
{
        sd_bus *bus = broadcasts->service->bus;
        const char *name;
        int r;

        broadcasts->n_bytes = 0;
        r = sd_bus_get_unique_name(bus, &name);
        if (r >= 0)
                r = sd_bus_call_method_async(bus, &broadcasts->look, DBUS_NAME, DBUS_PATH,
                                             STATS_INTERFACE, "GetConnectionStats", on_look,
                                             broadcasts, "s", name);
        if (r < 0)
                log_warning("Cannot ask the bus what it keeps: %s", g_strerror(-r));
}

Broadcasts *broadcasts_new(BusService *service)
{
        Broadcasts *broadcasts = g_new(Broadcasts, 1);

        *broadcasts = (Broadcasts){ .service = service };
        return broadcasts;
}

Broadcasts *broadcasts_free(Broadcasts *broadcasts)
{
        if (!broadcasts)
                return NULL;

        sd_bus_slot_unref(broadcasts->look);
        sd_event_source_disable_unref(broadcasts->again);
        g_clear_pointer(&broadcasts->missed, g_hash_table_unref);
        g_free(broadcasts);
        return NULL;
}

int broadcast_send(const BusService *service, const char *name, sd_bus_message *m, uint64_t n_bytes)
{
        Broadcasts *broadcasts = service->broadcasts;
        int r;

        if (broadcasts->missed) {
                broadcasts->n_withheld++;
                g_hash_table_add(broadcasts->missed, g_strdup(name));
                return 0;
        }

        r = sd_bus_send(NULL, m, NULL);
        if (r < 0)
                return r;

        broadcasts->n_bytes += n_bytes + LEDGER_MESSAGE_BYTES;
        if (is_queue_empty(broadcasts))
                broadcasts->n_queued = 0;
        else
                broadcasts->n_queued += n_bytes + LEDGER_MESSAGE_BYTES;

        if (broadcasts->n_queued >= WITHHOLD_BYTES) {
                broadcasts->n_queued = 0;
                withhold(broadcasts);
                if (!broadcasts->look)
                        look_again(broadcasts);
        } else if (broadcasts->n_bytes >= LOOK_BYTES && !broadcasts->look && !broadcasts->is_blind)
                look(broadcasts);
        return 0;
}

uint64_t broadcasts_n_withheld(const Broadcasts *broadcasts)
{
        return broadcasts->n_withheld;
}
