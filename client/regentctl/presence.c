/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Presence
 */

#include "presence.h"

#include "client/regent-names.h"

struct Presence {
        GDBusConnection *connection;
        bool *is_woken;
        char *owner;
        unsigned n_gone;
        bool is_closed;
        guint name_watch;
        gulong closed_handler;
};

static void on_name_appeared(GDBusConnection *connection,
                             const char *name,
                             const char *owner,
                             gpointer userdata)
{
        Presence *presence = userdata;

        (void) connection, (void) name;
        g_free(presence->owner);
        presence->owner = g_strdup(owner);
        *presence->is_woken = true;
}

static void on_name_vanished(GDBusConnection *connection, const char *name, gpointer userdata)
{
        Presence *presence = userdata;

        (void) connection, (void) name;
        if (presence->owner)
                presence->n_gone++;
        g_clear_pointer(&presence->owner, g_free);
        *presence->is_woken = true;
}

static void on_closed(GDBusConnection *connection,
                      gboolean is_remote,
                      GError *error,
                      gpointer userdata)
{
        Presence *presence = userdata;

        (void) connection, (void) is_remote, (void) error;
        presence->is_closed = true;
        *presence->is_woken = true;
}

Presence *presence_new(Bus *bus, bool *is_woken)
{
        Presence *presence = g_new0(Presence, 1);

        presence->connection = bus_connection(bus);
        presence->is_woken = is_woken;
        presence->name_watch = g_bus_watch_name_on_connection(
                presence->connection, REGENT_BUS_NAME, G_BUS_NAME_WATCHER_FLAGS_NONE,
                on_name_appeared, on_name_vanished, presence, NULL);
        presence->closed_handler =
                g_signal_connect(presence->connection, "closed", G_CALLBACK(on_closed), presence);
        return presence;
}

Presence *presence_free(Presence *presence)
{
        if (!presence)
                return NULL;

        g_bus_unwatch_name(presence->name_watch);
        g_signal_handler_disconnect(presence->connection, presence->closed_handler);
        g_free(presence->owner);
        g_free(presence);
        return NULL;
}

const char *presence_owner(const Presence *presence)
{
        return presence->owner;
}

unsigned presence_n_gone(const Presence *presence)
{
        return presence->n_gone;
}

bool presence_is_closed(const Presence *presence)
{
        return presence->is_closed;
}
