/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands: keys and their values
 */

#include "request.h"

#include <string.h>

static int do_get(Request *request)
{
        g_autoptr(GVariant) found = NULL;
        int r;

        if (request->is_async)
                return regent_get_async(request->regent, request_word(request, 0),
                                        request_word(request, 1), REQUEST_LATER(request));
        r = regent_get(request->regent, request_word(request, 0), request_word(request, 1), &found);
        if (r >= 0)
                request_put(request, g_variant_new("(v)", found));
        return r;
}

static int do_set(Request *request)
{
        g_autoptr(GVariant) given = request_value(request, 2);
        uint64_t revision;
        int r;

        if (request->is_async)
                return regent_set_async(request->regent, request_word(request, 0),
                                        request_word(request, 1), given, REQUEST_LATER(request));
        r = regent_set(request->regent, request_word(request, 0), request_word(request, 1), given,
                       &revision);
        if (r >= 0)
                request_put(request, g_variant_new("(t)", revision));
        return r;
}

static void free_bytes(gpointer bytes)
{
        g_free(bytes);
}

static int set_bytes(Request *request, uint8_t *bytes, size_t n_bytes)
{
        g_autoptr(GVariant) given = g_variant_ref_sink(
                g_variant_new_from_data(G_VARIANT_TYPE(request_word(request, 2)), bytes, n_bytes,
                                        FALSE, free_bytes, bytes));
        uint64_t revision;
        int r;

        if (request->is_async)
                return regent_set_async(request->regent, request_word(request, 0),
                                        request_word(request, 1), given, REQUEST_LATER(request));
        r = regent_set(request->regent, request_word(request, 0), request_word(request, 1), given,
                       &revision);
        if (r >= 0)
                request_put(request, g_variant_new("(t)", revision));
        return r;
}

/* A value of that type which the text is the serialized bytes of; "-" for no bytes. */
static int do_set_bytes(Request *request)
{
        const char *text = request_word(request, 3);
        size_t n_bytes = text ? strlen(text) : 0;

        return set_bytes(request, g_memdup2(text ? text : "", n_bytes), n_bytes);
}

/* The same of so many zeros. */
static int do_set_zeros(Request *request)
{
        size_t n_bytes = (size_t) request_number(request, 3);

        return set_bytes(request, g_malloc0(n_bytes), n_bytes);
}

static int do_delete(Request *request)
{
        uint64_t revision;
        int r;

        if (request->is_async)
                return regent_delete_async(request->regent, request_word(request, 0),
                                           request_word(request, 1), REQUEST_LATER(request));
        r = regent_delete(request->regent, request_word(request, 0), request_word(request, 1),
                          &revision);
        if (r >= 0)
                request_put(request, g_variant_new("(t)", revision));
        return r;
}

static int do_get_many(Request *request)
{
        const char *given = request_word(request, 1);
        g_auto(GStrv) keys = given ? g_strsplit(given, " ", -1) : NULL;
        g_autoptr(GVariant) options = request_value(request, 2), values = NULL;
        uint64_t revision;
        int r;

        if (request->is_async)
                return regent_get_many_async(request->regent, request_word(request, 0),
                                             (const char *const *) keys, options,
                                             REQUEST_LATER(request));
        r = regent_get_many(request->regent, request_word(request, 0), (const char *const *) keys,
                            options, &values, &revision);
        if (r >= 0)
                request_put(request, g_variant_new("(@a{sv}t)", values, revision));
        return r;
}

static int do_list(Request *request)
{
        g_auto(GStrv) keys = NULL;
        uint64_t revision;
        int r;

        if (request->is_async)
                return regent_list_async(request->regent, request_word(request, 0),
                                         request_word(request, 1), request_word(request, 2),
                                         (uint32_t) request_number(request, 3),
                                         REQUEST_LATER(request));
        r = regent_list(request->regent, request_word(request, 0), request_word(request, 1),
                        request_word(request, 2), (uint32_t) request_number(request, 3), &keys,
                        &revision);
        if (r >= 0)
                request_put(request, g_variant_new("(^ast)", keys, revision));
        return r;
}

static int do_describe(Request *request)
{
        g_autoptr(GVariant) facts = NULL;
        int r;

        if (request->is_async)
                return regent_describe_async(request->regent, request_word(request, 0),
                                             request_word(request, 1), REQUEST_LATER(request));
        r = regent_describe(request->regent, request_word(request, 0), request_word(request, 1),
                            &facts);
        if (r >= 0)
                request_put(request, g_variant_new("(@a{sv})", facts));
        return r;
}

static int do_get_changes(Request *request)
{
        g_autoptr(GVariant) changed = NULL;
        g_auto(GStrv) removed = NULL;
        uint64_t revision;
        int r;

        if (request->is_async)
                return regent_get_changes_async(request->regent, request_word(request, 0),
                                                request_word(request, 1),
                                                request_number(request, 2),
                                                request_word(request, 3), REQUEST_LATER(request));
        r = regent_get_changes(request->regent, request_word(request, 0), request_word(request, 1),
                               request_number(request, 2), request_word(request, 3), &changed,
                               &removed, &revision);
        if (r >= 0)
                request_put(request, g_variant_new("(@a{sv}^ast)", changed, removed, revision));
        return r;
}

const Command entry_commands[] = {
        { "delete", do_delete },
        { "describe", do_describe },
        { "get", do_get },
        { "get_changes", do_get_changes },
        { "get_many", do_get_many },
        { "list", do_list },
        { "set", do_set },
        { "set_bytes", do_set_bytes },
        { "set_zeros", do_set_zeros },
        { 0 },
};
