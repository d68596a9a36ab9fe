/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lifetimes
 *
 * The bus orders its messages: whoever leaves after it has made its list is heard of behind that. So
 * nobody falls in between, and what is heard before the bus's id is known is in the list.
 */

#include "bus/lifetimes.h"

#include "bus/bus-service.h"
#include "core/session.h"
#include "util/auto.h"
#include "util/log.h"

#include <errno.h>
#include <string.h>

#define DBUS_NAME      "org.freedesktop.DBus"
#define DBUS_PATH      "/org/freedesktop/DBus"
#define DBUS_INTERFACE "org.freedesktop.DBus"

struct Lifetimes {
        BusService *service;
        char *bus_id; /* NULL: not known yet */
        sd_bus_slot *slot;
        LifetimesBegun on_begun;
        void *userdata;
};

Lifetimes *lifetimes_new(BusService *service)
{
        Lifetimes *lifetimes = g_new(Lifetimes, 1);

        *lifetimes = (Lifetimes){ .service = service };
        return lifetimes;
}

Lifetimes *lifetimes_free(Lifetimes *lifetimes)
{
        if (!lifetimes)
                return NULL;

        sd_bus_slot_unref(lifetimes->slot);
        g_free(lifetimes->bus_id);
        g_free(lifetimes);
        return NULL;
}

static int fail(Lifetimes *lifetimes, const char *what, const char *why)
{
        log_error("Cannot ask the bus %s: %s", what, why);
        return sd_event_exit(lifetimes->service->event, -ECONNABORTED);
}

/* Those connected: their sessions, as a set. */
static int read_connected(Lifetimes *lifetimes, sd_bus_message *m, GHashTable *connected)
{
        const char *name;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "s");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_read_basic(m, 's', (void *) &name)) > 0) {
                char *session = lifetimes_session(lifetimes, name);

                if (session)
                        g_hash_table_add(connected, session);
        }
        return r;
}

static void end_missing(Lifetimes *lifetimes, GHashTable *connected)
{
        const BusService *service = lifetimes->service;
        g_autoptr(GPtrArray) sessions = sessions_list(state_sessions(service->state));
        guint n_ended = 0;

        for (guint i = 0; i < sessions->len; i++) {
                const char *session = sessions->pdata[i];

                if (g_hash_table_contains(connected, session))
                        continue;
                service->ports.end_session(service->ports.userdata, session);
                n_ended++;
        }

        if (n_ended > 0)
                log_info("%u connections with entries of class session have ended in the meantime",
                         n_ended);
}

static int on_names(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        Lifetimes *lifetimes = userdata;
        g_autoptr(GHashTable) connected =
                g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        int r;

        lifetimes->slot = sd_bus_slot_unref(lifetimes->slot);
        if (sd_bus_message_is_method_error(m, NULL))
                return fail(lifetimes, "who is connected", sd_bus_message_get_error(m)->message);

        r = read_connected(lifetimes, m, connected);
        if (r < 0)
                return fail(lifetimes, "who is connected", g_strerror(-r));

        end_missing(lifetimes, connected);
        lifetimes->on_begun(lifetimes->userdata);
        return 0;
}

static int ask(Lifetimes *lifetimes, const char *member, sd_bus_message_handler_t on_answer)
{
        return sd_bus_call_method_async(lifetimes->service->bus, &lifetimes->slot, DBUS_NAME,
                                        DBUS_PATH, DBUS_INTERFACE, member, on_answer, lifetimes,
                                        NULL);
}

static int on_id(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        Lifetimes *lifetimes = userdata;
        const char *id;
        int r;

        lifetimes->slot = sd_bus_slot_unref(lifetimes->slot);
        if (sd_bus_message_is_method_error(m, NULL))
                return fail(lifetimes, "for its id", sd_bus_message_get_error(m)->message);

        r = sd_bus_message_read(m, "s", &id);
        if (r < 0)
                return fail(lifetimes, "for its id", g_strerror(-r));

        lifetimes->bus_id = g_ascii_strdown(id, -1);
        r = ask(lifetimes, "ListNames", on_names);
        return r < 0 ? fail(lifetimes, "who is connected", g_strerror(-r)) : 0;
}

int lifetimes_begin(Lifetimes *lifetimes, LifetimesBegun on_begun, void *userdata)
{
        int r;

        lifetimes->on_begun = on_begun;
        lifetimes->userdata = userdata;
        r = ask(lifetimes, "GetId", on_id);
        return r < 0 ? r : 0;
}

char *lifetimes_session(const Lifetimes *lifetimes, const char *connection)
{
        return lifetimes->bus_id ? session_new(lifetimes->bus_id, connection) : NULL;
}

void lifetimes_end(Lifetimes *lifetimes, const char *connection, bool has_written)
{
        const BusService *service = lifetimes->service;
        g_autofree char *session = lifetimes_session(lifetimes, connection);

        if (session && (has_written || sessions_has(state_sessions(service->state), session)))
                service->ports.end_session(service->ports.userdata, session);
}
