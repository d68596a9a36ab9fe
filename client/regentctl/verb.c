/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Verb
 *
 * The table is in the order of the help: looking around, keys, much at once, the service.
 */

#include "verb.h"

#include <string.h>

const Verb verbs[] = {
        {
                .name = "status",
                .synopsis = "[NAMESPACE...]",
                .summary = "Show how the service or a namespace is",
                .n_arguments_max = VERB_ARGUMENTS_MANY,
                .run = verb_status,
        },
        {
                .name = "namespaces",
                .synopsis = "[PREFIX]",
                .summary = "List the namespaces that you may read",
                .n_arguments_max = 1,
                .run = verb_namespaces,
                .bus_use = BUS_MANY_CALLS,
        },
        {
                .name = "create",
                .synopsis = "NAMESPACE",
                .summary = "Make an empty namespace",
                .n_arguments_min = 1,
                .n_arguments_max = 1,
                .run = verb_create,
                .details = "Without options it is yours, with the mode 0644.",
        },
        {
                .name = "remove",
                .synopsis = "NAMESPACE",
                .summary = "Remove a namespace",
                .n_arguments_min = 1,
                .n_arguments_max = 1,
                .run = verb_remove,
        },
        {
                .name = "access",
                .synopsis = "NAMESPACE",
                .summary = "Show or change owner, group, mode, quotas",
                .n_arguments_min = 1,
                .n_arguments_max = 1,
                .run = verb_access,
                .details = "Without options it shows them.",
        },

        {
                .name = "get",
                .synopsis = "NAMESPACE [KEY...]",
                .summary = "Print the values of keys, or of all",
                .n_arguments_min = 1,
                .n_arguments_max = VERB_ARGUMENTS_MANY,
                .run = verb_get,
                .details =
                        "One KEY: the value alone; into a pipe bare and without its type, as scripts\n"
                        "like it. --default= counts when there is no such key or namespace.",
        },
        {
                .name = "set",
                .synopsis = "NAMESPACE KEY [VALUE]",
                .summary = "Set a key",
                .n_arguments_min = 2,
                .n_arguments_max = 3,
                .run = verb_set,
                .details =
                        "VALUE becomes what it looks like: true or false a boolean, digits an integer\n"
                        "or a double, else a string. A key that is there, or declared, keeps its type.\n"
                        "--type= decides otherwise: -t s 10 is a string; -t as '[\"a\",\"b\"]' is JSON.\n"
                        "Put -- before a VALUE that begins with - and is no number.",
        },
        {
                .name = "delete",
                .synopsis = "NAMESPACE KEY...",
                .summary = "Remove keys, all or none",
                .n_arguments_min = 2,
                .n_arguments_max = VERB_ARGUMENTS_MANY,
                .run = verb_delete,
        },
        {
                .name = "reset",
                .synopsis = "NAMESPACE [KEY...]",
                .summary = "Go back to the defaults",
                .n_arguments_min = 1,
                .n_arguments_max = VERB_ARGUMENTS_MANY,
                .run = verb_reset,
                .details =
                        "Removes what was set, of the KEYs or of all, so that declared defaults show\n"
                        "again; a key without default is gone then.",
        },
        {
                .name = "list",
                .synopsis = "NAMESPACE",
                .summary = "List the keys",
                .n_arguments_min = 1,
                .n_arguments_max = 1,
                .run = verb_list,
        },
        {
                .name = "describe",
                .synopsis = "NAMESPACE KEY",
                .summary = "Show what is known of a key",
                .n_arguments_min = 2,
                .n_arguments_max = 2,
                .run = verb_describe,
        },

        {
                .name = "apply",
                .synopsis = "NAMESPACE KEY=VALUE...",
                .summary = "Change many keys in one commit",
                .n_arguments_max = VERB_ARGUMENTS_MANY,
                .run = verb_apply,
                .details =
                        "VALUE as with 'set'. Or --file=FILE, for many namespaces and any type:\n"
                        "  {\"org.example.Router\": {\"set\": {\"mtu\": {\"type\": \"u\", \"data\": 1500}},\n"
                        "   \"unset\": [\"old\"], \"expect\": {\"mtu\": 12}, \"class\": \"runtime\"}}",
        },
        {
                .name = "confirm",
                .synopsis = "TOKEN",
                .summary = "Keep a change that waits for it",
                .n_arguments_min = 1,
                .n_arguments_max = 1,
                .run = verb_confirm,
                .details = "TOKEN is what --confirm-timeout= gave to who made the change.",
        },
        {
                .name = "cancel",
                .synopsis = "TOKEN|REVISION",
                .summary = "Undo a change that waits for confirmation",
                .n_arguments_min = 1,
                .n_arguments_max = 1,
                .run = verb_cancel,
                .details =
                        "The owner of all that was changed, and uid 0, may give its revision, which\n"
                        "'regentctl status' shows, in place of the token.",
        },
        {
                .name = "dump",
                .synopsis = "[NAMESPACE...]",
                .summary = "Print all of namespaces as JSON, for load",
                .n_arguments_max = VERB_ARGUMENTS_MANY,
                .run = verb_dump,
                .bus_use = BUS_MANY_CALLS,
                .details =
                        "Without NAMESPACE: all that you may read. With --state-dir=: what is in its\n"
                        "files, also while no regentd runs.",
        },
        {
                .name = "load",
                .synopsis = "FILE [NAMESPACE...]",
                .summary = "Make namespaces what a dump says",
                .n_arguments_min = 1,
                .n_arguments_max = VERB_ARGUMENTS_MANY,
                .takes_files = true,
                .run = verb_load,
                .bus_use = BUS_MANY_CALLS,
                .details =
                        "FILE is what 'dump' printed; - is standard input. Sets what differs, and\n"
                        "creates namespaces that are missing. Many keys take several commits.\n"
                        "With --state-dir=: into its files, while no regentd runs.",
        },
        {
                .name = "diff",
                .synopsis = "FILE|NAMESPACE [FILE|NAMESPACE]",
                .summary = "Compare dumps and namespaces",
                .n_arguments_min = 1,
                .n_arguments_max = 2,
                .takes_files = true,
                .run = verb_diff,
                .bus_use = BUS_MANY_CALLS,
                .details =
                        "One FILE: with what its namespaces hold now. What has a slash or ends in\n"
                        ".json is a file. Exit status 1: they differ.",
        },
        {
                .name = "edit",
                .synopsis = "NAMESPACE",
                .summary = "Change a namespace in your editor",
                .n_arguments_min = 1,
                .n_arguments_max = 1,
                .run = verb_edit,
                .bus_use = BUS_MANY_CALLS,
                .details = "Applied as one commit, and only if nobody else changed the same keys.",
        },

        {
                .name = "watch",
                .synopsis = "[NAMESPACE] [PREFIX]",
                .summary = "Print what there is, then every commit",
                .n_arguments_max = 2,
                .run = verb_watch,
                .bus_use = BUS_MANY_CALLS,
                .details =
                        "Of keys that begin with PREFIX. Nothing is left out, also while regentd starts\n"
                        "again. --exec -- CMD [ARG...]: runs that for each commit instead, never by a\n"
                        "shell, one at a time, with what --json=short would print on its input.",
        },
        {
                .name = "wait",
                .synopsis = "NAMESPACE KEY[=VALUE]",
                .summary = "Return when a key is there, or has VALUE",
                .n_arguments_min = 2,
                .n_arguments_max = 2,
                .run = verb_wait,
                .bus_use = BUS_MANY_CALLS,
                .details =
                        "VALUE as with 'set'. At once when it is so already. The namespace need not be\n"
                        "there yet. Exit status 8: not before --timeout=.",
        },
        {
                .name = "participate",
                .synopsis = "NAMESPACE [PREFIX] -- CMD...",
                .summary = "Have a say in changes, by a command",
                .n_arguments_min = 1,
                .n_arguments_max = 2,
                .run = verb_participate,
                .bus_use = BUS_MANY_CALLS,
                .details =
                        "Of keys that begin with PREFIX. Runs 'CMD... prepare' before each change, the\n"
                        "change as JSON on its input: exit status 0 agrees, else nothing is changed, and\n"
                        "who wanted to gets the first line of its standard error. Then 'CMD... commit',\n"
                        "or 'CMD... abort' when something else was in the way.",
        },
        {
                .name = "monitor",
                .synopsis = "[NAMESPACE...]",
                .summary = "Print changes as they happen, until ^C",
                .n_arguments_max = VERB_ARGUMENTS_MANY,
                .run = verb_monitor,
                .bus_use = BUS_MANY_CALLS,
                .details = "Without NAMESPACE: of all that you may read by owner, group and mode.",
        },
        {
                .name = "prune-kernels",
                .synopsis = "[NAMESPACE...]",
                .summary = "Remove keys of kernels that are gone",
                .n_arguments_max = VERB_ARGUMENTS_MANY,
                .run = verb_prune_kernels,
                .details =
                        "What is of class kernel, for a release that neither runs nor has a directory\n"
                        "in /lib/modules. Without NAMESPACE: in all that you may read.",
        },
        {
                .name = "flush",
                .synopsis = "",
                .summary = "Return when all that was written is on disk",
                .run = verb_flush,
        },
        {
                .name = "mark-good",
                .synopsis = "",
                .summary = "Make what there is the last known good state",
                .run = verb_mark_good,
                .details =
                        "A verified copy of all that is persistent takes the place of the one before.\n"
                        "'regentctl status' tells its revision.",
        },
        {
                .name = "restore",
                .synopsis = "[last-known-good]",
                .summary = "Go back to the last known good state",
                .n_arguments_max = 1,
                .run = verb_restore,
                .details =
                        "All that is persistent, in all namespaces, becomes what was marked good, in\n"
                        "one commit and without a question; what came since is lost. The copy stays.",
        },
        {
                .name = "reload",
                .synopsis = "",
                .summary = "Read configuration and declarations again",
                .run = verb_reload,
                .details =
                        "As 'systemctl reload regentd' does. What is wrong in a file is logged, and has\n"
                        "no effect; 'regentctl status' names files of namespaces that are wrong.",
        },
        {
                .name = "statistics",
                .synopsis = "",
                .summary = "Show numbers for monitoring",
                .run = verb_statistics,
        },
        {
                .name = "backup",
                .synopsis = "FILE",
                .summary = "Write a backup of the state to a file",
                .n_arguments_min = 1,
                .n_arguments_max = 1,
                .takes_files = true,
                .run = verb_backup,
                .details =
                        "All persistent keys of all namespaces as of one revision, verified. Only for\n"
                        "who may manage the service. 'regentctl recover --from=FILE' takes it back.",
        },
        {
                .name = "verify",
                .synopsis = "[FILE...]",
                .summary = "Check the files of a state directory",
                .n_arguments_max = VERB_ARGUMENTS_MANY,
                .takes_files = true,
                .run = verb_verify,
                .details =
                        "Reads every file and record, and says what a start would load; changes\n"
                        "nothing. Or FILEs alone: backups, checkpoints, journals. Exit status 1: an\n"
                        "end that nobody was told was on disk will be cut; 3: there is no state; 7:\n"
                        "damaged; 6: of a later version.",
        },
        {
                .name = "recover",
                .synopsis = "",
                .summary = "Put a state from elsewhere in place",
                .run = verb_recover,
                .details =
                        "While no regentd runs. --from=: a file of 'regentctl backup', a directory with\n"
                        "files of a state directory, or last-known-good. What was there stays in\n"
                        "damaged/.",
        },
        {
                .name = "check",
                .synopsis = "FILE...",
                .summary = "Check files that declare namespaces",
                .n_arguments_min = 1,
                .n_arguments_max = VERB_ARGUMENTS_MANY,
                .takes_files = true,
                .run = verb_check,
        },
        {
                .name = "help",
                .synopsis = "[VERB]",
                .summary = "Show this help, or that of a verb",
                .n_arguments_max = 1,
                .run = verb_help,
        },

        {
                .name = "complete",
                .synopsis = "WORD...",
                .summary = "Print what the last WORD of a command line may become",
                .n_arguments_max = VERB_ARGUMENTS_MANY,
                .is_hidden = true,
                .run = verb_complete,
        },
        {},
};

const Verb *verb_find(const char *name)
{
        for (const Verb *verb = verbs; verb->name; verb++)
                if (strcmp(verb->name, name) == 0)
                        return verb;
        return NULL;
}

/* Strings of D-Bus hold nothing else. */
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
