/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bus
 *
 * Every call goes out without leave to ask for a password first. Only when regentd says that it would
 * take one, and somebody is there to give it, the agent is started and the call is sent again: so most
 * runs start no agent, and regentd that does not answer is noticed soon also on a terminal.
 *
 * The deadline of a call is kept here, and not by libregent: it holds for connecting, too.
 */

#include "bus.h"

#include "agent.h"
#include "client/regent.h"
#include "hint.h"
#include "namespace-path.h"
#include "transport.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <unistd.h>

#define INTERACTIVE_TIMEOUT_USEC (INT64_C(300) * G_USEC_PER_SEC)

/* A margin, so that it is never libregent that gives up. */
#define TIMEOUT_MARGIN_USEC (UINT64_C(1) * G_USEC_PER_SEC)

struct Bus {
        const Options *options;
        Interrupt *interrupt;
        Regent *regent;
        GSource *source;
        Agent *agent;
};

struct BusCall {
        Bus *bus;
        char *ns_name; /* NULL: the manager */
        char *path;
        const char *interface;
        char *method;
        GVariant *arguments;
        const char *ret_type;
        RegentCall *under_way; /* NULL: none is */
        int64_t deadline_usec;
        bool is_for_fd;
        bool is_done;
        GVariant *reply; /* when it is done: this, */
        int fd;          /* and this; or */
        Failure *failure;
};

static bool may_ask(const Bus *bus)
{
        return !bus->options->is_without_password && bus->options->json == JSON_OFF &&
               agent_may_ask();
}

static gboolean fail_to_open(const Bus *bus, int r, Failure **reterr)
{
        if (r == -EINVAL && bus->options->address)
                return failure_set(reterr, EXIT_USAGE, "--address=%s: no address of a bus",
                                   bus->options->address);

        failure_set(reterr, EXIT_UNREACHABLE, "%s", regent_error_text(bus->regent));
        hint_unreachable(*reterr, bus->options);
        return FALSE;
}

static gboolean open_regent(Bus *bus, bool has_many_calls, Failure **reterr)
{
        const Options *options = bus->options;
        g_autofree char *address = g_strdup(options->address);
        int r;

        if (options->host && !transport_ssh_address(options->host, may_ask(bus), &address, reterr))
                return FALSE;

        bus->regent = regent_new();
        if (address)
                regent_set_address(bus->regent, address);
        /* A channel takes longer to make than one call over the bus does, and ssh carries none. */
        regent_set_flags(bus->regent, has_many_calls && !options->host ? 0 : REGENT_BUS_ONLY);
        regent_set_timeout(bus->regent, (uint64_t) options->timeout_usec + TIMEOUT_MARGIN_USEC);
        r = regent_open(bus->regent);
        if (r < 0)
                return fail_to_open(bus, r, reterr);

        bus->source = regent_source_new(bus->regent);
        g_source_attach(bus->source, NULL);
        return TRUE;
}

gboolean bus_open(
        const Options *options, Interrupt *interrupt, BusUse use, Bus **ret_bus, Failure **reterr)
{
        g_autoptr(Bus) bus = g_new0(Bus, 1);

        bus->options = options;
        bus->interrupt = interrupt;
        if (options->address && !transport_check_address(options->address, reterr))
                return FALSE;
        if (!open_regent(bus, use == BUS_MANY_CALLS, reterr))
                return FALSE;

        *ret_bus = g_steal_pointer(&bus);
        return TRUE;
}

Bus *bus_free(Bus *bus)
{
        if (!bus)
                return NULL;

        agent_free(bus->agent);
        if (bus->source) {
                g_source_destroy(bus->source);
                g_source_unref(bus->source);
        }
        regent_free(bus->regent);
        g_free(bus);
        return NULL;
}

Regent *bus_regent(Bus *bus)
{
        return bus->regent;
}

bool bus_is_connected(const Bus *bus)
{
        return regent_unique_name(bus->regent);
}

static gboolean on_interrupted(int fd, GIOCondition condition, gpointer userdata)
{
        (void) fd;
        (void) condition;
        (void) userdata;
        return G_SOURCE_CONTINUE;
}

static gboolean on_deadline(gpointer userdata)
{
        *(bool *) userdata = true;
        return G_SOURCE_CONTINUE;
}

gboolean bus_wait_until(Bus *bus, const bool *is_done, int64_t deadline_usec, Failure **reterr)
{
        guint interrupted =
                g_unix_fd_add(interrupt_fd(bus->interrupt), G_IO_IN, on_interrupted, NULL);
        int64_t left_usec = deadline_usec - g_get_monotonic_time();
        guint timer = 0;
        bool is_late = false;

        if (deadline_usec > 0)
                timer = g_timeout_add((guint) (MAX(left_usec, 0) / 1000), on_deadline, &is_late);
        while (!*is_done && !is_late && !interrupt_came(bus->interrupt))
                g_main_context_iteration(NULL, TRUE);
        g_source_remove(interrupted);
        if (timer != 0)
                g_source_remove(timer);

        if (*is_done)
                return TRUE;
        return is_late ? failure_set(reterr, EXIT_TIMEOUT, "Too late")
                       : failure_set(reterr, EXIT_INTERRUPTED, "Interrupted");
}

gboolean bus_wait(Bus *bus, const bool *is_done, Failure **reterr)
{
        return bus_wait_until(bus, is_done, 0, reterr);
}

int64_t bus_deadline_usec(const Bus *bus)
{
        return g_get_monotonic_time() + bus->options->timeout_usec;
}

static void reset_call(BusCall *call)
{
        call->under_way = regent_call_cancel(call->under_way);
        call->is_done = false;
        g_clear_pointer(&call->reply, g_variant_unref);
        g_clear_pointer(&call->failure, failure_free);
        if (call->fd >= 0)
                close(call->fd);
        call->fd = -1;
}

