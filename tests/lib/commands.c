/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands
 */

#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A call without waiting, from its beginning to its reply. */
typedef struct Pending {
        Commands *commands;
        char *name;
        RegentCall *call;
} Pending;

/* What a function is given: the words behind its name, and where the reply goes. */
typedef struct Request {
        Regent *regent;
        Commands *commands;
        char **words;
        bool is_async;
        Pending *pending;
        GVariant *reply; /* what came, as a value */
} Request;

typedef int (*Function)(Request *request);

static void print_result(Regent *regent, const char *name, int result, GVariant *value)
{
        g_autofree char *text = value ? g_variant_print(value, TRUE) : g_strdup("-");
        g_autofree char *reason =
                result < 0 ? g_strescape(regent_error_text(regent) ? regent_error_text(regent) : "",
                                         NULL)
                           : NULL;

        printf("reply %s %d %s %s\n", name, result, result < 0 ? regent_error_name(regent) : "-",
               result < 0 ? reason : text);
        fflush(stdout);
}

static void pending_free(void *userdata)
{
        Pending *pending = userdata;

        g_free(pending->name);
        g_free(pending);
}

static void on_reply(Regent *regent, int result, GVariant *reply, void *userdata)
{
        Pending *pending = userdata;

        print_result(regent, pending->name, result, reply);
        g_hash_table_remove(pending->commands->calls, pending->name);
}

static const char *word(const Request *request, unsigned i)
{
        const char *text = i < g_strv_length(request->words) ? request->words[i] : "-";

        return strcmp(text, "-") == 0 ? NULL : text;
}

static GVariant *value(const Request *request, unsigned i)
{
        const char *text = word(request, i);
        g_autoptr(GError) error = NULL;
        GVariant *parsed;

        if (!text)
                return NULL;
        parsed = g_variant_parse(NULL, text, NULL, NULL, &error);
        if (!parsed)
                g_error("%s: %s", text, error->message);
        return g_variant_ref_sink(parsed);
}

static uint64_t number(const Request *request, unsigned i)
{
        const char *text = word(request, i);

        return text ? g_ascii_strtoull(text, NULL, 10) : 0;
}

static void put(Request *request, GVariant *reply)
{
        request->reply = g_variant_ref_sink(reply);
}

#define ASYNC (request->is_async)
#define LATER on_reply, request->pending, &request->pending->call

static int do_get(Request *request)
{
        g_autoptr(GVariant) found = NULL;
        int r;

        if (ASYNC)
                return regent_get_async(request->regent, word(request, 0), word(request, 1), LATER);
        r = regent_get(request->regent, word(request, 0), word(request, 1), &found);
        if (r >= 0)
                put(request, g_variant_new("(v)", found));
        return r;
}

static int do_set(Request *request)
{
        g_autoptr(GVariant) given = value(request, 2);
        uint64_t revision;
        int r;

        if (ASYNC)
                return regent_set_async(request->regent, word(request, 0), word(request, 1), given,
                                        LATER);
        r = regent_set(request->regent, word(request, 0), word(request, 1), given, &revision);
        if (r >= 0)
                put(request, g_variant_new("(t)", revision));
        return r;
}

static void free_bytes(gpointer bytes)
{
        g_free(bytes);
}

static int set_bytes(Request *request, uint8_t *bytes, size_t n_bytes)
{
        g_autoptr(GVariant) given = g_variant_ref_sink(g_variant_new_from_data(
                G_VARIANT_TYPE(word(request, 2)), bytes, n_bytes, FALSE, free_bytes, bytes));
        uint64_t revision;
        int r;

        if (ASYNC)
                return regent_set_async(request->regent, word(request, 0), word(request, 1), given,
                                        LATER);
        r = regent_set(request->regent, word(request, 0), word(request, 1), given, &revision);
        if (r >= 0)
                put(request, g_variant_new("(t)", revision));
        return r;
}

/* A value of that type which the text is the serialized bytes of; "-" for no bytes. */
static int do_set_bytes(Request *request)
{
        const char *text = word(request, 3);
        size_t n_bytes = text ? strlen(text) : 0;

        return set_bytes(request, g_memdup2(text ? text : "", n_bytes), n_bytes);
}

