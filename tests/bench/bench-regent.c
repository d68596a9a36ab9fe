/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench-regent: the client side of the benchmarks
 *
 * It drives a regentd that is there, and prints what it counted; `bench` beside it sets regentd up,
 * chooses what to compare, and judges.
 */

#include "await.h"
#include "bus.h"
#include "fanout.h"
#include "fill.h"
#include "participate.h"
#include "rounds.h"
#include "signals.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
        "bench-regent rounds COUNT MILLISECONDS STEP...\n"
        "bench-regent fill ADDRESS NAMESPACE NAMESPACES FIRST-KEY KEYS CHANGES-A-COMMIT\n"
        "bench-regent await ADDRESS [NAMESPACE]\n"
        "bench-regent fanout ADDRESS NAMESPACE RECEIVERS CHANGES BYTES\n"
        "bench-regent signals ADDRESS NAMESPACE CHANGES\n"
        "bench-regent participate ADDRESS NAMESPACE PREFIX\n";

static int parse_number(const char *text, uint32_t *ret_number)
{
        uint64_t number;

        if (!g_ascii_string_to_unsigned(text, 10, 0, UINT32_MAX, &number, NULL)) {
                fprintf(stderr, "bench-regent: '%s' is not a number\n", text);
                return -EINVAL;
        }

        *ret_number = (uint32_t) number;
        return 0;
}

static int parse_numbers(char **texts, uint32_t *ret_numbers, size_t n_numbers)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < n_numbers; i++)
                r = parse_number(texts[i], &ret_numbers[i]);
        return r;
}

static int command_rounds(char **arguments)
{
        uint32_t numbers[2]; /* rounds, milliseconds */
        int r;

        r = parse_numbers(arguments, numbers, G_N_ELEMENTS(numbers));
        if (r < 0)
                return r;

        return rounds_run(arguments + 2, numbers[0], (uint64_t) numbers[1] * 1000);
}

static int command_fill(char **arguments)
{
        g_autoptr(sd_bus) bus = NULL;
        uint32_t numbers[4]; /* namespaces, first key, keys, changes */
        int r;

        r = parse_numbers(arguments + 2, numbers, G_N_ELEMENTS(numbers));
        if (r < 0)
                return r;

        if (numbers[0] == 0 || numbers[3] == 0)
                return -EINVAL;

        r = bus_open(&bus, arguments[0]);
        if (r < 0)
                return r;

        return fill_run(bus, arguments[1], numbers[0], numbers[1], numbers[2], numbers[3]);
}

static int command_await(char **arguments)
{
        g_autoptr(sd_bus) bus = NULL;
        int r;

        r = bus_open(&bus, arguments[0]);
        if (r < 0)
                return r;

        return await_run(bus, arguments[1]);
}

static int command_signals(char **arguments)
{
        uint32_t n_changes;
        int r;

        r = parse_number(arguments[2], &n_changes);
        if (r < 0)
                return r;

        return signals_run(arguments[0], arguments[1], n_changes);
}

static int command_fanout(char **arguments)
{
        uint32_t numbers[3]; /* receivers, changes, bytes */
        int r;

        r = parse_numbers(arguments + 2, numbers, G_N_ELEMENTS(numbers));
        if (r < 0)
                return r;

        if (numbers[0] == 0 || numbers[1] == 0)
                return -EINVAL;

        return fanout_run(arguments[0], arguments[1], numbers[0], numbers[1], numbers[2]);
}

static int command_participate(char **arguments)
{
        return participate_run(arguments[0], arguments[1], arguments[2]);
}

static const struct {
        const char *name;
        int n_arguments_min;
        int n_arguments_max;
        int (*run)(char **arguments);
} commands[] = {
        { "rounds", 3, 64, command_rounds },  { "fill", 6, 6, command_fill },
        { "await", 1, 2, command_await },     { "fanout", 5, 5, command_fanout },
        { "signals", 3, 3, command_signals }, { "participate", 3, 3, command_participate },
};

int main(int argc, char **argv)
{
        for (size_t i = 0; argc > 1 && i < G_N_ELEMENTS(commands); i++) {
                int r;

                if (strcmp(argv[1], commands[i].name) != 0 ||
                    argc - 2 < commands[i].n_arguments_min ||
                    argc - 2 > commands[i].n_arguments_max)
                        continue;

                r = commands[i].run(argv + 2);
                if (r < 0)
                        fprintf(stderr, "bench-regent: %s: %s\n", argv[1], strerror(-r));
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        }

        fputs(usage, stderr);
        return 2;
}
