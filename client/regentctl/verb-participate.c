/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl participate
 *
 * A command decides: CMD prepare, and what came of it, CMD commit or CMD abort. Its exit status 0
 * agrees; else the first line of its standard error says why not.
 */

#include "command.h"
#include "event-line.h"
#include "participation.h"
#include "value-json.h"
#include "verb.h"

#include <string.h>

/* Of the time for an answer, what is left for sending it. */
#define MARGIN_DIVISOR  5
#define MARGIN_USEC_MAX (INT64_C(500) * G_USEC_PER_SEC / 1000)

#define TIMEOUT_USEC_MAX (INT64_C(10) * G_USEC_PER_SEC)

static const char *const step_names[] = {
        [PARTICIPATION_PREPARE] = "prepare",
        [PARTICIPATION_COMMIT] = "commit",
        [PARTICIPATION_ABORT] = "abort",
};

typedef struct Participating {
        Output *output;
        Bus *bus;
        char *const *command;
        Command *running; /* borrowed; NULL: none */
        bool is_withdrawn;
        bool is_registered;
} Participating;

static json_object *document_of(const ParticipationRequest *request)
{
        json_object *document = event_document_new(step_names[request->step], request->ns_name);
        g_autofree const char **unset = g_variant_get_strv(request->unset, NULL);
        json_object *keys = json_object_new_array();

        for (const char **key = unset; *key; key++)
                json_object_array_add(keys, json_object_new_string(*key));
        json_object_object_add(document, "transaction",
                               json_object_new_string(request->transaction));
        json_object_object_add(document, "set", value_json_from_values(request->set));
        json_object_object_add(document, "unset", keys);
        if (request->current)
                json_object_object_add(document, "current",
                                       value_json_from_values(request->current));
        if (request->revision > 0)
                json_object_object_add(document, "revision",
                                       json_object_new_uint64(request->revision));
        return document;
}

/* Why not, of a command that has not agreed. */
static char *reason_of(const Participating *participating, const Command *command)
{
        g_autofree char *line = command_first_line(command);
        int status = command_status(command);

        if (participating->is_withdrawn)
                return g_strdup("withdrawn by regentd");
        if (command_is_late(command))
                return g_strdup_printf("%s took too long", participating->command[0]);
        if (status == 0)
                return NULL;
        if (*line)
                return g_steal_pointer(&line);
        return g_strdup_printf("%s ended with status %d", participating->command[0], status);
}

static gboolean run_command(Participating *participating,
                            const ParticipationRequest *request,
                            json_object *document,
                            char **ret_reason,
                            Failure **reterr)
{
        int64_t margin_usec = MIN(request->timeout_usec / MARGIN_DIVISOR, MARGIN_USEC_MAX);
        g_autofree char *text = value_json_print(document, FALSE);
        g_autofree char *input = g_strconcat(text, "\n", NULL);
        const CommandSpec spec = { .argv = participating->command,
                                   .argument = step_names[request->step],
                                   .input = input,
                                   .timeout_usec = MAX(request->timeout_usec - margin_usec, 1000),
                                   .is_heard = true };
        g_autoptr(Command) command = NULL;
        bool is_done = false;
        gboolean is_ended;

        output_flush(participating->output);
        participating->is_withdrawn = false;
        if (!command_start(&spec, &is_done, &command, reterr))
                return FALSE;
        participating->running = command;
        is_ended = bus_wait(participating->bus, &is_done, reterr);
        participating->running = NULL;
        if (is_ended)
                *ret_reason = reason_of(participating, command);
        return is_ended;
}

static void print_line(Output *output, const ParticipationRequest *request, const char *reason)
{
        bool is_prepare = request->step == PARTICIPATION_PREPARE;

        event_line_stamp(output);
        output_text(output, STYLE_PLAIN, request->ns_name);
        output_escaped(output, STYLE_PLAIN, " ");
        output_escaped(output, STYLE_KEY, step_names[request->step]);
        output_escaped(output, STYLE_PLAIN, " ");
        output_text(output, STYLE_PLAIN, request->transaction);
        if (reason) {
                output_escaped(output, STYLE_REMOVED, is_prepare ? " refused: " : " failed: ");
                output_text(output, STYLE_PLAIN, reason);
        } else if (is_prepare) {
                output_escaped(output, STYLE_ADDED, " agreed");
        }
        output_escaped(output, STYLE_PLAIN, "\n");
        output_flush(output);
}

