/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Child
 *
 * Programs that regentctl starts: a pager, ssh, a password agent, an editor. They get signals as
 * usual, and none outlives regentctl unless it is meant to.
 */

#include "failure.h"

#include <stdbool.h>
#include <sys/types.h>

typedef struct ChildSpec {
        const char *const *argv;        /* argv[0] is searched in $PATH */
        const char *const *environment; /* "NAME=VALUE" in addition to ours; may be NULL */
        int stdin_fd;                   /* -1: ours */
        int stdout_fd;                  /* -1: ours */
        int stderr_fd;                  /* -1: ours */
        int kept_fd;                    /* stays open under its number; -1: none */
        bool is_bound;                  /* gets SIGTERM when regentctl is gone */
        bool is_group; /* leads a process group, so that its children can be ended with it */
} ChildSpec;

#define CHILD_SPEC_INIT                                                         \
        {                                                                       \
                .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .kept_fd = -1 \
        }

/* EXIT_OTHER when there is no such program. */
gboolean child_start(const ChildSpec *spec, pid_t *ret_pid, Failure **reterr);

/* The exit status, 128 and the number of the signal that killed it, or -1. */
int child_wait(pid_t pid);

/* SIGTERM, and waits; SIGKILL when it takes long. */
void child_end(pid_t pid);