/* The same of so many zeros. */
static int do_set_zeros(Request *request)
{
        size_t n_bytes = (size_t) number(request, 3);

        return set_bytes(request, g_malloc0(n_bytes), n_bytes);
}

static int do_delete(Request *request)
{
        uint64_t revision;
        int r;

        if (ASYNC)
                return regent_delete_async(request->regent, word(request, 0), word(request, 1),
                                           LATER);
        r = regent_delete(request->regent, word(request, 0), word(request, 1), &revision);
        if (r >= 0)
                put(request, g_variant_new("(t)", revision));
        return r;
}

static int do_get_many(Request *request)
{
        const char *given = word(request, 1);
        g_auto(GStrv) keys = given ? g_strsplit(given, " ", -1) : NULL;
        g_autoptr(GVariant) options = value(request, 2), values = NULL;
        uint64_t revision;
        int r;

        if (ASYNC)
                return regent_get_many_async(request->regent, word(request, 0),
                                             (const char *const *) keys, options, LATER);
        r = regent_get_many(request->regent, word(request, 0), (const char *const *) keys, options,
                            &values, &revision);
        if (r >= 0)
                put(request, g_variant_new("(@a{sv}t)", values, revision));
        return r;
}

static int do_list(Request *request)
{
        g_auto(GStrv) keys = NULL;
        uint64_t revision;
        int r;

        if (ASYNC)
                return regent_list_async(request->regent, word(request, 0), word(request, 1),
                                         word(request, 2), (uint32_t) number(request, 3), LATER);
        r = regent_list(request->regent, word(request, 0), word(request, 1), word(request, 2),
                        (uint32_t) number(request, 3), &keys, &revision);
        if (r >= 0)
                put(request, g_variant_new("(^ast)", keys, revision));
        return r;
}

static int do_describe(Request *request)
{
        g_autoptr(GVariant) facts = NULL;
        int r;

        if (ASYNC)
                return regent_describe_async(request->regent, word(request, 0), word(request, 1),
                                             LATER);
        r = regent_describe(request->regent, word(request, 0), word(request, 1), &facts);
        if (r >= 0)
                put(request, g_variant_new("(@a{sv})", facts));
        return r;
}

static int do_get_changes(Request *request)
{
        g_autoptr(GVariant) changed = NULL;
        g_auto(GStrv) removed = NULL;
        uint64_t revision;
        int r;

        if (ASYNC)
                return regent_get_changes_async(request->regent, word(request, 0), word(request, 1),
                                                number(request, 2), word(request, 3), LATER);
        r = regent_get_changes(request->regent, word(request, 0), word(request, 1),
                               number(request, 2), word(request, 3), &changed, &removed, &revision);
        if (r >= 0)
                put(request, g_variant_new("(@a{sv}^ast)", changed, removed, revision));
        return r;
}

static int do_call(Request *request)
{
        g_autoptr(GVariant) arguments = value(request, 3);
        g_autoptr(GVariant) reply = NULL;
        int r;

        if (ASYNC)
                return regent_call_async(request->regent, word(request, 0), word(request, 1),
                                         word(request, 2), arguments, word(request, 4), LATER);
        r = regent_call(request->regent, word(request, 0), word(request, 1), word(request, 2),
                        arguments, word(request, 4), &reply);
        if (r >= 0)
                put(request, reply);
        return r;
}

/* Whether a file came along shows in the reply: it has the size of it. */
static void on_reply_for_fd(Regent *regent, int result, GVariant *reply, int fd, void *userdata)
{
        g_autoptr(GVariant) both = NULL;

        if (result >= 0)
                both = g_variant_ref_sink(
                        g_variant_new("(@*x)", reply, (gint64) lseek(fd, 0, SEEK_END)));
        on_reply(regent, result, both, userdata);
}

/* Replies with the reply, and the size of the file that came along. */
static int do_call_for_fd(Request *request)
{
        g_autoptr(GVariant) arguments = value(request, 3), reply = NULL;
        int r, fd;

        if (ASYNC)
                return regent_call_for_fd_async(request->regent, word(request, 0), word(request, 1),
                                                word(request, 2), arguments, word(request, 4),
                                                on_reply_for_fd, request->pending,
                                                &request->pending->call);
        r = regent_call_for_fd(request->regent, word(request, 0), word(request, 1),
                               word(request, 2), arguments, word(request, 4), &reply, &fd);
        if (r >= 0) {
                put(request, g_variant_new("(@*x)", reply, (gint64) lseek(fd, 0, SEEK_END)));
                close(fd);
        }
        return r;
}

