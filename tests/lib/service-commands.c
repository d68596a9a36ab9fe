/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands: namespaces, the service, calls of any member, and the connection itself
 */

#include "request.h"

#include <unistd.h>

static int do_call(Request *request)
{
        g_autoptr(GVariant) arguments = request_value(request, 3);
        g_autoptr(GVariant) reply = NULL;
        int r;

        if (request->is_async)
                return regent_call_async(request->regent, request_word(request, 0),
                                         request_word(request, 1), request_word(request, 2),
                                         arguments, request_word(request, 4),
                                         REQUEST_LATER(request));
        r = regent_call(request->regent, request_word(request, 0), request_word(request, 1),
                        request_word(request, 2), arguments, request_word(request, 4), &reply);
        if (r >= 0)
                request_put(request, reply);
        return r;
}

/* Whether a file came along shows in the reply: it has the size of it. */
static void on_reply_for_fd(Regent *regent, int result, GVariant *reply, int fd, void *userdata)
{
        g_autoptr(GVariant) both = NULL;

        if (result >= 0)
                both = g_variant_ref_sink(
                        g_variant_new("(@*x)", reply, (gint64) lseek(fd, 0, SEEK_END)));
        request_on_reply(regent, result, both, userdata);
}

/* Replies with the reply, and the size of the file that came along. */
static int do_call_for_fd(Request *request)
{
        g_autoptr(GVariant) arguments = request_value(request, 3), reply = NULL;
        int r, fd;

        if (request->is_async)
                return regent_call_for_fd_async(
                        request->regent, request_word(request, 0), request_word(request, 1),
                        request_word(request, 2), arguments, request_word(request, 4),
                        on_reply_for_fd, request->pending, &request->pending->call);
        r = regent_call_for_fd(request->regent, request_word(request, 0), request_word(request, 1),
                               request_word(request, 2), arguments, request_word(request, 4),
                               &reply, &fd);
        if (r >= 0) {
                request_put(request,
                            g_variant_new("(@*x)", reply, (gint64) lseek(fd, 0, SEEK_END)));
                close(fd);
        }
        return r;
}

static int do_list_namespaces(Request *request)
{
        g_auto(GStrv) names = NULL;
        int r;

        if (request->is_async)
                return regent_list_namespaces_async(
                        request->regent, request_word(request, 0), request_word(request, 1),
                        (uint32_t) request_number(request, 2), REQUEST_LATER(request));
        r = regent_list_namespaces(request->regent, request_word(request, 0),
                                   request_word(request, 1), (uint32_t) request_number(request, 2),
                                   &names);
        if (r >= 0)
                request_put(request, g_variant_new("(^as)", names));
        return r;
}

static int do_create_namespace(Request *request)
{
        g_autoptr(GVariant) options = request_value(request, 1);

        return request->is_async
                       ? regent_create_namespace_async(request->regent, request_word(request, 0),
                                                       options, REQUEST_LATER(request))
                       : regent_create_namespace(request->regent, request_word(request, 0),
                                                 options);
}

static int do_remove_namespace(Request *request)
{
        return request->is_async
                       ? regent_remove_namespace_async(request->regent, request_word(request, 0),
                                                       request_number(request, 1),
                                                       REQUEST_LATER(request))
                       : regent_remove_namespace(request->regent, request_word(request, 0),
                                                 request_number(request, 1));
}

static int do_set_access(Request *request)
{
        g_autoptr(GVariant) options = request_value(request, 1);

        return request->is_async
                       ? regent_set_access_async(request->regent, request_word(request, 0), options,
                                                 REQUEST_LATER(request))
                       : regent_set_access(request->regent, request_word(request, 0), options);
}

static int do_get_properties(Request *request)
{
        g_autoptr(GVariant) properties = NULL;
        int r;

        if (request->is_async)
                return regent_get_properties_async(request->regent, request_word(request, 0),
                                                   REQUEST_LATER(request));
        r = regent_get_properties(request->regent, request_word(request, 0), &properties);
        if (r >= 0)
                request_put(request, g_variant_new("(@a{sv})", properties));
        return r;
}

static int do_flush(Request *request)
{
        uint64_t revision;
        int r;

        if (request->is_async)
                return regent_flush_async(request->regent, REQUEST_LATER(request));
        r = regent_flush(request->regent, &revision);
        if (r >= 0)
                request_put(request, g_variant_new("(t)", revision));
        return r;
}

static int do_get_statistics(Request *request)
{
        g_autoptr(GVariant) statistics = NULL;
        int r;

        if (request->is_async)
                return regent_get_statistics_async(request->regent, request_number(request, 0),
                                                   REQUEST_LATER(request));
        r = regent_get_statistics(request->regent, request_number(request, 0), &statistics);
        if (r >= 0)
                request_put(request, g_variant_new("(@a{sv})", statistics));
        return r;
}

static int do_namespace_path(Request *request)
{
        g_autofree char *path = NULL;
        int r;

        r = regent_namespace_path(request->regent, request_word(request, 0), &path);
        if (r >= 0)
                request_put(request, g_variant_new("(o)", path));
        return r;
}

static int do_process(Request *request)
{
        return regent_process(request->regent);
}

/* Whose name on the bus, and whether there is a channel. */
static int do_who(Request *request)
{
        const char *name = regent_unique_name(request->regent);

        request_put(request,
                    g_variant_new("(sb)", name ? name : "", regent_has_channel(request->regent)));
        return 0;
}

/* Ends the call that has this name. */
static int do_call_cancel(Request *request)
{
        Pending *pending = g_hash_table_lookup(request->commands->calls, request_word(request, 0));

        if (pending) {
                regent_call_cancel(pending->call);
                g_hash_table_remove(request->commands->calls, request_word(request, 0));
        }
        return 0;
}

const Command service_commands[] = {
        { "call", do_call },
        { "call_cancel", do_call_cancel },
        { "call_for_fd", do_call_for_fd },
        { "create_namespace", do_create_namespace },
        { "flush", do_flush },
        { "get_properties", do_get_properties },
        { "get_statistics", do_get_statistics },
        { "list_namespaces", do_list_namespaces },
        { "namespace_path", do_namespace_path },
        { "process", do_process },
        { "remove_namespace", do_remove_namespace },
        { "set_access", do_set_access },
        { "who", do_who },
        { 0 },
};
