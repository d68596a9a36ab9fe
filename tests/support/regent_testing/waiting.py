# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bounded waiting for events. Nothing here sleeps: it returns with the event or fails at the deadline."""

import contextlib
import os
import select
import time

from gi.repository import GLib

# How many times longer everything may take, for runs under valgrind and sanitizers.
SLOWNESS = float(os.environ.get("REGENT_TEST_SLOWNESS", "1"))


class Late(AssertionError):
    """Something did not happen in time."""


class Deadline:
    def __init__(self, seconds):
        self.seconds = seconds * SLOWNESS
        self._end = time.monotonic() + self.seconds

    def left(self):
        return max(0.0, self._end - time.monotonic())

    def passed(self):
        return time.monotonic() >= self._end

    def check(self, what):
        if self.passed():
            raise Late(f"not within {self.seconds:g} s: {what}")


def iterate_until(condition, seconds, what, fds=()):
    """Runs the main context until condition() is true; it must take what makes one of fds readable, or end."""
    deadline = Deadline(seconds)
    context = GLib.MainContext.default()
    with contextlib.ExitStack() as sources:
        for fd in fds:
            source = GLib.unix_fd_add_full(
                GLib.PRIORITY_DEFAULT, _number(fd), GLib.IOCondition.IN, lambda *_: True
            )
            sources.callback(_remove, context, source)
        timeout = GLib.timeout_add(max(1, int(deadline.seconds * 1000)), lambda: True)
        sources.callback(_remove, context, timeout)
        while not condition():
            deadline.check(what)
            context.iteration(True)


def _number(fd):
    return fd if isinstance(fd, int) else fd.fileno()


def _remove(context, source_id):
    source = context.find_source_by_id(source_id)
    if source is not None:
        source.destroy()


def dispatch_pending():
    """Delivers what has already arrived."""
    context = GLib.MainContext.default()
    while context.iteration(False):
        pass


def wait_readable(fd, seconds, what):
    if not select.select([fd], [], [], max(0.0, seconds))[0]:
        raise Late(f"not within {seconds:g} s: {what}")


def wait_exit(process, seconds, what):
    """Waits for a child to exit, by its pidfd, and returns its status as subprocess does."""
    if process.poll() is None:
        fd = os.pidfd_open(process.pid)
        try:
            wait_readable(fd, seconds * SLOWNESS, what)
        finally:
            os.close(fd)
    return process.wait()


def retry_until(attempt, seconds, what, between=None):
    """Calls attempt() again until it is true, for a state that nothing announces; between() waits for a hint."""
    deadline = Deadline(seconds)
    while True:
        result = attempt()
        if result:
            return result
        deadline.check(what)
        if between:
            between(deadline.left())
