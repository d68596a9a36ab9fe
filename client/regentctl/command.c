/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Command
 *
 * Its input is a file in memory, so that one that does not read holds nothing up.
 */

#include "command.h"

#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define GRACE_MSEC     300u
#define LINE_BYTES_MAX 1024u

struct Command {
        pid_t pid;
        int pid_fd;
        int error_fd; /* -1: none */
        guint exit_source;
        guint error_source;
        guint timer;
        bool *is_done;
        bool is_over;
        bool is_late;
        bool is_asked; /* SIGTERM was sent */
        int status;
        GString *heard; /* the beginning of its standard error */
};

static int make_input(const char *text)
{
        size_t n_left = strlen(text);
        int fd = memfd_create("regentctl", MFD_CLOEXEC);

        while (fd >= 0 && n_left > 0) {
                ssize_t n = write(fd, text, n_left);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0) {
                        close(fd);
                        return -1;
                }
                text += n;
                n_left -= (size_t) n;
        }
        if (fd >= 0 && lseek(fd, 0, SEEK_SET) < 0) {
                close(fd);
                return -1;
        }
        return fd;
}

/* Takes what there is; false at the end of it. */
static bool hear(Command *command)
{
        char bytes[4096];

        for (;;) {
                ssize_t n = read(command->error_fd, bytes, sizeof bytes);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 && errno == EAGAIN;
                if (command->heard->len < LINE_BYTES_MAX)
                        g_string_append_len(command->heard, bytes, n);
        }
}

static gboolean on_heard(gint fd, GIOCondition condition, gpointer userdata)
{
        Command *command = userdata;

        (void) fd, (void) condition;
        if (hear(command))
                return G_SOURCE_CONTINUE;
        command->error_source = 0;
        return G_SOURCE_REMOVE;
}

static void stop_sources(Command *command)
{
        guint *sources[] = { &command->exit_source, &command->error_source, &command->timer };

        for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
                g_clear_handle_id(sources[i], g_source_remove);
}

/* Of one that had to be ended, what it has started goes with it. */
static gboolean on_exit_of_child(gint fd, GIOCondition condition, gpointer userdata)
{
        Command *command = userdata;

        (void) fd, (void) condition;
        command->exit_source = 0;
        if (command->error_fd >= 0)
                (void) hear(command);
        if (command->is_asked)
                kill(-command->pid, SIGKILL);
        command->status = child_wait(command->pid);
        command->is_over = true;
        stop_sources(command);
        *command->is_done = true;
        return G_SOURCE_REMOVE;
}

static gboolean on_timer(gpointer userdata)
{
        Command *command = userdata;

        if (command->is_asked) {
                command->timer = 0;
                kill(-command->pid, SIGKILL);
        } else {
                command->is_late = true;
                command_end(command);
        }
        return G_SOURCE_REMOVE;
}

void command_end(Command *command)
{
        if (command->is_over || command->is_asked)
                return;

        command->is_asked = true;
        kill(-command->pid, SIGTERM);
        if (command->timer != 0 && !command->is_late)
                g_source_remove(command->timer);
        command->timer = g_timeout_add(GRACE_MSEC, on_timer, command);
}

static gboolean start_child(Command *command, const CommandSpec *spec, Failure **reterr)
{
        g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
        int input = make_input(spec->input), ends[2] = { -1, -1 };
        ChildSpec child = CHILD_SPEC_INIT;
        gboolean is_started = FALSE;

        for (char *const *word = spec->argv; *word; word++)
                g_ptr_array_add(argv, g_strdup(*word));
        if (spec->argument)
                g_ptr_array_add(argv, g_strdup(spec->argument));
        g_ptr_array_add(argv, NULL);

        if (input < 0 || (spec->is_heard && pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)) {
                failure_set(reterr, EXIT_OTHER, "%s: %s", spec->argv[0], g_strerror(errno));
        } else {
                child.argv = (const char *const *) argv->pdata;
                child.stdin_fd = input;
                child.stderr_fd = ends[1];
                child.is_bound = child.is_group = true;
                is_started = child_start(&child, &command->pid, reterr);
        }
        if (input >= 0)
                close(input);
        if (ends[1] >= 0)
                close(ends[1]);
        command->error_fd = ends[0];
        return is_started;
}

gboolean command_check(char *const *argv, Failure **reterr)
{
        g_autofree char *found = g_find_program_in_path(argv[0]);

        if (found)
                return TRUE;
        return failure_set(reterr, EXIT_USAGE, "There is no program '%s'", argv[0]);
}

gboolean command_start(const CommandSpec *spec,
                       bool *is_done,
                       Command **ret_command,
                       Failure **reterr)
{
        g_autoptr(Command) command = g_new0(Command, 1);

        command->pid_fd = command->error_fd = -1;
        command->is_done = is_done;
        command->heard = g_string_new(NULL);
        if (!start_child(command, spec, reterr))
                return FALSE;
        command->pid_fd = pidfd_open(command->pid, 0);
        if (command->pid_fd < 0)
                return failure_set(reterr, EXIT_OTHER, "%s: %s", spec->argv[0], g_strerror(errno));

        command->exit_source = g_unix_fd_add(command->pid_fd, G_IO_IN, on_exit_of_child, command);
        if (command->error_fd >= 0)
                command->error_source =
                        g_unix_fd_add(command->error_fd, G_IO_IN | G_IO_HUP, on_heard, command);
        if (spec->timeout_usec > 0)
                command->timer =
                        g_timeout_add((guint) (spec->timeout_usec / 1000), on_timer, command);
        *ret_command = g_steal_pointer(&command);
        return TRUE;
}

Command *command_free(Command *command)
{
        if (!command)
                return NULL;

        stop_sources(command);
        if (command->pid > 0 && !command->is_over) {
                kill(-command->pid, SIGTERM);
                child_end(command->pid);
                kill(-command->pid, SIGKILL);
        }
        if (command->pid_fd >= 0)
                close(command->pid_fd);
        if (command->error_fd >= 0)
                close(command->error_fd);
        g_string_free(command->heard, TRUE);
        g_free(command);
        return NULL;
}

int command_status(const Command *command)
{
        g_assert(command->is_over);
        return command->status;
}

bool command_is_late(const Command *command)
{
        return command->is_late;
}

char *command_first_line(const Command *command)
{
        size_t n_bytes = MIN(strcspn(command->heard->str, "\n"), LINE_BYTES_MAX);
        char *line = g_utf8_make_valid(command->heard->str, (gssize) n_bytes);

        return g_strstrip(line);
}
