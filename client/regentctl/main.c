/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl: reads its command line, runs a verb, and says how that ended.
 */

#include "help.h"
#include "interrupt.h"
#include "options.h"
#include "output.h"
#include "verb.h"

#include <fcntl.h>
#include <locale.h>
#include <unistd.h>

static int run(Context *context, Failure **reterr)
{
        const Options *options = context->options;
        const char *name = options->verb ? options->verb : "status";
        const Verb *verb = NULL;

        if (options->is_version) {
                output_line(context->output, "regentctl %s", REGENT_VERSION);
                return EXIT_DONE;
        }
        if (options->is_help && !options->verb) {
                help_print(context->output, NULL);
                return EXIT_DONE;
        }
        if (!help_find_verb(name, &verb, reterr))
                return -1;
        if (options->is_help) {
                help_print(context->output, verb);
                return EXIT_DONE;
        }
        if (!options_check_verb(options, name, reterr) ||
            !verb_check_arguments(verb, options->arguments, reterr))
                return -1;
        context->bus_use = verb->bus_use;
        return verb->run(context, options->arguments, reterr);
}

static int fail_usage(const Options *options, const Failure *failure)
{
        g_autoptr(Output) output = output_new(options);

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

/*
 * Where one of the first three descriptors is closed, something opened later would take its place. What
 * stands there instead can only fail, as the closed one would.
 */
static void fill_closed_descriptors(void)
{
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0)
                        (void) open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
        g_auto(Options) options = {};
        g_autoptr(Failure) failure = NULL;

        (void) argc;
        fill_closed_descriptors();
        setlocale(LC_ALL, "");
        setlocale(LC_NUMERIC, "C");
        if (!options_parse(argv, &options, &failure))
                return fail_usage(&options, failure);
        return run_and_report(&options);
}
