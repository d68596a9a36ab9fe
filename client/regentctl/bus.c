/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bus
 *
 * Every call goes out without leave to ask for a password first. Only when regentd says that it would
 * take one, and somebody is there to give it, the agent is started and the call is sent again: so most
 * runs start no agent, and regentd that does not answer is noticed soon also on a terminal.
 */

#include "bus.h"

#include "agent.h"
#include "child.h"
#include "client/regent-names.h"
#include "hint.h"
#include "namespace-path.h"
#include "transport.h"

#include <gio/gunixfdlist.h>
#include <string.h>

#define INTERACTIVE_TIMEOUT_USEC (INT64_C(300) * G_USEC_PER_SEC)

struct Bus {
        const Options *options;
        Interrupt *interrupt;
        GDBusConnection *connection;
        char *address; /* NULL with --host */
        Agent *agent;
        pid_t ssh_pid; /* 0: none */
};

struct BusCall {
        Bus *bus;
        char *ns_name; /* NULL: the manager */
        char *path;
        const char *interface;
        char *method;
        GVariant *arguments;
        const GVariantType *ret_type;
        GAsyncResult *result;
        GUnixFDList *fds; /* that came with the reply; NULL: none */
        bool is_done;
        bool is_pending; /* on_reply() will be called */
        bool is_dropped;
        Failure *failure; /* it was never sent */
};

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

static gboolean fail_unreachable(const Bus *bus,
                                 const GError *error,
                                 bool is_late,
                                 Failure **reterr)
{
        if (interrupt_came(bus->interrupt))
                return failure_set(reterr, EXIT_INTERRUPTED, "Interrupted");
        if (is_late)
                failure_set(reterr, EXIT_TIMEOUT, "The bus did not answer in time");
        else
                failure_set(reterr, EXIT_UNREACHABLE, "Cannot connect to the bus: %s",
                            error->message);
        hint_unreachable(*reterr, bus->options);
        return FALSE;
}

/* Waits with the main loop, so that a bus that accepts and says nothing can be given up. */
static gboolean connect_to(Bus *bus, GIOStream *stream, Failure **reterr)
{
        const GDBusConnectionFlags flags = G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                           G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION;
        g_autoptr(GCancellable) cancellable = g_cancellable_new();
        GCancellable *interrupted = interrupt_cancellable(bus->interrupt);
        gulong handler =
                g_cancellable_connect(interrupted, G_CALLBACK(on_interrupted), cancellable, NULL);
        guint timer = g_timeout_add((guint) (bus->options->timeout_usec / 1000), on_deadline,
                                    cancellable);
        g_autoptr(GError) error = NULL;
        Connecting connecting = {};
        bool is_late;

        if (stream)
                g_dbus_connection_new(stream, NULL, flags, NULL, cancellable, on_connected,
                                      &connecting);
        else
                g_dbus_connection_new_for_address(bus->address, flags, NULL, cancellable,
                                                  on_connected, &connecting);
        while (!connecting.is_done)
                g_main_context_iteration(NULL, TRUE);

        is_late = g_cancellable_is_cancelled(cancellable);
        g_source_remove(timer);
        g_cancellable_disconnect(interrupted, handler);
        if (stream)
                bus->connection = g_dbus_connection_new_finish(connecting.result, &error);
        else
                bus->connection =
                        g_dbus_connection_new_for_address_finish(connecting.result, &error);
        g_object_unref(connecting.result);
        if (!bus->connection)
                return fail_unreachable(bus, error, is_late, reterr);
        return TRUE;
}

static bool may_ask(const Bus *bus)
{
        return !bus->options->is_without_password && bus->options->json == JSON_OFF &&
               agent_may_ask();
}

gboolean bus_open(const Options *options, Interrupt *interrupt, Bus **ret_bus, Failure **reterr)
{
        g_autoptr(Bus) bus = g_new0(Bus, 1);
        g_autoptr(GIOStream) stream = NULL;

        bus->options = options;
        bus->interrupt = interrupt;
        if (options->host) {
                if (!transport_start_ssh(options->host, may_ask(bus), &stream, &bus->ssh_pid,
                                         reterr))
                        return FALSE;
        } else if (!transport_find_address(options->address, &bus->address, reterr)) {
                return FALSE;
        }
        if (!connect_to(bus, stream, reterr))
                return FALSE;
        *ret_bus = g_steal_pointer(&bus);
        return TRUE;
}

