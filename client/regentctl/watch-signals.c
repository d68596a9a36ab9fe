/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watch signals
 *
 * Watches are acknowledged, so regentd bounds what can wait here.
 */

#include "watch-signals.h"

#include "client/regent-names.h"

#include <string.h>

static const struct {
        const char *member;
        WatchSignalKind kind;
        const char *type;
} members[] = {
        { "Changed", WATCH_SIGNAL_CHANGED, "(tstta{sv}asas)" },
        { "Resynchronize", WATCH_SIGNAL_RESYNCHRONIZE, "(tst)" },
        { "WatchEnded", WATCH_SIGNAL_ENDED, "(tss)" },
};

static const char *const interfaces[] = { REGENT_MANAGER_INTERFACE, REGENT_NAMESPACE_INTERFACE };

struct WatchSignals {
        GDBusConnection *connection;
        const Presence *presence;
        bool *is_woken;
        GQueue queue; /* of WatchSignal */
        guint subscriptions[G_N_ELEMENTS(interfaces)];
};

WatchSignal *watch_signal_free(WatchSignal *signal)
{
        if (!signal)
                return NULL;

        g_clear_pointer(&signal->changed, g_variant_unref);
        g_strfreev(signal->removed);
        g_strfreev(signal->invalidated);
        g_free(signal->reason);
        g_free(signal->ns_name);
        g_free(signal->path);
        g_free(signal);
        return NULL;
}

static void free_signal(gpointer userdata)
{
        watch_signal_free(userdata);
}

static WatchSignal *read_signal(WatchSignalKind kind, const char *path, GVariant *parameters)
{
        WatchSignal *signal = g_new0(WatchSignal, 1);

        signal->kind = kind;
        signal->path = g_strdup(path);
        if (kind == WATCH_SIGNAL_CHANGED)
                g_variant_get(parameters, "(tstt@a{sv}^as^as)", &signal->watch, &signal->ns_name,
                              &signal->previous, &signal->revision, &signal->changed,
                              &signal->removed, &signal->invalidated);
        else if (kind == WATCH_SIGNAL_RESYNCHRONIZE)
                g_variant_get(parameters, "(tst)", &signal->watch, &signal->ns_name,
                              &signal->revision);
        else
                g_variant_get(parameters, "(tss)", &signal->watch, &signal->ns_name,
                              &signal->reason);
        return signal;
}

static void on_signal(GDBusConnection *connection,
                      const char *sender,
                      const char *path,
                      const char *interface,
                      const char *member,
                      GVariant *parameters,
                      gpointer userdata)
{
        WatchSignals *signals = userdata;
        WatchSignal *signal;

        (void) connection, (void) interface;
        if (g_strcmp0(sender, presence_owner(signals->presence)) != 0)
                return;
        for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
                if (strcmp(members[i].member, member) != 0 ||
                    !g_variant_is_of_type(parameters, G_VARIANT_TYPE(members[i].type)))
                        continue;
                signal = read_signal(members[i].kind, path, parameters);
                signal->n_gone = presence_n_gone(signals->presence);
                g_queue_push_tail(&signals->queue, signal);
                *signals->is_woken = true;
        }
}

WatchSignals *watch_signals_new(Bus *bus, const Presence *presence, bool *is_woken)
{
        WatchSignals *signals = g_new0(WatchSignals, 1);

        signals->connection = bus_connection(bus);
        signals->presence = presence;
        signals->is_woken = is_woken;
        g_queue_init(&signals->queue);
        /* They come unicast, so no match rule is needed. */
        for (size_t i = 0; i < G_N_ELEMENTS(interfaces); i++)
                signals->subscriptions[i] = g_dbus_connection_signal_subscribe(
                        signals->connection, NULL, interfaces[i], NULL, NULL, NULL,
                        G_DBUS_SIGNAL_FLAGS_NO_MATCH_RULE, on_signal, signals, NULL);
        return signals;
}

WatchSignals *watch_signals_free(WatchSignals *signals)
{
        if (!signals)
                return NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(signals->subscriptions); i++)
                g_dbus_connection_signal_unsubscribe(signals->connection,
                                                     signals->subscriptions[i]);
        g_queue_clear_full(&signals->queue, free_signal);
        g_free(signals);
        return NULL;
}

WatchSignal *watch_signals_pop(WatchSignals *signals, const char *path, uint64_t watch)
{
        WatchSignal *signal;

        while ((signal = g_queue_pop_head(&signals->queue))) {
                if (signal->n_gone == presence_n_gone(signals->presence) &&
                    signal->watch == watch && strcmp(signal->path, path) == 0)
                        return signal;
                watch_signal_free(signal);
        }
        return NULL;
}
