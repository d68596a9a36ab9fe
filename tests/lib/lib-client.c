/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib-client LOOP [FLAG…]   Does with libregent what it reads: one command a line, words apart by TAB.
 *
 * A command is the name of a function without regent_, and its arguments; values as GVariant prints them, "-" for NULL.
 * With "async" before it and a word of the caller's that names the call, it does not wait. What comes is printed, one
 * line each: "reply NAME RESULT ERROR VALUE". FLAG: bus-only, interactive, timeout=USEC, address=ADDRESS, again: where
 * it cannot be opened, once more after a line of input.
 */

#include "commands.h"
#include "loop.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct Program {
        Commands commands;
        GString *input;
} Program;

static void on_presence(Regent *regent, bool is_there, void *userdata)
{
        (void) regent;
        (void) userdata;
        printf("presence %s\n", is_there ? "there" : "away");
        fflush(stdout);
}

/* Commands that are complete; false after "end". */
static bool run_lines(Program *program)
{
        char *end;

        while ((end = memchr(program->input->str, '\n', program->input->len))) {
                g_autofree char *line =
                        g_strndup(program->input->str, (size_t) (end - program->input->str));

                g_string_erase(program->input, 0, end - program->input->str + 1);
                if (strcmp(line, "end") == 0)
                        return false;
                commands_run(&program->commands, line);
        }

        return true;
}

static bool on_input(void *userdata)
{
        Program *program = userdata;
        char buffer[65536];
        ssize_t n;

        n = read(STDIN_FILENO, buffer, sizeof(buffer));
        if (n <= 0)
                return false;

        g_string_append_len(program->input, buffer, n);
        return run_lines(program);
}

static void take_flag(Regent *regent, const char *flag)
{
        if (strcmp(flag, "bus-only") == 0)
                regent_set_flags(regent, REGENT_BUS_ONLY);
        else if (strcmp(flag, "interactive") == 0)
                regent_set_interactive(regent, true);
        else if (g_str_has_prefix(flag, "timeout="))
                regent_set_timeout(regent, g_ascii_strtoull(flag + strlen("timeout="), NULL, 10));
        else if (g_str_has_prefix(flag, "address="))
                regent_set_address(regent, flag + strlen("address="));
}

static int open_regent(Regent *regent)
{
        int r = regent_open(regent);

        printf("open %d %s\n", r, r < 0 ? regent_error_name(regent) : "-");
        fflush(stdout);
        return r;
}

int main(int argc, char **argv)
{
        g_autoptr(Regent) regent = regent_new();
        Program program = { .input = g_string_new(NULL) };
        Loop loop = { regent, STDIN_FILENO, on_input, &program };
        int r;

        for (int i = 2; i < argc; i++)
                take_flag(regent, argv[i]);
        regent_set_on_presence(regent, on_presence, NULL);

        r = open_regent(regent);
        if (r < 0 && strcmp(argv[argc - 1], "again") == 0 && getchar() == '\n')
                r = open_regent(regent);
        if (r < 0)
                return 1;

        commands_init(&program.commands, regent);
        r = loop_run(argv[1], &loop);
        regent = regent_free(regent);
        commands_clear(&program.commands);
        g_string_free(program.input, TRUE);
        printf("ended %d\n", r);
        return r < 0;
}