Bus *bus_free(Bus *bus)
{
        if (!bus)
                return NULL;

        agent_free(bus->agent);
        if (bus->connection)
                g_dbus_connection_close(bus->connection, NULL, NULL, NULL);
        g_clear_object(&bus->connection);
        if (bus->ssh_pid > 0)
                child_end(bus->ssh_pid);
        g_free(bus->address);
        g_free(bus);
        return NULL;
}

GDBusConnection *bus_connection(Bus *bus)
{
        return bus->connection;
}

static gboolean on_wake(GCancellable *cancellable, gpointer userdata)
{
        (void) cancellable;
        (void) userdata;
        return G_SOURCE_CONTINUE;
}

gboolean bus_wait(Bus *bus, const bool *is_done, Failure **reterr)
{
        GCancellable *interrupted = interrupt_cancellable(bus->interrupt);
        g_autoptr(GSource) source = g_cancellable_source_new(interrupted);

        g_source_set_callback(source, G_SOURCE_FUNC(on_wake), NULL, NULL);
        g_source_attach(source, NULL);
        while (!*is_done && !g_cancellable_is_cancelled(interrupted))
                g_main_context_iteration(NULL, TRUE);
        g_source_destroy(source);

        if (!*is_done)
                return failure_set(reterr, EXIT_INTERRUPTED, "Interrupted");
        return TRUE;
}

static BusCall *free_call(BusCall *call)
{
        g_clear_object(&call->result);
        g_clear_object(&call->fds);
        g_clear_pointer(&call->arguments, g_variant_unref);
        failure_free(call->failure);
        g_free(call->ns_name);
        g_free(call->path);
        g_free(call->method);
        g_free(call);
        return NULL;
}

static void on_reply(GObject *source, GAsyncResult *result, gpointer userdata)
{
        BusCall *call = userdata;

        (void) source;
        call->is_pending = false;
        if (call->is_dropped) {
                free_call(call);
                return;
        }
        call->result = g_object_ref(result);
        call->is_done = true;
}

static void send_call(BusCall *call, bool is_interactive)
{
        Bus *bus = call->bus;
        int64_t timeout_usec = is_interactive
                                       ? MAX(bus->options->timeout_usec, INTERACTIVE_TIMEOUT_USEC)
                                       : bus->options->timeout_usec;

        call->is_done = false;
        call->is_pending = true;
        g_clear_object(&call->result);
        g_dbus_connection_call_with_unix_fd_list(
                bus->connection, REGENT_BUS_NAME, call->path, call->interface, call->method,
                call->arguments, call->ret_type,
                is_interactive ? G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION
                               : G_DBUS_CALL_FLAGS_NONE,
                (int) (timeout_usec / 1000), NULL, NULL, on_reply, call);
}

static BusCall *start_call(Bus *bus,
                           const char *ns_name,
                           const char *interface,
                           const char *method,
                           GVariant *arguments,
                           const char *ret_type)
{
        BusCall *call = g_new0(BusCall, 1);

        call->bus = bus;
        call->ns_name = g_strdup(ns_name);
        call->interface = interface;
        call->method = g_strdup(method);
        call->arguments = arguments ? g_variant_ref_sink(arguments) : NULL;
        call->ret_type = ret_type ? G_VARIANT_TYPE(ret_type) : NULL;
        if (!ns_name)
                call->path = g_strdup(REGENT_PATH);
        else if (!namespace_path_of(ns_name, &call->path, &call->failure))
                return call;
        send_call(call, false);
        return call;
}

BusCall *bus_start_manager(Bus *bus, const char *method, GVariant *arguments, const char *ret_type)
{
        return start_call(bus, NULL, REGENT_MANAGER_INTERFACE, method, arguments, ret_type);
}

BusCall *bus_start_namespace(Bus *bus,
                             const char *ns_name,
                             const char *method,
                             GVariant *arguments,
                             const char *ret_type)
{
        return start_call(bus, ns_name, REGENT_NAMESPACE_INTERFACE, method, arguments, ret_type);
}

BusCall *bus_call_drop(BusCall *call)
{
        if (!call)
                return NULL;
        if (!call->is_pending)
                return free_call(call);

        call->is_dropped = true;
        return NULL;
}