static int do_list_namespaces(Request *request)
{
        g_auto(GStrv) names = NULL;
        int r;

        if (ASYNC)
                return regent_list_namespaces_async(request->regent, word(request, 0),
                                                    word(request, 1), (uint32_t) number(request, 2),
                                                    LATER);
        r = regent_list_namespaces(request->regent, word(request, 0), word(request, 1),
                                   (uint32_t) number(request, 2), &names);
        if (r >= 0)
                put(request, g_variant_new("(^as)", names));
        return r;
}

static int do_create_namespace(Request *request)
{
        g_autoptr(GVariant) options = value(request, 1);

        return ASYNC ? regent_create_namespace_async(request->regent, word(request, 0), options,
                                                     LATER)
                     : regent_create_namespace(request->regent, word(request, 0), options);
}

static int do_process(Request *request)
{
        return regent_process(request->regent);
}

static int do_remove_namespace(Request *request)
{
        return ASYNC ? regent_remove_namespace_async(request->regent, word(request, 0),
                                                     number(request, 1), LATER)
                     : regent_remove_namespace(request->regent, word(request, 0),
                                               number(request, 1));
}

static int do_set_access(Request *request)
{
        g_autoptr(GVariant) options = value(request, 1);

        return ASYNC ? regent_set_access_async(request->regent, word(request, 0), options, LATER)
                     : regent_set_access(request->regent, word(request, 0), options);
}

static int do_get_properties(Request *request)
{
        g_autoptr(GVariant) properties = NULL;
        int r;

        if (ASYNC)
                return regent_get_properties_async(request->regent, word(request, 0), LATER);
        r = regent_get_properties(request->regent, word(request, 0), &properties);
        if (r >= 0)
                put(request, g_variant_new("(@a{sv})", properties));
        return r;
}

static int do_flush(Request *request)
{
        uint64_t revision;
        int r;

        if (ASYNC)
                return regent_flush_async(request->regent, LATER);
        r = regent_flush(request->regent, &revision);
        if (r >= 0)
                put(request, g_variant_new("(t)", revision));
        return r;
}

static int do_get_statistics(Request *request)
{
        g_autoptr(GVariant) statistics = NULL;
        int r;

        if (ASYNC)
                return regent_get_statistics_async(request->regent, number(request, 0), LATER);
        r = regent_get_statistics(request->regent, number(request, 0), &statistics);
        if (r >= 0)
                put(request, g_variant_new("(@a{sv})", statistics));
        return r;
}

static int do_confirm(Request *request)
{
        uint64_t revision;
        int r;

        if (ASYNC)
                return regent_confirm_async(request->regent, word(request, 0), LATER);
        r = regent_confirm(request->regent, word(request, 0), &revision);
        if (r >= 0)
                put(request, g_variant_new("(t)", revision));
        return r;
}

static int do_cancel(Request *request)
{
        uint64_t revision;
        int r;

        if (ASYNC)
                return regent_cancel_async(request->regent, word(request, 0), LATER);
        r = regent_cancel(request->regent, word(request, 0), &revision);
        if (r >= 0)
                put(request, g_variant_new("(t)", revision));
        return r;
}

static int do_change_new(Request *request)
{
        Commands *commands = request->commands;

        regent_change_free(commands->change);
        commands->change = regent_change_new();
        return 0;
}

static int do_change_set(Request *request)
{
        g_autoptr(GVariant) given = value(request, 2);

        regent_change_set(request->commands->change, word(request, 0), word(request, 1), given);
        return 0;
}

static int do_change_unset(Request *request)
{
        regent_change_unset(request->commands->change, word(request, 0), word(request, 1));
        return 0;
}

static int do_change_expect(Request *request)
{
        regent_change_expect(request->commands->change, word(request, 0), word(request, 1),
                             number(request, 2));
        return 0;
}

static int do_change_set_class(Request *request)
{
        regent_change_set_class(request->commands->change, word(request, 0), word(request, 1),
                                word(request, 2));
        return 0;
}

