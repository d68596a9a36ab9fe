#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a command with a private system bus, polkitd and regentd up: ./dev with CMD…

regentd is started again when it dies, as systemd would do it, at most STARTS_MAX times in STARTS_SECONDS. The exit
status is the command's.
"""

import os
import select
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# pylint: disable=wrong-import-position
from regent_testing import environment, polkit
from regent_testing.stack import Stack

STARTS_MAX, STARTS_SECONDS = 20, 10


def say(text):
    print(f"dev with: {text}", file=sys.stderr)


class Supervisor:
    def __init__(self, regentd):
        self._regentd = regentd
        self._starts = [time.monotonic()]

    def on_death(self):
        """Starts regentd again unless it dies too often; says whether it did."""
        status = self._regentd.process.returncode
        now = time.monotonic()
        self._starts = [start for start in self._starts if now - start < STARTS_SECONDS]
        if len(self._starts) >= STARTS_MAX:
            say(f"regentd ended with {status}, too often: not started again\n{self._regentd.log(2000)}")
            return False
        self._starts.append(now)
        self._regentd.process = None
        self._regentd.spawn()
        return True


def wait_for(command, regentd):
    """Waits for the command, and keeps regentd up meanwhile."""
    supervisor = Supervisor(regentd)
    command_fd = os.pidfd_open(command.pid)
    is_supervised = True
    while command.poll() is None:
        regentd_fd = os.pidfd_open(regentd.process.pid) if is_supervised else -1
        fds = [command_fd] + ([regentd_fd] if is_supervised else [])
        try:
            ready = select.select(fds, [], [])[0]
        finally:
            if is_supervised:
                os.close(regentd_fd)
        if regentd_fd in ready and command_fd not in ready:
            regentd.process.wait()
            is_supervised = supervisor.on_death()
    os.close(command_fd)
    return command.returncode


def run(command, stack):
    regentd = stack.regentd
    environ = {
        **os.environ,
        "DBUS_SYSTEM_BUS_ADDRESS": stack.bus.address,
        "REGENT_STATE_DIR": regentd.state_dir,
        "REGENT_LOG": regentd.log_path,
        "REGENT_NAMESPACES_DIR": regentd.namespaces_dir,
        "PATH": environment.programs_path(),
    }
    # Ctrl-C is the command's; what is left up after it ends is ours to take down.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    try:
        started = subprocess.Popen(command, env=environ, preexec_fn=take_signals)
    except FileNotFoundError:
        say(f"{command[0]}: no such command")
        return 127
    except OSError as error:
        say(f"{command[0]}: {error.strerror}")
        return 126
    signal.signal(signal.SIGTERM, lambda *_: started.terminate())
    status = wait_for(started, regentd)
    return status if status >= 0 else 128 - status


def take_signals():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


def main():
    command = sys.argv[1:]
    if not command:
        say("a command is missing")
        return 2
    has_polkit = polkit.why_not() is None
    if not has_polkit:
        say(f"without polkitd: {polkit.why_not()}")
    user = "regent" if environment.in_sandbox() else None
    with Stack(polkit=has_polkit, user=user) as stack:
        status = run(command, stack)
        stack.regentd.ignore_how_it_ended()
    return status


if __name__ == "__main__":
    sys.exit(main())