/* Whether an agent runs now. */
static bool start_agent(Bus *bus)
{
        Failure *failure = NULL;

        if (!may_ask(bus) || bus->options->host)
                return false;
        if (bus->agent || agent_start(bus->options->address, &bus->agent, &failure))
                return true;
        failure_free(failure);
        return false;
}

static bool needs_password(const GError *error)
{
        g_autofree char *name = g_dbus_error_get_remote_error(error);

        return name && strcmp(name, FAILURE_PASSWORD_NEEDED) == 0;
}

static gboolean wait_for_reply(BusCall *call, GVariant **ret, GError **error, Failure **reterr)
{
        if (!bus_wait(call->bus, &call->is_done, reterr))
                return FALSE;
        *ret = g_dbus_connection_call_with_unix_fd_list_finish(call->bus->connection, &call->fds,
                                                               call->result, error);
        return TRUE;
}

/* Waits for the reply; asks for a password and calls again where that helps. */
static gboolean take_reply(BusCall *call, GVariant **ret, Failure **reterr)
{
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;

        if (!wait_for_reply(call, &reply, &error, reterr))
                return FALSE;
        if (!reply && needs_password(error) && start_agent(call->bus)) {
                g_clear_error(&error);
                send_call(call, true);
                if (!wait_for_reply(call, &reply, &error, reterr))
                        return FALSE;
        }
        if (!reply)
                return failure_set_from_error(reterr, g_steal_pointer(&error));
        if (ret)
                *ret = g_steal_pointer(&reply);
        return TRUE;
}

static gboolean finish_call(BusCall *call, GVariant **ret, Failure **reterr)
{
        const HintCall subject = { .options = call->bus->options,
                                   .bus = call->bus,
                                   .ns_name = call->ns_name,
                                   .method = call->method };

        if (call->failure) {
                *reterr = g_steal_pointer(&call->failure);
                return FALSE;
        }
        if (take_reply(call, ret, reterr))
                return TRUE;
        hint_call(*reterr, &subject);
        return FALSE;
}

gboolean bus_finish(BusCall *started, GVariant **ret, Failure **reterr)
{
        g_autoptr(BusCall) call = started;

        return finish_call(call, ret, reterr);
}

gboolean bus_call_manager_for_fd(Bus *bus,
                                 const char *method,
                                 GVariant *arguments,
                                 const char *ret_type,
                                 GVariant **ret,
                                 int *ret_fd,
                                 Failure **reterr)
{
        g_autoptr(BusCall) call = bus_start_manager(bus, method, arguments, ret_type);
        g_autoptr(GVariant) reply = NULL;
        int fd = -1;

        if (!finish_call(call, &reply, reterr))
                return FALSE;
        if (call->fds && g_unix_fd_list_get_length(call->fds) == 1)
                fd = g_unix_fd_list_get(call->fds, 0, NULL);
        if (fd < 0)
                return failure_set(reterr, EXIT_OTHER, "The answer came without its descriptor");

        *ret = g_steal_pointer(&reply);
        *ret_fd = fd;
        return TRUE;
}

gboolean bus_call_manager(Bus *bus,
                          const char *method,
                          GVariant *arguments,
                          const char *ret_type,
                          GVariant **ret,
                          Failure **reterr)
{
        return bus_finish(bus_start_manager(bus, method, arguments, ret_type), ret, reterr);
}

gboolean bus_call_namespace(Bus *bus,
                            const char *ns_name,
                            const char *method,
                            GVariant *arguments,
                            const char *ret_type,
                            GVariant **ret,
                            Failure **reterr)
{
        return bus_finish(bus_start_namespace(bus, ns_name, method, arguments, ret_type), ret,
                          reterr);
}

BusCall *bus_start_get_properties(Bus *bus, const char *ns_name)
{
        const char *interface = ns_name ? REGENT_NAMESPACE_INTERFACE : REGENT_MANAGER_INTERFACE;

        return start_call(bus, ns_name, "org.freedesktop.DBus.Properties", "GetAll",
                          g_variant_new("(s)", interface), "(a{sv})");
}

gboolean bus_get_properties(Bus *bus, const char *ns_name, GVariant **ret, Failure **reterr)
{
        g_autoptr(GVariant) reply = NULL;

        if (!bus_finish(bus_start_get_properties(bus, ns_name), &reply, reterr))
                return FALSE;
        *ret = g_variant_get_child_value(reply, 0);
        return TRUE;
}
