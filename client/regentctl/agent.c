/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Agent
 *
 * It registers for its parent process, which is regentctl, and closes a descriptor when that is done.
 * An agent that the person's session has already goes first (--fallback).
 */

#include "agent.h"

#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#define START_TIMEOUT_MSEC 10000

struct Agent {
        pid_t pid;
};

bool agent_may_ask(void)
{
        return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

static gboolean spawn(const char *address, int notify_fd, pid_t *ret_pid, Failure **reterr)
{
        g_autofree char *number = g_strdup_printf("%d", notify_fd);
        g_autofree char *bus =
                address ? g_strconcat("DBUS_SYSTEM_BUS_ADDRESS=", address, NULL) : NULL;
        const char *argv[] = { "pkttyagent", "--notify-fd", number, "--fallback", NULL };
        const char *environment[] = { bus, NULL };
        ChildSpec spec = CHILD_SPEC_INIT;

        spec.argv = argv;
        spec.environment = environment;
        spec.kept_fd = notify_fd;
        spec.is_bound = true;
        return child_start(&spec, ret_pid, reterr);
}

gboolean agent_start(const char *address, Agent **ret_agent, Failure **reterr)
{
        gboolean is_started;
        struct pollfd closing;
        int ends[2];
        pid_t pid = 0;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return failure_set(reterr, EXIT_OTHER, "pipe: %s", g_strerror(errno));

        is_started = spawn(address, ends[1], &pid, reterr);
        close(ends[1]);
        if (is_started) {
                closing = (struct pollfd){ .fd = ends[0], .events = POLLIN };
                while (poll(&closing, 1, START_TIMEOUT_MSEC) < 0 && errno == EINTR)
                        continue;
                *ret_agent = g_new0(Agent, 1);
                (*ret_agent)->pid = pid;
        }
        close(ends[0]);
        return is_started;
}

Agent *agent_free(Agent *agent)
{
        if (!agent)
                return NULL;

        child_end(agent->pid);
        g_free(agent);
        return NULL;
}
