/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands
 */

#include "request.h"

#include <string.h>

static void pending_free(void *userdata)
{
        Pending *pending = userdata;

        g_free(pending->name);
        g_free(pending);
}

static const Command *find(const char *name)
{
        static const Command *const tables[] = { change_commands, entry_commands,
                                                 service_commands };

        for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
                for (const Command *command = tables[i]; command->name; command++)
                        if (strcmp(command->name, name) == 0)
                                return command;

        g_error("no such command: %s", name);
}

static void run_async(Request *request, const char *name, const Command *command)
{
        Pending *pending = g_new0(Pending, 1);
        int r;

        pending->commands = request->commands;
        pending->name = g_strdup(name);
        request->is_async = true;
        request->pending = pending;
        r = command->function(request);
        if (r < 0) {
                request_print(request->regent, name, r, NULL);
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

        r = find(words[0])->function(&request);
        request_print(commands->regent, words[0], r, request.reply);
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
