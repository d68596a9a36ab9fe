/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl monitor
 *
 * A line an event, written at once. It ends with ^C, which is the usual end and no failure.
 */

#include "event-line.h"
#include "monitor.h"
#include "value-json.h"
#include "verb.h"

static const char *const kind_names[] = {
        [MONITOR_SET] = "set",         [MONITOR_UNSET] = "unset", [MONITOR_MADE] = "made",
        [MONITOR_REMOVED] = "removed", [MONITOR_AWAY] = "away",   [MONITOR_BACK] = "back",
};

static void print_document(Output *output, const MonitorEvent *event)
{
        json_object *document = event_document_new(kind_names[event->kind], event->ns_name);

        if (event->key) {
                json_object_object_add(document, "key", json_object_new_string(event->key));
                json_object_object_add(document, "value",
                                       event->value ? value_json_from_variant(event->value) : NULL);
        }
        event_document_print(output, document);
}

static void print_line(Output *output, const MonitorEvent *event)
{
        event_line_stamp(output);
        output_text(output, STYLE_PLAIN, event->ns_name);
        output_escaped(output, STYLE_PLAIN, " ");
        if (event->key) {
                event_line_key(output, event->key, event->value);
        } else {
                output_escaped(output, event->kind == MONITOR_MADE ? STYLE_ADDED : STYLE_REMOVED,
                               event->kind == MONITOR_MADE ? "(made)" : "(removed)");
                output_escaped(output, STYLE_PLAIN, "\n");
        }
        output_flush(output);
}

static void on_event(const MonitorEvent *event, void *userdata)
{
        Output *output = userdata;

        if (output_json(output) != JSON_OFF)
                print_document(output, event);
        else if (event->kind == MONITOR_AWAY)
                output_note(output, "regentd is gone; waiting for it.");
        else if (event->kind == MONITOR_BACK)
                output_note(output, "regentd is back; what differs now follows.");
        else
                print_line(output, event);
}

/* From here on nothing is missed. */
static void tell_ready(Output *output)
{
        if (output_json(output) == JSON_OFF)
                output_note(output, "Watching; end with ^C.");
        else
                event_document_print(output, event_document_new("watching", NULL));
}

int verb_monitor(Context *context, char **arguments, Failure **reterr)
{
        g_autoptr(Monitor) monitor = NULL;
        g_autoptr(Failure) failure = NULL;
        Bus *bus = NULL;

        if (!context_bus(context, &bus, reterr))
                return -1;

        monitor = monitor_new(bus, context->options->prefix, on_event, context->output);
        for (char **ns_name = arguments; *ns_name; ns_name++)
                monitor_add(monitor, *ns_name);
        if (!arguments[0])
                monitor_add(monitor, NULL);
        if (monitor_start(monitor, &failure)) {
                tell_ready(context->output);
                monitor_run(monitor, &failure);
        }
        if (failure->status == EXIT_INTERRUPTED)
                return EXIT_DONE;
        *reterr = g_steal_pointer(&failure);
        return -1;
}
