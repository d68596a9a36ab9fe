/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands: change sets, and what waits to be confirmed
 */

#include "request.h"

static int do_change_new(Request *request)
{
        Commands *commands = request->commands;

        regent_change_free(commands->change);
        commands->change = regent_change_new();
        return 0;
}

static int do_change_set(Request *request)
{
        g_autoptr(GVariant) given = request_value(request, 2);

        regent_change_set(request->commands->change, request_word(request, 0),
                          request_word(request, 1), given);
        return 0;
}

static int do_change_unset(Request *request)
{
        regent_change_unset(request->commands->change, request_word(request, 0),
                            request_word(request, 1));
        return 0;
}

static int do_change_expect(Request *request)
{
        regent_change_expect(request->commands->change, request_word(request, 0),
                             request_word(request, 1), request_number(request, 2));
        return 0;
}

static int do_change_set_class(Request *request)
{
        regent_change_set_class(request->commands->change, request_word(request, 0),
                                request_word(request, 1), request_word(request, 2));
        return 0;
}

static int do_change_set_release(Request *request)
{
        regent_change_set_release(request->commands->change, request_word(request, 0),
                                  request_word(request, 1));
        return 0;
}

static int do_change_set_reason(Request *request)
{
        regent_change_set_reason(request->commands->change, request_word(request, 0));
        return 0;
}

static int do_change_set_lazy(Request *request)
{
        regent_change_set_lazy(request->commands->change, request_number(request, 0) != 0);
        return 0;
}

static int do_change_set_confirm_timeout(Request *request)
{
        regent_change_set_confirm_timeout(request->commands->change, request_number(request, 0));
        return 0;
}

static int do_change_apply(Request *request)
{
        const RegentChange *change = request->commands->change;
        g_autoptr(GVariant) result = NULL;
        uint64_t revision;
        int r;

        if (request->is_async)
                return regent_change_apply_async(request->regent, change,
                                                 request_number(request, 0),
                                                 REQUEST_LATER(request));
        r = regent_change_apply(request->regent, change, request_number(request, 0), &revision,
                                &result);
        if (r >= 0)
                request_put(request, g_variant_new("(t@a{sv})", revision, result));
        return r;
}

static int do_confirm(Request *request)
{
        uint64_t revision;
        int r;

        if (request->is_async)
                return regent_confirm_async(request->regent, request_word(request, 0),
                                            REQUEST_LATER(request));
        r = regent_confirm(request->regent, request_word(request, 0), &revision);
        if (r >= 0)
                request_put(request, g_variant_new("(t)", revision));
        return r;
}

static int do_cancel(Request *request)
{
        uint64_t revision;
        int r;

        if (request->is_async)
                return regent_cancel_async(request->regent, request_word(request, 0),
                                           REQUEST_LATER(request));
        r = regent_cancel(request->regent, request_word(request, 0), &revision);
        if (r >= 0)
                request_put(request, g_variant_new("(t)", revision));
        return r;
}

const Command change_commands[] = {
        { "cancel", do_cancel },
        { "change_apply", do_change_apply },
        { "change_expect", do_change_expect },
        { "change_new", do_change_new },
        { "change_set", do_change_set },
        { "change_set_class", do_change_set_class },
        { "change_set_confirm_timeout", do_change_set_confirm_timeout },
        { "change_set_lazy", do_change_set_lazy },
        { "change_set_reason", do_change_set_reason },
        { "change_set_release", do_change_set_release },
        { "change_unset", do_change_unset },
        { "confirm", do_confirm },
        { 0 },
};
