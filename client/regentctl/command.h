/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Command
 *
 * A program of somebody else's that is run for an event: never by a shell, with a document on its
 * standard input. It leads a process group, which is ended with it.
 */

#include "failure.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct CommandSpec {
        char *const *argv;
        const char *argument; /* put after those, or NULL */
        const char *input;
        int64_t timeout_usec; /* ended after that; 0: never */
        bool is_heard;        /* its standard error is read; otherwise it is ours */
} CommandSpec;

typedef struct Command Command;

/* Whether there is such a program, now: EXIT_USAGE when not. Of @argv that is not empty. */
gboolean command_check(char *const *argv, Failure **reterr);

/* Sets *@is_done in the main loop, when it has ended. EXIT_OTHER when there is no such program. */
gboolean command_start(const CommandSpec *spec,
                       bool *is_done,
                       Command **ret_command,
                       Failure **reterr);

/* Ends it when it has not ended. */
Command *command_free(Command *command);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Command, command_free)

/* Ends it now; it is done soon after. */
void command_end(Command *command);

/* The exit status, or 128 and the number of the signal that killed it. Of one that is done. */
int command_status(const Command *command);

/* Whether it took too long. */
bool command_is_late(const Command *command);

/* The first line that it wrote to standard error, valid UTF-8; may be empty. Of one that is done. */
char *command_first_line(const Command *command);
