/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rounds
 *
 * One pool of workers takes all steps; a step's first load gets the first of them, and so on. All
 * are connected, and were answered once, before the first round. Each round begins with another
 * step, because the one that comes after a pause fares a little worse.
 */

#include "rounds.h"

#include "bus.h"
#include "load.h"
#include "statistics.h"
#include "worker.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* From the telling of a window to its start, so that all clients are ready for it. */
#define HEAD_START_NSEC 2000000

/* An operation may outlast its window, by the patience of bus.c at most. */
#define FINISH_TIMEOUT_MSEC 70000

typedef struct Crew {
        const Load *load;
        uint32_t load_index;
        uint32_t first_worker;
} Crew;

typedef struct Step {
        char *label;
        GArray *crews;
        uint32_t n_workers;
        sd_bus *bus; /* for statistics; NULL when the step is on no bus */
        GString *report;
} Step;

typedef struct Rounds {
        GPtrArray *loads;
        GPtrArray *steps;
        GPtrArray *workers;
} Rounds;

static void free_load(void *load)
{
        load_free(load);
}

static void free_worker(void *worker)
{
        worker_free(worker);
}

static void step_free(Step *step)
{
        g_string_free(step->report, TRUE);
        sd_bus_flush_close_unref(step->bus);
        g_array_unref(step->crews);
        g_free(step->label);
        g_free(step);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Step, step_free)

static void free_step(void *step)
{
        step_free(step);
}

static void rounds_clear(Rounds *rounds)
{
        g_ptr_array_unref(rounds->workers);
        g_ptr_array_unref(rounds->steps);
        g_ptr_array_unref(rounds->loads);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Rounds, rounds_clear)

static int step_add_load(Step *step, char **words, size_t n_words, GPtrArray *loads)
{
        Load *load;
        Crew crew;
        int r;

        r = load_new(&load, words, n_words);
        if (r < 0)
                return r;

        crew = (Crew){
                .load = load,
                .load_index = loads->len,
                .first_worker = step->n_workers,
        };
        g_ptr_array_add(loads, load);
        g_array_append_val(step->crews, crew);
        step->n_workers += load->n_clients;

        return step->bus || !load->address ? 0 : bus_open(&step->bus, load->address);
}

static int step_new(Step **ret_step, const char *text, GPtrArray *loads)
{
        g_autoptr(Step) step = g_new(Step, 1);
        g_auto(GStrv) words = NULL;
        g_autoptr(GError) error = NULL;
        int n_words;
        int r = 0;

        *step = (Step){
                .crews = g_array_new(FALSE, FALSE, sizeof(Crew)),
                .report = g_string_new(NULL),
        };

        if (!g_shell_parse_argv(text, &n_words, &words, &error)) {
                fprintf(stderr, "bench-regent: '%s': %s\n", text, error->message);
                return -EINVAL;
        }

        step->label = g_strdup(words[0]);
        for (int begin = 1; r == 0 && begin <= n_words;) {
                int end = begin;

                while (end < n_words && strcmp(words[end], "+") != 0)
                        end++;
                r = step_add_load(step, words + begin, (size_t) (end - begin), loads);
                begin = end + 1;
        }
        if (r < 0)
                return r;

        *ret_step = g_steal_pointer(&step);
        return 0;
}

static void report_slowest(FILE *out, const WorkerResult *result, bool is_first)
{
        for (uint32_t i = 0; i < result->n_slowest; i++)
                fprintf(out, "%s[%.6f, %.1f]", is_first && i == 0 ? "" : ", ",
                        (double) result->slowest[i].start_nsec / 1e9,
                        (double) result->slowest[i].nsec / 1e3);
}

static int compare_medians(const void *a, const void *b)
{
        const WorkerResult *x = a;
        const WorkerResult *y = b;

        return (x->median_nsec > y->median_nsec) - (x->median_nsec < y->median_nsec);
}

/* Rates add up over the clients; of medians the middle one counts, of the rest the worst. */
static void crew_report(const Crew *crew, FILE *out, GArray *results)
{
        double rate = 0;
        const WorkerResult *middle;
        uint64_t n_operations = 0;
        uint64_t p99_nsec = 0;
        uint64_t max_nsec = 0;

        g_array_sort(results, compare_medians);
        middle = &g_array_index(results, WorkerResult, results->len / 2);
        for (guint i = 0; i < results->len; i++) {
                const WorkerResult *result = &g_array_index(results, WorkerResult, i);

                n_operations += result->n_operations;
                rate += (double) result->n_operations * 1e9 / (double) result->nsec;
                p99_nsec = MAX(p99_nsec, result->p99_nsec);
                max_nsec = MAX(max_nsec, result->slowest[0].nsec);
        }

        fprintf(out,
                "{\"operation\": \"%s\", \"clients\": %u, \"operations\": %" PRIu64
                ", \"rate\": %.1f, \"median_usec\": %.2f, \"p99_usec\": %.2f, \"max_usec\": %.2f, "
                "\"slowest\": [",
                load_kind_name(crew->load->kind), results->len, n_operations, rate,
                (double) middle->median_nsec / 1e3, (double) p99_nsec / 1e3,
                (double) max_nsec / 1e3);
        for (guint i = 0; i < results->len; i++)
                report_slowest(out, &g_array_index(results, WorkerResult, i), i == 0);
        fputs("]}", out);
}

