/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl watch
 *
 * What there is, then every commit. With a command, that one gets the documents instead, one after
 * the other: what comes meanwhile waits, and regentd is told only of what the command is done with.
 */

#include "command.h"
#include "event-line.h"
#include "follower.h"
#include "value-json.h"
#include "verb.h"

#include <string.h>

static const char *const kind_names[] = {
        [FOLLOWER_STATE] = "state",     [FOLLOWER_CHANGE] = "change",
        [FOLLOWER_REMOVED] = "removed", [FOLLOWER_WATCHING] = "watching",
        [FOLLOWER_BEHIND] = "behind",   [FOLLOWER_LOST] = "history-lost",
        [FOLLOWER_AWAY] = "away",       [FOLLOWER_BACK] = "back",
};

typedef struct Watching {
        Context *context;
        Output *output;
        Bus *bus;
        Follower *follower;
        char *const *command; /* NULL: print */
        uint64_t n_left;      /* changes until the end; 0: no end */
        char *position;       /* to go on from */
        bool is_begun;        /* what there is at first has been told */
} Watching;

static void add_change(json_object *document, const FollowerEvent *event)
{
        json_object *removed = json_object_new_array();

        for (const char *const *key = event->removed; key && *key; key++)
                json_object_array_add(removed, json_object_new_string(*key));
        json_object_object_add(document, "previous", json_object_new_uint64(event->previous));
        json_object_object_add(document, "changed", value_json_from_values(event->values));
        json_object_object_add(document, "removed", removed);
        json_object_object_add(document, "merged", json_object_new_boolean(event->is_merged));
}

static json_object *document_of(const FollowerEvent *event)
{
        json_object *document = event_document_new(kind_names[event->kind], event->ns_name);

        json_object_object_add(document, "revision", json_object_new_uint64(event->revision));
        if (event->position)
                json_object_object_add(document, "position",
                                       json_object_new_string(event->position));
        if (event->kind == FOLLOWER_STATE)
                json_object_object_add(document, "values", value_json_from_values(event->values));
        if (event->kind == FOLLOWER_CHANGE)
                add_change(document, event);
        return document;
}

static void begin_line(const Watching *watching, const FollowerEvent *event)
{
        if (output_is_terminal(watching->output)) {
                output_escaped(watching->output, STYLE_PLAIN, "  ");
                return;
        }
        event_line_stamp(watching->output);
        output_text(watching->output, STYLE_PLAIN, event->ns_name);
        output_escaped(watching->output, STYLE_PLAIN, " ");
}

/* For people, what belongs together stands under a line of its own; a pipe gets the same line for each key. */
static void print_heading(const Watching *watching, const FollowerEvent *event)
{
        g_autofree char *revision =
                g_strdup_printf(" revision %" G_GUINT64_FORMAT "%s", event->revision,
                                event->is_merged ? " (several changes)" : "");

        if (!output_is_terminal(watching->output))
                return;
        event_line_stamp(watching->output);
        output_text(watching->output, STYLE_PLAIN, event->ns_name);
        output_escaped(watching->output, STYLE_DIM, revision);
        output_escaped(watching->output, STYLE_PLAIN, "\n");
}

static void print_values(const Watching *watching, const FollowerEvent *event)
{
        GVariantIter iterator;
        const char *key;
        GVariant *value;

        print_heading(watching, event);
        g_variant_iter_init(&iterator, event->values);
        while (g_variant_iter_loop(&iterator, "{&sv}", &key, &value)) {
                begin_line(watching, event);
                event_line_key(watching->output, key, value);
        }
        for (const char *const *gone = event->removed; gone && *gone; gone++) {
                begin_line(watching, event);
                event_line_key(watching->output, *gone, NULL);
        }
        output_flush(watching->output);
}

static void print_removed(const Watching *watching, const FollowerEvent *event)
{
        event_line_stamp(watching->output);
        output_text(watching->output, STYLE_PLAIN, event->ns_name);
        output_escaped(watching->output, STYLE_REMOVED, " (removed)");
        output_escaped(watching->output, STYLE_PLAIN, "\n");
        output_flush(watching->output);
}

static void print_note(const Watching *watching, const FollowerEvent *event)
{
        g_autofree char *why = output_escape(event->why ? event->why : "");

        switch (event->kind) {
        case FOLLOWER_WATCHING:
                if (!watching->is_begun)
                        output_note(watching->output, "Watching; end with ^C.");
                return;
        case FOLLOWER_BEHIND:
                output_note(watching->output, "Behind (%s); what differs now follows.", why);
                return;
        case FOLLOWER_LOST:
                output_note(watching->output,
                            "What has changed is not known any more (%s); "
                            "what there is follows.",
                            why);
                return;
        case FOLLOWER_AWAY:
                output_note(watching->output, "regentd is gone; waiting for it.");
                return;
        default:
                output_note(watching->output, "regentd is back; what differs now follows.");
                return;
        }
}

