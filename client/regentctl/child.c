/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Child
 *
 * What stands between fork() and exec() is safe in a process with threads. A pipe that closes at
 * exec() tells whether there was such a program.
 */

#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_TIMEOUT_MSEC 300

static void close_fd(int *fd)
{
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

static bool put_fd(int fd, int number)
{
        if (fd < 0)
                return true;
        if (fd == number)
                return fcntl(fd, F_SETFD, 0) >= 0;
        return dup2(fd, number) >= 0;
}

/* In the child. Returns only when it failed. */
static void become(const ChildSpec *spec, char *const *argv, char *const *environment, pid_t parent)
{
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL);
        if (spec->is_group && setpgid(0, 0) < 0)
                return;
        if (spec->is_bound && (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent))
                return;
        if (!put_fd(spec->stdin_fd, STDIN_FILENO) || !put_fd(spec->stdout_fd, STDOUT_FILENO) ||
            !put_fd(spec->stderr_fd, STDERR_FILENO) || !put_fd(spec->kept_fd, spec->kept_fd))
                return;
        execvpe(argv[0], argv, environment);
}

static char **copy_words(const char *const *words)
{
        g_autoptr(GStrvBuilder) copy = g_strv_builder_new();

        for (; *words; words++)
                g_strv_builder_add(copy, *words);
        return g_strv_builder_end(copy);
}

static char **make_environment(const char *const *additions)
{
        char **environment = g_get_environ();

        for (const char *const *at = additions; at && *at; at++) {
                g_autofree char *name = g_strndup(*at, strcspn(*at, "="));

                environment = g_environ_setenv(environment, name, *at + strlen(name) + 1, TRUE);
        }
        return environment;
}

gboolean child_start(const ChildSpec *spec, pid_t *ret_pid, Failure **reterr)
{
        g_auto(GStrv) environment = make_environment(spec->environment);
        g_auto(GStrv) argv = copy_words(spec->argv);
        int report[2], error_number = 0;
        pid_t parent = getpid(), pid;

        if (pipe2(report, O_CLOEXEC) < 0)
                return failure_set(reterr, EXIT_OTHER, "%s: %s", spec->argv[0], g_strerror(errno));

        pid = fork();
        if (pid == 0) {
                become(spec, argv, environment, parent);
                error_number = errno;
                if (write(report[1], &error_number, sizeof error_number) < 0)
                        _exit(126);
                _exit(127);
        }
        if (pid < 0)
                error_number = errno;
        close_fd(&report[1]);
        if (pid > 0 && read(report[0], &error_number, sizeof error_number) > 0)
                child_wait(pid);
        close_fd(&report[0]);

        if (error_number != 0)
                return failure_set(reterr, EXIT_OTHER, "%s: %s", spec->argv[0],
                                   g_strerror(error_number));
        *ret_pid = pid;
        return TRUE;
}

int child_wait(pid_t pid)
{
        int status = 0;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void child_end(pid_t pid)
{
        int fd = pidfd_open(pid, 0);
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

        kill(pid, SIGTERM);
        if (fd < 0 || poll(&poll_fd, 1, END_TIMEOUT_MSEC) <= 0)
                kill(pid, SIGKILL);
        close_fd(&fd);
        child_wait(pid);
}
