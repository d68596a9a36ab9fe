/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Help
 */

#include "help.h"

#include "nearest.h"

#define VERB_WIDTH   33
#define OPTION_WIDTH 27

static void print_options(Output *output, const char *verb)
{
        for (const OptionSpec *spec = option_specs; spec->name; spec++) {
                const char *dashes = *spec->name ? "--" : "";
                g_autofree char *letter = spec->letter ? g_strdup_printf("-%c%c", spec->letter,
                                                                         *spec->name ? ' ' : '\0')
                                                       : g_strdup("   ");
                g_autofree char *name = g_strconcat(dashes, spec->name, spec->argument ? "=" : "",
                                                    spec->argument, NULL);

                if (verb ? !spec->verbs || !option_goes_with(spec, verb) : spec->verbs != NULL)
                        continue;
                output_line(output, "  %-3s%-*s %s", letter, OPTION_WIDTH - 3, name, spec->help);
        }
}

static bool has_options(const char *verb)
{
        for (const OptionSpec *spec = option_specs; spec->name; spec++)
                if (spec->verbs && option_goes_with(spec, verb))
                        return true;
        return false;
}

static void print_general(Output *output)
{
        output_line(output, "regentctl [OPTION...] [VERB [ARGUMENT...]]\n\n"
                            "Reads and changes the state that programs keep with regentd.\n\n"
                            "Verbs:");
        for (const Verb *verb = verbs; verb->name; verb++) {
                g_autofree char *usage = g_strdup_printf("%s %s", verb->name, verb->synopsis);

                if (!verb->is_hidden)
                        output_line(output, "  %-*s %s", VERB_WIDTH, usage, verb->summary);
        }
        output_line(output, "\nOptions of all verbs:");
        print_options(output, NULL);
        output_line(output,
                    "\n'regentctl VERB --help' shows the options of a verb. Without VERB: "
                    "status.\nExit status: 0 done, 1 differs (diff), 2 usage, 3 not found, "
                    "4 denied,\n5 conflict, 6 refused, 7 invalid, 8 timeout, 9 unreachable, "
                    "10 outcome unknown,\n11 other, 130 interrupted. See regentctl(1).");
}

static void print_verb(Output *output, const Verb *verb)
{
        output_line(output, "regentctl %s [OPTION...] %s\n\n%s.", verb->name, verb->synopsis,
                    verb->summary);
        if (verb->details)
                output_line(output, "\n%s", verb->details);
        if (has_options(verb->name)) {
                output_line(output, "\nOptions:");
                print_options(output, verb->name);
        }
        output_line(output,
                    "\n'regentctl --help' shows the options of all verbs. See regentctl(1).");
}

void help_print(Output *output, const Verb *verb)
{
        output_begin_pager(output);
        if (verb)
                print_verb(output, verb);
        else
                print_general(output);
}

static gboolean fail_unknown_verb(const char *name, Failure **reterr)
{
        const char *nearest;
        Nearest search;

        nearest_init(&search, name);
        for (const Verb *verb = verbs; verb->name; verb++)
                if (!verb->is_hidden)
                        nearest_consider(&search, verb->name);
        nearest = nearest_found(&search);

        failure_set(reterr, EXIT_USAGE, "There is no verb '%s'", name);
        if (nearest)
                failure_set_hint(*reterr, "Did you mean '%s'?", nearest);
        else
                failure_set_hint(*reterr, "'regentctl --help' shows those that there are.");
        return FALSE;
}

gboolean help_find_verb(const char *name, const Verb **ret_verb, Failure **reterr)
{
        *ret_verb = verb_find(name);
        return *ret_verb || fail_unknown_verb(name, reterr);
}

int verb_help(Context *context, char **arguments, Failure **reterr)
{
        const Verb *verb = NULL;

        if (*arguments && !help_find_verb(*arguments, &verb, reterr))
                return -1;
        help_print(context->output, verb);
        return EXIT_DONE;
}