static int crew_begin(const Crew *crew, GPtrArray *workers, uint64_t start_nsec, uint64_t end_nsec)
{
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < crew->load->n_clients; i++)
                r = worker_begin(g_ptr_array_index(workers, crew->first_worker + i),
                                 crew->load_index, start_nsec, end_nsec);
        return r;
}

static int crew_finish(const Crew *crew, GPtrArray *workers, int timeout_msec, GArray *results)
{
        for (uint32_t i = 0; i < crew->load->n_clients; i++) {
                WorkerResult result;
                int r;

                r = worker_finish(g_ptr_array_index(workers, crew->first_worker + i), timeout_msec,
                                  &result);
                if (r < 0)
                        return r;

                g_array_append_val(results, result);
        }

        return 0;
}

static int step_operate(const Step *step, GPtrArray *workers, uint64_t window_usec, FILE *out)
{
        uint64_t start_nsec = now_nsec() + HEAD_START_NSEC;
        int timeout_msec = (int) (window_usec / 1000) + FINISH_TIMEOUT_MSEC;
        int r = 0;

        for (guint i = 0; r == 0 && i < step->crews->len; i++)
                r = crew_begin(&g_array_index(step->crews, Crew, i), workers, start_nsec,
                               start_nsec + window_usec * 1000);

        for (guint i = 0; r == 0 && i < step->crews->len; i++) {
                g_autoptr(GArray) results = g_array_new(FALSE, FALSE, sizeof(WorkerResult));
                const Crew *crew = &g_array_index(step->crews, Crew, i);

                r = crew_finish(crew, workers, timeout_msec, results);
                if (r == 0) {
                        fputs(i == 0 ? "" : ", ", out);
                        crew_report(crew, out, results);
                }
        }

        return r;
}

static int step_take(Step *step, GPtrArray *workers, uint64_t window_usec)
{
        g_autoptr(GHashTable) before = NULL;
        g_autoptr(GHashTable) after = NULL;
        g_autofree char *text = NULL;
        size_t size;
        FILE *out;
        int r = 0;

        out = open_memstream(&text, &size);
        if (!out)
                return -errno;

        fputs("{\"loads\": [", out);
        if (step->bus)
                r = statistics_read(step->bus, &before);
        if (r == 0)
                r = step_operate(step, workers, window_usec, out);
        if (r == 0 && step->bus)
                r = statistics_read(step->bus, &after);
        fputc(']', out);
        if (r == 0 && after) {
                fputs(", \"statistics\": ", out);
                statistics_print_moved(out, before, after);
        }
        fputc('}', out);
        if (fclose(out) != 0 && r == 0)
                r = -errno;
        if (r < 0)
                return r;

        g_string_append_printf(step->report, "%s%s", step->report->len > 0 ? ",\n  " : "", text);
        return 0;
}

/* Workers are forked when all loads are known, so that each of them knows them too. */
static int rounds_prepare(Rounds *rounds, char **texts)
{
        uint32_t n_workers = 0;
        int r;

        for (char **text = texts; *text; text++) {
                Step *step = NULL;

                r = step_new(&step, *text, rounds->loads);
                if (r < 0)
                        return r;

                g_ptr_array_add(rounds->steps, step);
                n_workers = MAX(n_workers, step->n_workers);
        }

        for (uint32_t i = 0; i < n_workers; i++) {
                Worker *worker;

                r = worker_new(&worker, rounds->loads, i);
                if (r < 0)
                        return r;

                g_ptr_array_add(rounds->workers, worker);
        }

        return 0;
}

static int rounds_take(Rounds *rounds, uint32_t round, uint64_t window_usec)
{
        int r = 0;

        for (guint i = 0; r == 0 && i < rounds->steps->len; i++) {
                guint turn = (i + round) % rounds->steps->len;

                r = step_take(g_ptr_array_index(rounds->steps, turn), rounds->workers, window_usec);
        }

        return r;
}

static void rounds_print(const Rounds *rounds)
{
        for (guint i = 0; i < rounds->steps->len; i++) {
                const Step *step = g_ptr_array_index(rounds->steps, i);

                printf("%s\"%s\": [\n  %s]", i == 0 ? "{" : ",\n", step->label, step->report->str);
        }
        printf("}\n");
}

int rounds_run(char **texts, uint32_t n_rounds, uint64_t window_usec)
{
        g_auto(Rounds) rounds = {
                .loads = g_ptr_array_new_with_free_func(free_load),
                .steps = g_ptr_array_new_with_free_func(free_step),
                .workers = g_ptr_array_new_with_free_func(free_worker),
        };
        int r;

        r = rounds_prepare(&rounds, texts);
        if (r == 0)
                r = rounds_take(&rounds, 0, 0); /* a first call costs more than the others */
        if (r < 0)
                return r;

        for (guint i = 0; i < rounds.steps->len; i++) {
                Step *step = g_ptr_array_index(rounds.steps, i);

                g_string_truncate(step->report, 0);
        }
        for (uint32_t round = 0; r == 0 && round < n_rounds; round++)
                r = rounds_take(&rounds, round, window_usec);
        if (r == 0)
                rounds_print(&rounds);
        return r;
}
