/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Request
 */

#include "request.h"

#include <stdio.h>
#include <string.h>

void request_print(Regent *regent, const char *name, int result, GVariant *reply)
{
        g_autofree char *text = reply ? g_variant_print(reply, TRUE) : g_strdup("-");
        g_autofree char *reason =
                result < 0 ? g_strescape(regent_error_text(regent) ? regent_error_text(regent) : "",
                                         NULL)
                           : NULL;

        printf("reply %s %d %s %s\n", name, result, result < 0 ? regent_error_name(regent) : "-",
               result < 0 ? reason : text);
        fflush(stdout);
}

void request_on_reply(Regent *regent, int result, GVariant *reply, void *userdata)
{
        Pending *pending = userdata;

        request_print(regent, pending->name, result, reply);
        g_hash_table_remove(pending->commands->calls, pending->name);
}

const char *request_word(const Request *request, unsigned i)
{
        const char *text = i < g_strv_length(request->words) ? request->words[i] : "-";

        return strcmp(text, "-") == 0 ? NULL : text;
}

GVariant *request_value(const Request *request, unsigned i)
{
        const char *text = request_word(request, i);
        g_autoptr(GError) error = NULL;
        GVariant *parsed;

        if (!text)
                return NULL;
        parsed = g_variant_parse(NULL, text, NULL, NULL, &error);
        if (!parsed)
                g_error("%s: %s", text, error->message);
        return g_variant_ref_sink(parsed);
}

uint64_t request_number(const Request *request, unsigned i)
{
        const char *text = request_word(request, i);

        return text ? g_ascii_strtoull(text, NULL, 10) : 0;
}

void request_put(Request *request, GVariant *reply)
{
        request->reply = g_variant_ref_sink(reply);
}
