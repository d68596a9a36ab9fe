/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentd: reads its command line and runs the daemon.
 */

#include "config.h"
#include "daemon.h"
#include "declaration-file.h"
#include "once.h"
#include "util/io.h"
#include "util/log.h"

#include <glib.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>

#define STANDARD_STATE_DIRECTORY   "/var/lib/regent"
#define STANDARD_RUNTIME_DIRECTORY "/run/regent"

typedef struct CommandLine {
        gboolean is_version;
        gboolean is_once;
        char *state_directory;
        char *runtime_directory;
        char *configuration;
        char **namespaces_directories;
        char *checked_file;
        char *log_level;
} CommandLine;

static void command_line_clear(CommandLine *line)
{
        g_free(line->state_directory);
        g_free(line->runtime_directory);
        g_free(line->configuration);
        g_strfreev(line->namespaces_directories);
        g_free(line->checked_file);
        g_free(line->log_level);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CommandLine, command_line_clear)

static gboolean parse(CommandLine *line, int argc, char **argv, GError **error)
{
        const GOptionEntry entries[] = {
                { "version", 0, 0, G_OPTION_ARG_NONE, &line->is_version,
                  "Print the version and exit", NULL },
                { "state-dir", 0, 0, G_OPTION_ARG_FILENAME, &line->state_directory,
                  "Keep the persistent state in DIR [/var/lib/regent]", "DIR" },
                { "runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &line->runtime_directory,
                  "Keep the runtime state in DIR [/run/regent]", "DIR" },
                { "config", 0, 0, G_OPTION_ARG_FILENAME, &line->configuration,
                  "Read FILE and FILE.d/*.conf in place of the standard regentd.conf", "FILE" },
                { "namespaces-dir", 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
                  &line->namespaces_directories,
                  "Read declared namespaces from DIR in place of the standard namespaces.d; of several "
                  "the last wins",
                  "DIR" },
                { "check-namespace", 0, 0, G_OPTION_ARG_FILENAME, &line->checked_file,
                  "Say what is wrong in FILE, a file of namespaces.d, and exit", "FILE" },
                { "once", 0, 0, G_OPTION_ARG_NONE, &line->is_once,
                  "Recover the state, write it as a checkpoint, read that back, and exit", NULL },
                { "log-level", 0, 0, G_OPTION_ARG_STRING, &line->log_level,
                  "Log up to LEVEL: err, warning, notice, info or debug", "LEVEL" },
                G_OPTION_ENTRY_NULL,
        };
        g_autoptr(GOptionContext) context =
                g_option_context_new("- keeps state for other programs");

        g_option_context_add_main_entries(context, entries, NULL);
        g_option_context_set_description(
                context, "regentd is a D-Bus system service, org.regentd.State1. SIGHUP makes it "
                         "read its\nconfiguration anew.\n");
        if (!g_option_context_parse(context, &argc, &argv, error))
                return FALSE;

        if (argc > 1) {
                g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                            "Argument '%s' is one too many", argv[1]);
                return FALSE;
        }
        return TRUE;
}

/* Whoever checks a file is mostly root, who can read them all. */
static void warn_of_secrecy(const char *path)
{
        struct stat st;

        if (stat(path, &st) == 0 && !(st.st_mode & S_IROTH))
                g_printerr("regentd: %s is not readable by others: regentd runs as regent, and "
                           "could not read it\n",
                           path);
}

/* As the service would take it, with the limits of the same configuration. */
static int check_namespace(const char *path, const char *configuration)
{
        g_autoptr(GPtrArray) complaints = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(Declaration) declaration = NULL;
        g_autofree char *name = NULL;
        Config config;
        int r;

        log_set_level(LOG_ERR); /* the configuration is not what is asked about */
        config_init(&config);
        r = config_load(&config, configuration);
        if (r < 0) {
                g_printerr("regentd: cannot read %s: %s\n", configuration, g_strerror(-r));
                return EXIT_FAILURE;
        }

        (void) declaration_file_load(path, &config.limits, complaints, &name, &declaration);
        for (guint i = 0; i < complaints->len; i++)
                g_printerr("%s\n", (const char *) complaints->pdata[i]);
        warn_of_secrecy(path);
        return complaints->len > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A directory that is not the service's own has no business with what the service has in memory. */
static int run_once(const CommandLine *line)
{
        const char *standard = line->state_directory ? NULL : STANDARD_RUNTIME_DIRECTORY;
        const OnceOptions options = {
                .state_directory =
                        line->state_directory ? line->state_directory : STANDARD_STATE_DIRECTORY,
                .runtime_directory = line->runtime_directory ? line->runtime_directory : standard,
        };

        return once_run(&options, io_system());
}

int main(int argc, char **argv)
{
        g_auto(CommandLine) line = {};
        g_autoptr(GError) error = NULL;
        DaemonOptions options = {};

        umask(0077);

        if (!parse(&line, argc, argv, &error)) {
                g_printerr("regentd: %s\n", error->message);
                return EXIT_FAILURE;
        }
        if (line.is_version) {
                g_print("regentd %s\n", REGENT_VERSION);
                return EXIT_SUCCESS;
        }

        options.log_level = line.log_level ? log_level_from_name(line.log_level) : -1;
        if (line.log_level && options.log_level < 0) {
                g_printerr("regentd: there is no log level '%s'\n", line.log_level);
                return EXIT_FAILURE;
        }
        log_open(options.log_level >= 0 ? options.log_level : LOG_INFO);

        options.state_directory =
                line.state_directory ? line.state_directory : STANDARD_STATE_DIRECTORY;
        options.runtime_directory =
                line.runtime_directory ? line.runtime_directory : STANDARD_RUNTIME_DIRECTORY;
        options.configuration = line.configuration;
        options.namespaces_directories = (const char *const *) line.namespaces_directories;
        if (line.checked_file)
                return check_namespace(line.checked_file, line.configuration);
        if (line.is_once)
                return run_once(&line);
        return daemon_run(&options, io_system()) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