static void print_event(const Watching *watching, const FollowerEvent *event)
{
        if (output_json(watching->output) != JSON_OFF && !watching->command)
                event_document_print(watching->output, document_of(event));
        else if (!event->ns_name)
                print_note(watching, event);
        else if (watching->command)
                return;
        else if (event->kind == FOLLOWER_REMOVED)
                print_removed(watching, event);
        else
                print_values(watching, event);
}

static gboolean run_command(const Watching *watching, const FollowerEvent *event, Failure **reterr)
{
        json_object *document = document_of(event);
        g_autofree char *text = value_json_print(document, FALSE);
        g_autofree char *input = g_strconcat(text, "\n", NULL);
        const CommandSpec spec = { .argv = watching->command, .input = input };
        g_autoptr(Command) command = NULL;
        bool is_done = false;

        json_object_put(document);
        output_flush(watching->output);
        if (!command_start(&spec, &is_done, &command, reterr) ||
            !bus_wait(watching->bus, &is_done, reterr))
                return FALSE;
        if (command_status(command) != 0)
                output_note(watching->output, "The command ended with status %d.",
                            command_status(command));
        return TRUE;
}

/* Whether a command is to hear of it: the state at the start is no change. */
static bool is_news(const Watching *watching, const FollowerEvent *event)
{
        return event->kind == FOLLOWER_CHANGE || event->kind == FOLLOWER_REMOVED ||
               (event->kind == FOLLOWER_STATE && watching->is_begun);
}

static gboolean on_event(const FollowerEvent *event, void *userdata, Failure **reterr)
{
        Watching *watching = userdata;

        print_event(watching, event);
        if (watching->command && is_news(watching, event) && !run_command(watching, event, reterr))
                return FALSE;
        if (event->position) {
                g_free(watching->position);
                watching->position = g_strdup(event->position);
        }
        /* What was lost is told from the beginning, and that is news. */
        if (event->kind == FOLLOWER_WATCHING || event->kind == FOLLOWER_LOST)
                watching->is_begun = true;
        if (event->kind == FOLLOWER_CHANGE && watching->n_left > 0 && --watching->n_left == 0)
                follower_end(watching->follower);
        return TRUE;
}

static gboolean read_count(const char *text, uint64_t *ret_count, Failure **reterr)
{
        if (g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT64, ret_count, NULL))
                return TRUE;
        return failure_set(reterr, EXIT_USAGE, "--count= takes a number from 1 on, not '%s'", text);
}

static gboolean check(const Options *options, char **arguments, Failure **reterr)
{
        bool has_command = options->command && *options->command;

        if (options->prefix && *arguments)
                return failure_set(reterr, EXIT_USAGE,
                                   "--prefix= is of names of namespaces: it excludes NAMESPACE");
        if (!options->prefix && !*arguments) {
                failure_set(reterr, EXIT_USAGE, "'watch' takes a NAMESPACE, or --prefix=");
                failure_set_hint(*reterr, "--prefix= alone: all namespaces that you may read.");
                return FALSE;
        }
        if (options->is_exec && !has_command)
                return failure_set(reterr, EXIT_USAGE, "--exec takes a command: --exec -- CMD...");
        if (options->command && !options->is_exec)
                return failure_set(reterr, EXIT_USAGE, "A command goes with --exec alone");
        if (options->is_exec && options->json != JSON_OFF)
                return failure_set(reterr, EXIT_USAGE,
                                   "--exec and --json= exclude each other: CMD gets JSON always");
        return !options->is_exec || command_check(options->command, reterr);
}

int verb_watch(Context *context, char **arguments, Failure **reterr)
{
        const Options *options = context->options;
        Watching watching = { .context = context, .output = context->output };
        const FollowerSpec spec = {
                .ns_name = arguments[0],
                .prefix = arguments[0] ? arguments[1] : NULL,
                .ns_prefix = options->prefix,
                .since = options->since,
                .on_event = on_event,
                .userdata = &watching,
        };
        g_autoptr(Follower) follower = NULL;
        g_autoptr(Failure) failure = NULL;
        g_autofree char *position = NULL;
        gboolean is_done;

        if (!check(options, arguments, reterr) ||
            (options->count && !read_count(options->count, &watching.n_left, reterr)) ||
            !context_bus(context, &watching.bus, reterr) ||
            !follower_new(watching.bus, &spec, &follower, reterr))
                return -1;

        watching.command = options->command;
        watching.follower = follower;
        is_done = follower_run(follower, &failure);
        position = watching.position;
        if (!is_done && failure->status != EXIT_INTERRUPTED) {
                *reterr = g_steal_pointer(&failure);
                return -1;
        }
        if (position)
                output_note(context->output, "--since=%s goes on from here.", position);
        return EXIT_DONE;
}
