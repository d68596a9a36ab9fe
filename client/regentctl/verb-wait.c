/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl wait
 *
 * Returns when a key is as it is to be: at once when it is so already, else when a commit makes it so.
 */

#include "argument-value.h"
#include "client/regent-names.h"
#include "event-line.h"
#include "follower.h"
#include "value-json.h"
#include "value-type.h"
#include "verb.h"

#include <string.h>

typedef struct Waiting {
        const Options *options;
        Interrupt *interrupt;
        Output *output;
        Follower *follower;
        char *key;
        const char *text;  /* of the value; NULL: any */
        GVariant *value;   /* it is to be exactly this; NULL: as @text says, in the type it has */
        GVariant *found;   /* what the key came to; NULL: it is not there */
        uint64_t revision; /* of that */
        bool is_noted;     /* it was said that it waits */
        bool is_late;
} Waiting;

static void waiting_clear(Waiting *waiting)
{
        g_free(waiting->key);
        g_clear_pointer(&waiting->value, g_variant_unref);
        g_clear_pointer(&waiting->found, g_variant_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Waiting, waiting_clear)

/* Whether @present is the value that 'set' would make of the text. */
static gboolean matches(const Waiting *waiting,
                        GVariant *present,
                        bool *ret_matches,
                        Failure **reterr)
{
        g_autofree char *signature = g_strdup(g_variant_get_type_string(present));
        const ArgumentType type = { .signature = signature, .how = "", .is_kept = true };
        g_autoptr(GVariant) wanted = waiting->value ? g_variant_ref(waiting->value) : NULL;

        if (waiting->text && !wanted &&
            !argument_value_parse(&type, waiting->key, waiting->text, &wanted, reterr))
                return FALSE;
        *ret_matches = !wanted || g_variant_equal(present, wanted);
        return TRUE;
}

/* The key is this now; NULL: it is not there. */
static gboolean take(Waiting *waiting, GVariant *present, uint64_t revision, Failure **reterr)
{
        bool is_met = waiting->options->is_absent && !present;

        if (present && !waiting->options->is_absent && !matches(waiting, present, &is_met, reterr))
                return FALSE;
        if (!is_met)
                return TRUE;
        waiting->found = present ? g_variant_ref(present) : NULL;
        waiting->revision = revision;
        follower_end(waiting->follower);
        return TRUE;
}

static void note(Waiting *waiting, const FollowerEvent *event)
{
        if (event->kind == FOLLOWER_WATCHING && !waiting->is_noted) {
                waiting->is_noted = true;
                output_note(waiting->output, "Waiting; end with ^C.");
        } else if (event->kind == FOLLOWER_AWAY) {
                output_note(waiting->output, "regentd is not there; waiting for it.");
        } else if (event->kind == FOLLOWER_REMOVED && !waiting->options->is_absent) {
                output_note(waiting->output, "%s is not there; waiting for it.", event->ns_name);
        }
}

static gboolean on_event(const FollowerEvent *event, void *userdata, Failure **reterr)
{
        Waiting *waiting = userdata;
        g_autoptr(GVariant) value = NULL;

        note(waiting, event);
        if (!event->ns_name)
                return TRUE;
        if (event->values)
                value = g_variant_lookup_value(event->values, waiting->key, NULL);
        if (event->kind == FOLLOWER_CHANGE && !value &&
            !g_strv_contains(event->removed, waiting->key))
                return TRUE;
        return take(waiting, value, event->revision, reterr);
}

static gboolean on_deadline(gpointer userdata)
{
        Waiting *waiting = userdata;

        waiting->is_late = true;
        interrupt_raise(waiting->interrupt);
        return G_SOURCE_CONTINUE;
}

static gboolean read_arguments(Waiting *waiting, char **arguments, Failure **reterr)
{
        const char *equals = strchr(arguments[1], '=');
        const Options *options = waiting->options;
        const ArgumentType type = { .signature = options->type, .how = "" };

        waiting->key = equals ? g_strndup(arguments[1], (gsize) (equals - arguments[1]))
                              : g_strdup(arguments[1]);
        waiting->text = equals ? equals + 1 : NULL;
        if (waiting->text && options->is_absent)
                return failure_set(reterr, EXIT_USAGE, "--absent takes a KEY alone, no VALUE");
        if (!waiting->text && options->type)
                return failure_set(reterr, EXIT_USAGE, "--type= is of a VALUE: KEY=VALUE");
        return !options->type ||
               argument_value_parse(&type, waiting->key, waiting->text, &waiting->value, reterr);
}

/* A key that no namespace can have would be waited for without end. */
static gboolean check_key(Bus *bus, const char *ns_name, const char *key, Failure **reterr)
{
        g_autoptr(Failure) failure = NULL;

        if (bus_call_namespace(bus, ns_name, "Describe", g_variant_new("(s)", key), "(a{sv})", NULL,
                               &failure) ||
            (failure->status != EXIT_INVALID && failure->status != EXIT_DENIED &&
             failure->status != EXIT_INTERRUPTED && bus_is_connected(bus)))
                return TRUE;
        *reterr = g_steal_pointer(&failure);
        return FALSE;
}

static void report(Output *output, const char *ns_name, const Waiting *waiting)
{
        json_object *document;

        if (output_json(output) == JSON_OFF)
                return;
        document = json_object_new_object();
        json_object_object_add(document, "namespace", json_object_new_string(ns_name));
        json_object_object_add(document, "key", json_object_new_string(waiting->key));
        json_object_object_add(document, "value",
                               waiting->found ? value_json_from_variant(waiting->found) : NULL);
        json_object_object_add(document, "revision", json_object_new_uint64(waiting->revision));
        output_document(output, document);
}

static void fail_late(const Waiting *waiting, const char *ns_name, Failure **reterr)
{
        g_autofree char *wanted = waiting->options->is_absent ? g_strdup("gone")
                                  : waiting->text ? g_strdup_printf("'%s'", waiting->text)
                                                  : g_strdup("there");

        failure_set(reterr, EXIT_TIMEOUT, "%s of %s is not %s after %g s", waiting->key, ns_name,
                    wanted, (double) waiting->options->timeout_usec / G_USEC_PER_SEC);
        failure_set_hint(*reterr, "'regentctl get %s %s' shows what it is now.", ns_name,
                         waiting->key);
}

static gboolean wait_for_key(Bus *bus, const char *ns_name, Waiting *waiting, Failure **reterr)
{
        const FollowerSpec spec = {
                .ns_name = ns_name,
                .prefix = waiting->key,
                .is_patient = true,
                .on_event = on_event,
                .userdata = waiting,
        };
        g_autoptr(Follower) follower = NULL;

        if (!check_key(bus, ns_name, waiting->key, reterr) ||
            !follower_new(bus, &spec, &follower, reterr))
                return FALSE;
        waiting->follower = follower;
        return follower_run(follower, reterr);
}

int verb_wait(Context *context, char **arguments, Failure **reterr)
{
        g_auto(Waiting) waiting = { .options = context->options,
                                    .interrupt = context->interrupt,
                                    .output = context->output };
        guint timer = 0;
        gboolean is_met;
        Bus *bus = NULL;

        if (!read_arguments(&waiting, arguments, reterr))
                return -1;
        if (options_have(context->options, "timeout"))
                timer = g_timeout_add((guint) (context->options->timeout_usec / 1000), on_deadline,
                                      &waiting);
        is_met = context_bus(context, &bus, reterr) &&
                 wait_for_key(bus, arguments[0], &waiting, reterr);
        if (timer != 0)
                g_source_remove(timer);
        if (is_met) {
                report(context->output, arguments[0], &waiting);
                return EXIT_DONE;
        }
        if (waiting.is_late) {
                g_clear_pointer(reterr, failure_free);
                fail_late(&waiting, arguments[0], reterr);
        }
        return -1;
}