static int do_change_set_release(Request *request)
{
        regent_change_set_release(request->commands->change, word(request, 0), word(request, 1));
        return 0;
}

static int do_change_set_reason(Request *request)
{
        regent_change_set_reason(request->commands->change, word(request, 0));
        return 0;
}

static int do_change_set_lazy(Request *request)
{
        regent_change_set_lazy(request->commands->change, number(request, 0) != 0);
        return 0;
}

static int do_change_set_confirm_timeout(Request *request)
{
        regent_change_set_confirm_timeout(request->commands->change, number(request, 0));
        return 0;
}

static int do_change_apply(Request *request)
{
        const RegentChange *change = request->commands->change;
        g_autoptr(GVariant) result = NULL;
        uint64_t revision;
        int r;

        if (ASYNC)
                return regent_change_apply_async(request->regent, change, number(request, 0),
                                                 LATER);
        r = regent_change_apply(request->regent, change, number(request, 0), &revision, &result);
        if (r >= 0)
                put(request, g_variant_new("(t@a{sv})", revision, result));
        return r;
}

static int do_namespace_path(Request *request)
{
        g_autofree char *path = NULL;
        int r;

        r = regent_namespace_path(request->regent, word(request, 0), &path);
        if (r >= 0)
                put(request, g_variant_new("(o)", path));
        return r;
}

/* Whose name on the bus, and whether there is a channel. */
static int do_who(Request *request)
{
        const char *name = regent_unique_name(request->regent);

        put(request, g_variant_new("(sb)", name ? name : "", regent_has_channel(request->regent)));
        return 0;
}

/* Ends the call that has this name. */
static int do_call_cancel(Request *request)
{
        Pending *pending = g_hash_table_lookup(request->commands->calls, word(request, 0));

        if (pending) {
                regent_call_cancel(pending->call);
                g_hash_table_remove(request->commands->calls, word(request, 0));
        }
        return 0;
}

static const struct {
        const char *name;
        Function function;
} functions[] = {
        { "call", do_call },
        { "call_cancel", do_call_cancel },
        { "call_for_fd", do_call_for_fd },
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
        { "create_namespace", do_create_namespace },
        { "delete", do_delete },
        { "describe", do_describe },
        { "flush", do_flush },
        { "get", do_get },
        { "get_changes", do_get_changes },
        { "get_many", do_get_many },
        { "get_properties", do_get_properties },
        { "get_statistics", do_get_statistics },
        { "list", do_list },
        { "list_namespaces", do_list_namespaces },
        { "namespace_path", do_namespace_path },
        { "process", do_process },
        { "remove_namespace", do_remove_namespace },
        { "set", do_set },
        { "set_access", do_set_access },
        { "set_bytes", do_set_bytes },
        { "set_zeros", do_set_zeros },
        { "who", do_who },
};

static Function find(const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(functions); i++)
                if (strcmp(functions[i].name, name) == 0)
                        return functions[i].function;

        g_error("no such command: %s", name);
}

static void run_async(Request *request, const char *name, Function function)
{
        Pending *pending = g_new0(Pending, 1);
        int r;

        pending->commands = request->commands;
        pending->name = g_strdup(name);
        request->is_async = true;
        request->pending = pending;
        r = function(request);
        if (r < 0) {
                print_result(request->regent, name, r, NULL);
                pending_free(pending);
                return;
        }

        g_hash_table_insert(request->commands->calls, pending->name, pending);
}

void commands_run(Commands *commands, const char *line)
{
        g_auto(GStrv) words = g_strsplit(line, "\t", -1);
        Request request = { .regent = commands->regent, .commands = commands, .words = words + 1 };
        int r;

        if (strcmp(words[0], "async") == 0) {
                request.words = words + 3;
                run_async(&request, words[1], find(words[2]));
                return;
        }

        r = find(words[0])(&request);
        print_result(commands->regent, words[0], r, request.reply);
        g_clear_pointer(&request.reply, g_variant_unref);
}

void commands_init(Commands *commands, Regent *regent)
{
        *commands = (Commands){ .regent = regent };
        commands->calls = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, pending_free);
        commands->change = regent_change_new();
}

void commands_clear(Commands *commands)
{
        regent_change_free(commands->change);
        g_hash_table_unref(commands->calls);
}
