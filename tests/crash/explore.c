/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * explore TRACE: visits the states that a crash may leave, and says what is wrong
 */

#include "explorer.h"

#include "util/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* About how many states there are at one place. */
#define STATES_AT_A_PLACE 40.0
#define PASSES_MAX        30u

typedef struct Options {
        int n_states;
        int n_events;
        double second_density;
        int seed;
        int n_violations_max;
        gboolean is_lazy;
        char *keep_path;
        char *export_path;
        int n_exported;
} Options;

static void options_clear(Options *options)
{
        g_free(options->keep_path);
        g_free(options->export_path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static guint n_places(const Explorer *explorer)
{
        guint n = 0;

        for (guint i = explorer->begin; i < explorer->trace->events->len; i++)
                n += trace_event_changes_disk(trace_event(explorer->trace, i));
        return n;
}

/* More by chance in each pass, until there are enough or no new ones turn up. */
static void run(Explorer *explorer)
{
        guint n_before = G_MAXUINT;

        explorer->density =
                1.3 * explorer->n_states_wanted / (n_places(explorer) * STATES_AT_A_PLACE);
        explorer->n_random = 4;
        for (guint pass = 0; pass < PASSES_MAX && explorer->counters.n_states != n_before; pass++) {
                n_before = explorer->counters.n_states;
                explorer_run(explorer);
                if (explorer->counters.n_states >= explorer->n_states_wanted ||
                    explorer->counters.n_violations >= explorer->n_violations_max)
                        return;
                explorer->density = 1;
                explorer->n_random *= 2;
        }
}

static int report(const Explorer *explorer, const GPtrArray *complaints)
{
        const ExplorerCounters *counters = &explorer->counters;

        for (guint i = 0; i < complaints->len; i++)
                printf("VIOLATION in the run itself: %s\n", (const char *) complaints->pdata[i]);
        printf("%u requests, %u commits, %u events, %u places to crash at\n",
               oracle_n_requests(explorer->oracle), oracle_n_commits(explorer->oracle),
               explorer->trace->events->len, n_places(explorer));
        printf("%u distinct states, %u judgements, %u second crashes, %u violations\n",
               counters->n_states, counters->n_judged, counters->n_second,
               counters->n_violations + complaints->len);
        return counters->n_violations + complaints->len == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int explore(const Options *options, const char *path)
{
        g_autoptr(GPtrArray) complaints = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GError) error = NULL;
        g_autoptr(Trace) trace = trace_open(path, &error);
        g_autoptr(Oracle) oracle = NULL;
        Explorer explorer = { .trace = trace };
        int status;

        if (!trace) {
                fprintf(stderr, "%s\n", error->message);
                return 2;
        }
        explorer.oracle = oracle = oracle_new(trace, options->is_lazy, complaints);
        explorer.random = g_rand_new_with_seed((guint32) options->seed);
        explorer.disks = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
        explorer.findings = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
        explorer.n_events = MIN((guint) options->n_events, trace->events->len);
        explorer.begin = trace_begin(trace);
        explorer.n_states_wanted = (guint) options->n_states;
        explorer.n_violations_max = (guint) options->n_violations_max;
        explorer.second_density = options->second_density;
        explorer.keep_path = options->keep_path;
        explorer.export_path = options->export_path;
        explorer.n_exported_wanted = (guint) options->n_exported;
        trial_init(&explorer.trial);

        run(&explorer);
        status = report(&explorer, complaints);

        trial_clear(&explorer.trial);
        g_hash_table_unref(explorer.findings);
        g_hash_table_unref(explorer.disks);
        g_rand_free(explorer.random);
        return status;
}

int main(int argc, char **argv)
{
        g_auto(Options) options = { .n_states = 1000,
                                    .n_events = G_MAXINT,
                                    .second_density = 0.2,
                                    .seed = 1,
                                    .n_violations_max = 20,
                                    .n_exported = 10 };
        const GOptionEntry entries[] = {
                { "states", 'n', 0, G_OPTION_ARG_INT, &options.n_states, "how many to visit", "N" },
                { "events", 'u', 0, G_OPTION_ARG_INT, &options.n_events,
                  "how many of the trace's to look at", "N" },
                { "second", '2', 0, G_OPTION_ARG_DOUBLE, &options.second_density,
                  "what part to crash twice", "P" },
                { "seed", 's', 0, G_OPTION_ARG_INT, &options.seed, "what chance begins with", "N" },
                { "violations", 'v', 0, G_OPTION_ARG_INT, &options.n_violations_max,
                  "after how many to stop", "N" },
                { "lazy", 'l', 0, G_OPTION_ARG_NONE, &options.is_lazy,
                  "the run was of a service with SyncIntervalSec=", NULL },
                { "keep", 'k', 0, G_OPTION_ARG_FILENAME, &options.keep_path,
                  "where to put what is wrong", "DIR" },
                { "export", 'e', 0, G_OPTION_ARG_FILENAME, &options.export_path,
                  "where to put states", "DIR" },
                { "exported", 'x', 0, G_OPTION_ARG_INT, &options.n_exported, "how many", "N" },
                { NULL },
        };
        g_autoptr(GOptionContext) context = g_option_context_new("TRACE");
        g_autoptr(GError) error = NULL;

        g_option_context_add_main_entries(context, entries, NULL);
        if (!g_option_context_parse(context, &argc, &argv, &error) || argc != 2) {
                fprintf(stderr, "%s\n", error ? error->message : "one trace is needed");
                return 2;
        }
        log_open(LOG_EMERG);
        setvbuf(stdout, NULL, _IOLBF, 0);
        return explore(&options, argv[1]);
}
