/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Verb
 *
 * The table is in the order of the help: looking around, keys, much at once, the service.
 */

#include "verb.h"

#include <string.h>

const Verb verbs[] = {
        { "status", "[NAMESPACE...]", "Show how the service or a namespace is", 0,
          VERB_ARGUMENTS_MANY, verb_status, NULL },
        { "namespaces", "[PREFIX]", "List the namespaces that you may read", 0, 1, verb_namespaces,
          NULL },
        { "create", "NAMESPACE", "Make an empty namespace", 1, 1, verb_create,
          "Without options it is yours, with the mode 0644." },
        { "remove", "NAMESPACE", "Remove a namespace", 1, 1, verb_remove, NULL },
        { "access", "NAMESPACE", "Show or change owner, group, mode, quotas", 1, 1, verb_access,
          "Without options it shows them." },

        { "get", "NAMESPACE [KEY...]", "Print the values of keys, or of all", 1,
          VERB_ARGUMENTS_MANY, verb_get,
          "One KEY: the value alone; into a pipe bare and without its type, as scripts\n"
          "like it. --default= counts when there is no such key." },
        { "set", "NAMESPACE KEY [VALUE]", "Set a key", 2, 3, verb_set,
          "VALUE becomes what it looks like: true or false a boolean, digits an integer\n"
          "or a double, else a string. A key that is there, or declared, keeps its type.\n"
          "--type= decides otherwise: -t s 10 is a string; -t as '[\"a\",\"b\"]' is JSON.\n"
          "Put -- before a VALUE that begins with - and is no number." },
        { "delete", "NAMESPACE KEY...", "Remove keys, all or none", 2, VERB_ARGUMENTS_MANY,
          verb_delete, NULL },
        { "reset", "NAMESPACE [KEY...]", "Go back to the defaults", 1, VERB_ARGUMENTS_MANY,
          verb_reset,
          "Removes what was set, of the KEYs or of all, so that declared defaults show\n"
          "again; a key without default is gone then." },
        { "list", "NAMESPACE", "List the keys", 1, 1, verb_list, NULL },
        { "describe", "NAMESPACE KEY", "Show what is known of a key", 2, 2, verb_describe, NULL },

        { "apply", "NAMESPACE KEY=VALUE...", "Change many keys in one commit", 0,
          VERB_ARGUMENTS_MANY, verb_apply,
          "VALUE as with 'set'. Or --file=FILE, for many namespaces and any type:\n"
          "  {\"org.example.Router\": {\"set\": {\"mtu\": {\"type\": \"u\", \"data\": 1500}},\n"
          "   \"unset\": [\"old\"], \"expect\": {\"mtu\": 12}, \"class\": \"runtime\"}}" },
        { "dump", "[NAMESPACE...]", "Print all of namespaces as JSON, for load", 0,
          VERB_ARGUMENTS_MANY, verb_dump, "Without NAMESPACE: all that you may read." },
        { "load", "FILE [NAMESPACE...]", "Make namespaces what a dump says", 1, VERB_ARGUMENTS_MANY,
          verb_load,
          "FILE is what 'dump' printed; - is standard input. Sets what differs, and\n"
          "creates namespaces that are missing. Many keys take several commits.",
          true },
        { "diff", "FILE|NAMESPACE [FILE|NAMESPACE]", "Compare dumps and namespaces", 1, 2,
          verb_diff,
          "One FILE: with what its namespaces hold now. What has a slash or ends in\n"
          ".json is a file. Exit status 1: they differ.",
          true },
        { "edit", "NAMESPACE", "Change a namespace in your editor", 1, 1, verb_edit,
          "Applied as one commit, and only if nobody else changed the same keys." },

        { "monitor", "[NAMESPACE...]", "Print changes as they happen, until ^C", 0,
          VERB_ARGUMENTS_MANY, verb_monitor,
          "Without NAMESPACE: of all that everyone may read. A named one that not\n"
          "everyone may read is looked at once a second." },
        { "flush", "", "Return when all that was written is on disk", 0, 0, verb_flush, NULL },
        { "statistics", "", "Show numbers for monitoring", 0, 0, verb_statistics, NULL },
        { "check", "FILE...", "Check files that declare namespaces", 1, VERB_ARGUMENTS_MANY,
          verb_check, NULL, true },
        {},
};

const Verb *verb_find(const char *name)
{
        for (const Verb *verb = verbs; verb->name; verb++)
                if (strcmp(verb->name, name) == 0)
                        return verb;
        return NULL;
}

/* Messages of D-Bus hold nothing else. */
static gboolean check_utf8(char **arguments, Failure **reterr)
{
        for (; *arguments; arguments++) {
                if (g_utf8_validate(*arguments, -1, NULL))
                        continue;
                failure_set(reterr, EXIT_INVALID, "'%s' is not UTF-8", *arguments);
                failure_set_hint(*reterr, "Bytes come by 'regentctl set --from-file='.");
                return FALSE;
        }
        return TRUE;
}

gboolean verb_check_arguments(const Verb *verb, char **arguments, Failure **reterr)
{
        guint n_arguments = g_strv_length(arguments);

        if (n_arguments >= verb->n_arguments_min && n_arguments <= verb->n_arguments_max)
                return verb->takes_files || check_utf8(arguments, reterr);

        failure_set(reterr, EXIT_USAGE, "'%s' takes %s arguments", verb->name,
                    n_arguments < verb->n_arguments_min ? "more" : "fewer");
        failure_set_hint(*reterr, "Usage: regentctl %s %s", verb->name, verb->synopsis);
        return FALSE;
}

gboolean context_bus(Context *context, Bus **ret_bus, Failure **reterr)
{
        if (!context->bus && !bus_open(context->options, context->interrupt, &context->bus, reterr))
                return FALSE;
        *ret_bus = context->bus;
        return TRUE;
}
