/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bus signals
 */

#include "bus-signals.h"

#include "child.h"
#include "hint.h"
#include "transport.h"

typedef struct Connecting {
        GAsyncResult *result;
        bool is_done;
} Connecting;

/* Connecting may take as long as a call. */
static gboolean on_deadline(gpointer userdata)
{
        g_cancellable_cancel(userdata);
        return G_SOURCE_CONTINUE;
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer userdata)
{
        Connecting *connecting = userdata;

        (void) source;
        connecting->result = g_object_ref(result);
        connecting->is_done = true;
}

static void on_interrupted(GCancellable *from, gpointer userdata)
{
        (void) from;
        g_cancellable_cancel(userdata);
}

static gboolean fail_unreachable(const Options *options,
                                 const Interrupt *interrupt,
                                 const GError *error,
                                 bool is_late,
                                 Failure **reterr)
{
        if (interrupt_came(interrupt))
                return failure_set(reterr, EXIT_INTERRUPTED, "Interrupted");
        if (is_late)
                failure_set(reterr, EXIT_TIMEOUT, "The bus did not answer in time");
        else
                failure_set(reterr, EXIT_UNREACHABLE, "Cannot connect to the bus: %s",
                            error->message);
        hint_unreachable(*reterr, options);
        return FALSE;
}

/* Waits with the main loop, so that a bus that accepts and says nothing can be given up. */
static gboolean connect_to(const Options *options,
                           Interrupt *interrupt,
                           const char *address,
                           GIOStream *stream,
                           GDBusConnection **ret,
                           Failure **reterr)
{
        const GDBusConnectionFlags flags = G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                           G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION;
        g_autoptr(GCancellable) cancellable = g_cancellable_new();
        GCancellable *interrupted = interrupt_cancellable(interrupt);
        gulong handler =
                g_cancellable_connect(interrupted, G_CALLBACK(on_interrupted), cancellable, NULL);
        guint timer = g_timeout_add((guint) (options->timeout_usec / 1000), on_deadline,
                                    cancellable);
        g_autoptr(GError) error = NULL;
        Connecting connecting = {};
        bool is_late;

        if (stream)
                g_dbus_connection_new(stream, NULL, flags, NULL, cancellable, on_connected,
                                      &connecting);
        else
                g_dbus_connection_new_for_address(address, flags, NULL, cancellable,
                                                  on_connected, &connecting);
        while (!connecting.is_done)
                g_main_context_iteration(NULL, TRUE);

        is_late = g_cancellable_is_cancelled(cancellable);
        g_source_remove(timer);
        g_cancellable_disconnect(interrupted, handler);
        if (stream)
                *ret = g_dbus_connection_new_finish(connecting.result, &error);
        else
                *ret =
                        g_dbus_connection_new_for_address_finish(connecting.result, &error);
        g_object_unref(connecting.result);
        if (!*ret)
                return fail_unreachable(options, interrupt, error, is_late, reterr);
        return TRUE;
}

gboolean bus_signals_open(const Options *options,
                          Interrupt *interrupt,
                          bool may_ask,
                          BusSignals *ret,
                          Failure **reterr)
{
        g_autoptr(GIOStream) stream = NULL;
        g_autofree char *address = NULL;

        if (options->host)
                return transport_start_ssh(options->host, may_ask, &stream, &ret->ssh_pid, reterr) &&
                       connect_to(options, interrupt, NULL, stream, &ret->connection, reterr);

        return transport_find_address(options->address, &address, reterr) &&
               connect_to(options, interrupt, address, NULL, &ret->connection, reterr);
}

void bus_signals_clear(BusSignals *signals)
{
        if (signals->connection)
                g_dbus_connection_close(signals->connection, NULL, NULL, NULL);
        g_clear_object(&signals->connection);
        if (signals->ssh_pid > 0)
                child_end(signals->ssh_pid);
}
