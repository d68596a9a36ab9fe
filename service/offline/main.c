/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regent-store: works on state directories without a daemon. regentctl starts it and prints what it
 * says, see client/regent-store-stream.h.
 */

#include "client/regent-store-stream.h"
#include "offline/dump.h"
#include "offline/load.h"
#include "offline/recover.h"
#include "offline/stream.h"
#include "offline/verify.h"
#include "util/io.h"
#include "util/log.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_DIRECTORY   "/var/lib/regent"
#define RUNTIME_DIRECTORY "/run/regent"

typedef struct CommandLine {
        gboolean is_version, is_forced, is_dry_run, is_atomic;
        char *state_directory;
        char *runtime_directory;
        char *from;
        char **arguments; /* what is no option; NULL: nothing */
} CommandLine;

static void command_line_clear(CommandLine *line)
{
        g_free(line->state_directory);
        g_free(line->runtime_directory);
        g_free(line->from);
        g_strfreev(line->arguments);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CommandLine, command_line_clear)

static gboolean parse(CommandLine *line, int argc, char **argv, GError **error)
{
        const GOptionEntry entries[] = {
                { "version", 0, 0, G_OPTION_ARG_NONE, &line->is_version,
                  "Print the version and exit", NULL },
                { "state-dir", 0, 0, G_OPTION_ARG_FILENAME, &line->state_directory,
                  "The state directory [" STATE_DIRECTORY "]", "DIR" },
                { "runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &line->runtime_directory,
                  "The runtime directory; without --state-dir=, that of the service", "DIR" },
                { "from", 0, 0, G_OPTION_ARG_FILENAME, &line->from,
                  "Recover from a backup, a directory, or last-known-good", "SOURCE" },
                { "force", 0, 0, G_OPTION_ARG_NONE, &line->is_forced,
                  "Also when something is damaged: take what can be read", NULL },
                { "dry-run", 0, 0, G_OPTION_ARG_NONE, &line->is_dry_run,
                  "Say what would be recovered, and change nothing", NULL },
                { "atomic", 0, 0, G_OPTION_ARG_NONE, &line->is_atomic, "Load all or nothing",
                  NULL },
                { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &line->arguments, NULL,
                  "verify|dump|load|recover [FILE...]" },
                G_OPTION_ENTRY_NULL,
        };
        g_autoptr(GOptionContext) context = g_option_context_new(NULL);

        g_option_context_add_main_entries(context, entries, NULL);
        g_option_context_set_description(
                context, "regent-store is what regentctl starts for verify, recover, and for dump "
                         "and load\nwith --state-dir=. It writes a stream of its own and nothing "
                         "for people.\n");
        return g_option_context_parse(context, &argc, &argv, error);
}

/* The service's own runtime directory belongs to its own state directory alone. */
static ReadingOptions directories_of(const CommandLine *line)
{
        ReadingOptions options = {
                .state_directory = line->state_directory ? line->state_directory : STATE_DIRECTORY,
                .runtime_directory = line->runtime_directory,
        };

        if (!line->runtime_directory && !line->state_directory &&
            access(RUNTIME_DIRECTORY, F_OK) == 0)
                options.runtime_directory = RUNTIME_DIRECTORY;
        return options;
}

static int run_recover(const CommandLine *line)
{
        const RecoverOptions options = {
                .directories = directories_of(line),
                .io = io_system(),
                .from = line->from,
                .is_forced = line->is_forced,
                .is_dry_run = line->is_dry_run,
        };

        if (!line->from)
                return stream_fail(REGENT_STORE_USAGE, NULL, "recover takes --from=");
        return recover_directory(&options);
}

/* 0 or an errno; -EPROTO: it has been told. */
static int run(const CommandLine *line)
{
        const ReadingOptions directories = directories_of(line);
        const char *verb = line->arguments ? line->arguments[0] : "";
        bool has_files = *verb && line->arguments[1];

        if (strcmp(verb, "verify") == 0 && has_files &&
            (line->state_directory || line->runtime_directory))
                return stream_fail(REGENT_STORE_USAGE, NULL,
                                   "--state-dir= and --runtime-dir= do not go with files");
        if (strcmp(verb, "verify") == 0)
                return has_files ? verify_files(line->arguments + 1)
                                 : verify_directory(&directories);
        if (has_files)
                return stream_fail(REGENT_STORE_USAGE, NULL, "'%s' is one too many",
                                   line->arguments[1]);
        if (strcmp(verb, "dump") == 0)
                return dump_directory(&directories, line->is_forced);
        if (strcmp(verb, "load") == 0)
                return load_directory(&directories, line->is_atomic);
        if (strcmp(verb, "recover") == 0)
                return run_recover(line);
        return stream_fail(REGENT_STORE_USAGE, NULL, "'%s' is no verb", verb);
}

int main(int argc, char **argv)
{
        g_auto(CommandLine) line = {};
        g_autoptr(GError) error = NULL;
        int r;

        umask(0077);
        if (!parse(&line, argc, argv, &error)) {
                g_printerr("regent-store: %s\n", error->message);
                return EXIT_FAILURE;
        }
        if (line.is_version) {
                g_print("regent-store %s\n", REGENT_VERSION);
                return EXIT_SUCCESS;
        }
        if (isatty(STDOUT_FILENO)) {
                g_printerr("regent-store: what it writes is for regentctl, which starts it\n");
                return EXIT_FAILURE;
        }

        /* What it finds it says in its stream. */
        log_open(LOG_CRIT);
        (void) signal(SIGPIPE, SIG_IGN);
        (void) signal(SIGXFSZ, SIG_IGN);
        r = run(&line);
        if (r < 0 && r != -EPROTO && r != -EPIPE)
                (void) stream_fail_errno(r, "regent-store");
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