static BusCall *free_call(BusCall *call)
{
        reset_call(call);
        g_clear_pointer(&call->arguments, g_variant_unref);
        g_free(call->ns_name);
        g_free(call->path);
        g_free(call->method);
        g_free(call);
        return NULL;
}

static void on_reply_for_fd(Regent *regent, int result, GVariant *reply, int fd, void *userdata)
{
        BusCall *call = userdata;

        call->under_way = NULL;
        call->is_done = true;
        if (result >= 0 && call->is_for_fd)
                result = call->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (result < 0)
                failure_set_from_regent(&call->failure, regent, result);
        else
                call->reply = g_variant_ref(reply);
}

static void on_reply(Regent *regent, int result, GVariant *reply, void *userdata)
{
        on_reply_for_fd(regent, result, reply, -1, userdata);
}

static void send_call(BusCall *call, bool is_interactive)
{
        Bus *bus = call->bus;
        int64_t timeout_usec = is_interactive
                                       ? MAX(bus->options->timeout_usec, INTERACTIVE_TIMEOUT_USEC)
                                       : bus->options->timeout_usec;
        int r;

        reset_call(call);
        call->deadline_usec = g_get_monotonic_time() + timeout_usec;
        if (call->is_for_fd)
                r = regent_call_for_fd_async(bus->regent, call->path, call->interface, call->method,
                                             call->arguments, call->ret_type, on_reply_for_fd, call,
                                             &call->under_way);
        else
                r = regent_call_async(bus->regent, call->path, call->interface, call->method,
                                      call->arguments, call->ret_type, on_reply, call,
                                      &call->under_way);
        if (r < 0) {
                failure_set_from_regent(&call->failure, bus->regent, r);
                call->is_done = true;
        }
}

static BusCall *start_call(Bus *bus,
                           const char *ns_name,
                           const char *interface,
                           const char *method,
                           GVariant *arguments,
                           const char *ret_type,
                           bool is_for_fd)
{
        BusCall *call = g_new0(BusCall, 1);

        call->bus = bus;
        call->ns_name = g_strdup(ns_name);
        call->interface = interface;
        call->method = g_strdup(method);
        call->arguments = arguments ? g_variant_ref_sink(arguments) : NULL;
        call->ret_type = ret_type;
        call->is_for_fd = is_for_fd;
        call->fd = -1;
        if (!ns_name)
                call->path = g_strdup(REGENT_PATH);
        else if (!namespace_path_of(ns_name, &call->path, &call->failure))
                call->is_done = true;
        if (call->path)
                send_call(call, false);
        return call;
}

BusCall *bus_start_manager(Bus *bus, const char *method, GVariant *arguments, const char *ret_type)
{
        return start_call(bus, NULL, REGENT_MANAGER_INTERFACE, method, arguments, ret_type, false);
}

BusCall *bus_start_namespace(Bus *bus,
                             const char *ns_name,
                             const char *method,
                             GVariant *arguments,
                             const char *ret_type)
{
        return start_call(bus, ns_name, REGENT_NAMESPACE_INTERFACE, method, arguments, ret_type,
                          false);
}

BusCall *bus_call_drop(BusCall *call)
{
        return call ? free_call(call) : NULL;
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

bool bus_ask_password(Bus *bus, const Failure *failure)
{
        if (!failure_is(failure, FAILURE_PASSWORD_NEEDED) || !start_agent(bus))
                return false;

        regent_set_interactive(bus->regent, true);
        return true;
}

static gboolean wait_for_reply(BusCall *call, Failure **reterr)
{
        return call->is_done ||
               bus_wait_until(call->bus, &call->is_done, call->deadline_usec, reterr);
}

/* Waits for the reply; asks for a password and calls again where that helps. */
static gboolean take_reply(BusCall *call, GVariant **ret, Failure **reterr)
{
        if (!wait_for_reply(call, reterr))
                return FALSE;
        if (call->failure && bus_ask_password(call->bus, call->failure)) {
                send_call(call, true);
                if (!wait_for_reply(call, reterr))
                        return FALSE;
        }
        if (call->failure) {
                *reterr = g_steal_pointer(&call->failure);
                return FALSE;
        }
        if (ret)
                *ret = g_steal_pointer(&call->reply);
        return TRUE;
}

void bus_hint(Bus *bus, Failure *failure, const char *ns_name, const char *method)
{
        const HintCall subject = {
                .options = bus->options, .bus = bus, .ns_name = ns_name, .method = method
        };

        hint_call(failure, &subject);
}

static gboolean finish_call(BusCall *call, GVariant **ret, Failure **reterr)
{
        if (!call->path) {
                *reterr = g_steal_pointer(&call->failure);
                return FALSE;
        }
        if (take_reply(call, ret, reterr))
                return TRUE;
        bus_hint(call->bus, *reterr, call->ns_name, call->method);
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
        g_autoptr(BusCall) call =
                start_call(bus, NULL, REGENT_MANAGER_INTERFACE, method, arguments, ret_type, true);

        if (!finish_call(call, ret, reterr))
                return FALSE;

        *ret_fd = call->fd;
        call->fd = -1;
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
                          g_variant_new("(s)", interface), "(a{sv})", false);
}

gboolean bus_get_properties(Bus *bus, const char *ns_name, GVariant **ret, Failure **reterr)
{
        g_autoptr(GVariant) reply = NULL;

        if (!bus_finish(bus_start_get_properties(bus, ns_name), &reply, reterr))
                return FALSE;
        *ret = g_variant_get_child_value(reply, 0);
        return TRUE;
}
