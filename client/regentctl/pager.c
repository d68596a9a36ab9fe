/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pager
 *
 * As systemd's programs do it. Where regentctl runs with rights that its user does not have (sudo,
 * pkexec), only less is taken, and it is told not to start programs or write files.
 */

#include "pager.h"

#include "child.h"

#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct Pager {
        FILE *stream;
        pid_t pid;
};

static bool is_raised(void)
{
        return geteuid() != getuid() || getegid() != getgid() || getenv("SUDO_UID") ||
               getenv("PKEXEC_UID");
}

/* The command line, or NULL for none. */
static char **choose_command(void)
{
        const char *pager = getenv("SYSTEMD_PAGER");
        char **command = NULL;

        if (!pager)
                pager = getenv("PAGER");
        if (pager && (*pager == '\0' || strcmp(pager, "cat") == 0))
                return NULL;
        if (!pager || is_raised() || !g_shell_parse_argv(pager, NULL, &command, NULL))
                return g_strsplit("less", " ", -1);
        return command;
}

static gboolean start(char **command, int fd, pid_t *ret_pid)
{
        const char *less = getenv("SYSTEMD_LESS");
        g_autofree char *options = g_strconcat("LESS=", less ? less : "FRSXMK", NULL);
        const char *environment[] = { options, is_raised() ? "LESSSECURE=1" : NULL, NULL };
        ChildSpec spec = CHILD_SPEC_INIT;
        Failure *failure = NULL;

        spec.argv = (const char *const *) command;
        spec.environment = environment;
        spec.stdin_fd = fd;
        if (child_start(&spec, ret_pid, &failure))
                return TRUE;
        failure_free(failure);
        return FALSE;
}

Pager *pager_start(void)
{
        g_auto(GStrv) command = choose_command();
        int ends[2];
        Pager *pager = NULL;
        pid_t pid = 0;

        if (!command || pipe2(ends, O_CLOEXEC) < 0)
                return NULL;
        if (start(command, ends[0], &pid)) {
                pager = g_new0(Pager, 1);
                pager->pid = pid;
                pager->stream = fdopen(ends[1], "w");
                g_assert(pager->stream);
        } else {
                close(ends[1]);
        }
        close(ends[0]);
        return pager;
}

FILE *pager_stream(const Pager *pager)
{
        return pager->stream;
}

void pager_finish(Pager *pager)
{
        fclose(pager->stream);
        child_wait(pager->pid);
        g_free(pager);
}

Pager *pager_free(Pager *pager)
{
        if (!pager)
                return NULL;

        fclose(pager->stream);
        child_end(pager->pid);
        g_free(pager);
        return NULL;
}
