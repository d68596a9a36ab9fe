/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl: reads its command line, runs a verb, and says how that ended.
 */

#include "help.h"
#include "interrupt.h"
#include "options.h"
#include "output.h"
#include "verb.h"

#include <locale.h>
#include <string.h>

/* Not in the table, so that neither help nor completion shows it. */
static const Verb complete_verb = {
        .name = "complete",
        .synopsis = "WORD...",
        .summary = "Print what the last WORD of a command line may become",
        .n_arguments_max = VERB_ARGUMENTS_MANY,
        .run = verb_complete,
};

static gboolean find_verb(const char *name, const Verb **ret_verb, Failure **reterr)
{
        *ret_verb = strcmp(name, complete_verb.name) == 0 ? &complete_verb : verb_find(name);
        return *ret_verb || help_fail_unknown_verb(name, reterr);
}

static int show_help(Context *context, const char *name, Failure **reterr)
{
        const Verb *verb = NULL;

        if (name && !find_verb(name, &verb, reterr))
                return -1;
        help_print(context->output, verb);
        return EXIT_DONE;
}

static int run(Context *context, Failure **reterr)
{
        const Options *options = context->options;
        const char *name = options->verb ? options->verb : "status";
        const Verb *verb = NULL;

        if (options->is_version) {
                output_line(context->output, "regentctl %s", REGENT_VERSION);
                return EXIT_DONE;
        }
        if (options->is_help)
                return show_help(context, options->verb, reterr);
        if (strcmp(name, "help") == 0)
                return show_help(context, options->arguments[0], reterr);

        if (!find_verb(name, &verb, reterr) || !options_check_verb(options, name, reterr) ||
            !verb_check_arguments(verb, options->arguments, reterr))
                return -1;
        return verb->run(context, options->arguments, reterr);
}

/* A command line that cannot be read has no options yet, but --json= in it counts. */
static int fail_usage(char **argv, Failure *failure)
{
        g_auto(Options) options = {};
        g_autoptr(Output) output = NULL;

        if (g_strv_contains((const char *const *) argv, "--json=short") ||
            g_strv_contains((const char *const *) argv, "-j"))
                options.json = JSON_SHORT;
        else if (g_strv_contains((const char *const *) argv, "--json=pretty"))
                options.json = JSON_PRETTY;
        output = output_new(&options);
        output_failure(output, failure);
        return (int) failure->status;
}

static int run_and_report(const Options *options)
{
        g_autoptr(Interrupt) interrupt = interrupt_new();
        g_autoptr(Output) output = output_new(options);
        g_autoptr(Failure) failure = NULL;
        Context context = { .options = options, .output = output, .interrupt = interrupt };
        int status = run(&context, &failure);

        g_clear_pointer(&context.bus, bus_free);
        if (status < 0) {
                Failure *unwritten = NULL;

                if (!output_finish(output, &unwritten))
                        failure_free(unwritten);
                output_failure(output, failure);
                return (int) failure->status;
        }
        if (!output_finish(output, &failure)) {
                output_failure(output, failure);
                return (int) failure->status;
        }
        return status;
}

int main(int argc, char **argv)
{
        g_auto(Options) options = {};
        g_autoptr(Failure) failure = NULL;

        (void) argc;
        setlocale(LC_ALL, "");
        setlocale(LC_NUMERIC, "C");
        if (!options_parse(argv, &options, &failure))
                return fail_usage(argv, failure);
        return run_and_report(&options);
}
