# SPDX-License-Identifier: LGPL-2.1-or-later
"""Command-line programs on the private bus: run to the end, or watched while they run."""

import os
import re
import subprocess

from .names import BUS_NAME
from .waiting import Deadline, Late, wait_exit, wait_readable


def environment_of(bus):
    return {
        **os.environ,
        "DBUS_SYSTEM_BUS_ADDRESS": bus.address,
        "SYSTEMD_PAGER": "",
        "SYSTEMD_COLORS": "0",
        "LC_ALL": "C.UTF-8",
    }


def run(bus, *command, status=0, stdin=None, seconds=60):
    """Runs a program to its end and returns its standard output; fails when the status is another."""
    process = subprocess.run(
        command,
        env=environment_of(bus),
        input=stdin,
        stdin=None if stdin is not None else subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=Deadline(seconds).seconds,
        check=False,
    )
    assert process.returncode == status, (
        f"{' '.join(command)} ended with {process.returncode}:\n{process.stdout}{process.stderr}"
    )
    return process.stdout if status == 0 else process.stdout + process.stderr


class Watched:
    """A program that goes on; its output is read as it comes."""

    def __init__(self, bus, *command, env=None):
        self._process = subprocess.Popen(
            command,
            env={**environment_of(bus), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )
        self.output = ""

    def expect(self, pattern, seconds=20):
        """Reads until the output so far matches, and returns the match."""
        deadline = Deadline(seconds)
        fd = self._process.stdout.fileno()
        while True:
            found = re.search(pattern, self.output, re.DOTALL)
            if found:
                return found
            wait_readable(fd, deadline.left(), f"{pattern!r} in:\n{self.output}")
            part = os.read(fd, 65536)
            assert part, f"ended before {pattern!r} came:\n{self.output}"
            self.output += part.decode(errors="replace")

    def sees(self, pattern, seconds):
        """Whether the output matches by then."""
        try:
            return self.expect(pattern, seconds)
        except Late:
            return None

    def close(self):
        if self._process.poll() is None:
            self._process.terminate()
            wait_exit(self._process, 10, "a tool to end")
        self._process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def gdbus_monitor(bus, space, *arguments):
    """A gdbus monitor that listens already, and has space in view.

    It says whose signals it shows before it has asked the bus for them. So a key is changed until it shows that.
    """
    monitor = Watched(bus, "gdbus", "monitor", "--system", "-d", BUS_NAME, *arguments)
    try:
        monitor.expect("is owned by")
        for n in range(200):
            space.set("is-gdbus-listening", n)
            if monitor.sees(f"'is-gdbus-listening': <int64 {n}>", 0.1):
                break
        else:
            raise Late("gdbus monitor does not listen")
    except BaseException:
        monitor.close()
        raise
    monitor.output = ""
    return monitor