static gboolean on_request(const ParticipationRequest *request,
                           char **ret_reason,
                           void *userdata,
                           Failure **reterr)
{
        Participating *participating = userdata;
        json_object *document = document_of(request);
        g_autofree char *reason = NULL;

        if (!run_command(participating, request, document, &reason, reterr)) {
                json_object_put(document);
                return FALSE;
        }
        if (output_json(participating->output) != JSON_OFF) {
                if (request->step == PARTICIPATION_PREPARE)
                        json_object_object_add(document, "agreed",
                                               json_object_new_boolean(!reason));
                if (reason)
                        json_object_object_add(document, "reason", json_object_new_string(reason));
                event_document_print(participating->output, document);
        } else {
                json_object_put(document);
                print_line(participating->output, request, reason);
        }
        *ret_reason = g_steal_pointer(&reason);
        return TRUE;
}

static void on_registered(uint64_t revision, void *userdata)
{
        Participating *participating = userdata;
        json_object *document;

        if (output_json(participating->output) != JSON_OFF) {
                document = event_document_new("registered", NULL);
                json_object_object_add(document, "revision", json_object_new_uint64(revision));
                event_document_print(participating->output, document);
        } else if (participating->is_registered) {
                output_note(participating->output, "Is registered again.");
        } else {
                output_note(participating->output, "Registered; end with ^C.");
        }
        participating->is_registered = true;
}

static void on_away(void *userdata)
{
        Participating *participating = userdata;

        if (output_json(participating->output) != JSON_OFF)
                event_document_print(participating->output, event_document_new("away", NULL));
        else
                output_note(participating->output, "regentd is gone; waiting for it.");
}

static void on_shut_out(const char *why, void *userdata)
{
        Participating *participating = userdata;
        g_autofree char *escaped = output_escape(why);
        json_object *document;

        if (output_json(participating->output) == JSON_OFF) {
                output_note(participating->output,
                            "Does not take part any more (%s); tries to register again.", escaped);
                return;
        }
        document = event_document_new("unregistered", NULL);
        json_object_object_add(document, "reason", json_object_new_string(why));
        event_document_print(participating->output, document);
}

static void on_withdrawn(void *userdata)
{
        Participating *participating = userdata;

        participating->is_withdrawn = true;
        if (participating->running)
                command_end(participating->running);
}

static gboolean check(const Options *options, Failure **reterr)
{
        if (!options->command || !*options->command) {
                failure_set(reterr, EXIT_USAGE, "'participate' takes a command");
                failure_set_hint(*reterr, "regentctl participate NAMESPACE -- CMD");
                return FALSE;
        }
        if (options_have(options, "timeout") && options->timeout_usec > TIMEOUT_USEC_MAX)
                return failure_set(reterr, EXIT_USAGE, "--timeout= is at most 10s here");
        /* Found out when it is asked, it would refuse somebody else's change. */
        return command_check(options->command, reterr);
}

int verb_participate(Context *context, char **arguments, Failure **reterr)
{
        const Options *options = context->options;
        Participating participating = { .output = context->output, .command = options->command };
        const ParticipationSpec spec = {
                .ns_name = arguments[0],
                .prefix = arguments[1],
                .is_optional = options->is_optional,
                .timeout_usec = options_have(options, "timeout") ? options->timeout_usec : 0,
                .on_request = on_request,
                .on_registered = on_registered,
                .on_away = on_away,
                .on_shut_out = on_shut_out,
                .on_withdrawn = on_withdrawn,
                .userdata = &participating,
        };
        g_autoptr(Participation) participation = NULL;
        g_autoptr(Failure) failure = NULL;

        if (!check(options, reterr) || !context_bus(context, &participating.bus, reterr) ||
            !participation_new(participating.bus, &spec, &participation, reterr))
                return -1;

        participation_run(participation, &failure);
        if (failure->status == EXIT_INTERRUPTED)
                return EXIT_DONE;
        *reterr = g_steal_pointer(&failure);
        return -1;
}
