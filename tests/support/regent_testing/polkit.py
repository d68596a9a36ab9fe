# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real polkitd on a private bus. Only inside tests/support/sandbox, which gives it directories of its own."""

import itertools
import os
import signal
import subprocess

from gi.repository import GLib

from . import environment
from .api import RegentError
from .client import Client
from .names import POLKIT_AUTHORITY, POLKIT_NAME, POLKIT_PATH
from .waiting import iterate_until, wait_exit

PROGRAM = "/usr/lib/polkit-1/polkitd"
RULES = "/etc/polkit-1/rules.d/50-test.rules"

# Answers a question that only Polkitd asks, so that it can tell which rules are in effect.
_PROBE = """\
polkit.addRule(function(action, subject) {
    if (action.id == "org.freedesktop.policykit.exec" && action.lookup("rules") == "%s")
        return polkit.Result.YES;
});
"""


def why_not():
    """The reason to skip what needs polkitd, or None."""
    reason = environment.without_sandbox()
    if reason:
        return reason
    if not os.path.exists(PROGRAM):
        return f"{PROGRAM} is not installed"
    return None


class Polkitd:
    def __init__(self, bus):
        self.bus = bus
        self.log_path = os.path.join(bus.directory, "polkitd.log")
        self._process = None
        self._client = None
        self._generations = itertools.count(1)

    def start(self):
        assert why_not() is None, why_not()
        self._client = self._client or Client(self.bus.address)
        previous = self._client.name_owner(POLKIT_NAME)
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "--no-debug"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self.bus.address},
                start_new_session=True,
            )
        self._client.wait_name(POLKIT_NAME, 20, other_than=previous)
        return self

    def kill(self):
        """polkitd goes at once; the bus has no owner of its name when this returns."""
        self._process.kill()
        wait_exit(self._process, 10, "polkitd to be killed")
        self._process = None
        self._client.wait_no_name(POLKIT_NAME)

    def stop(self):
        """SIGSTOP: polkitd keeps its name and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def cont(self):
        self._process.send_signal(signal.SIGCONT)

    def close(self):
        if self._process and self._process.poll() is None:
            self.cont()
            self.kill()
        if self._client:
            self._client.close()
            self._client = None

    def is_running(self):
        return self._process is not None and self._process.poll() is None

    def set_rules(self, javascript):
        """Puts rules in place and returns when polkitd decides by them.

        polkitd says Changed when it has read them, so regentd has been told before a later call of ours reaches it.
        """
        generation = str(next(self._generations))
        changed = self._client.subscribe(
            interface=POLKIT_AUTHORITY, member="Changed", sender=POLKIT_NAME
        )
        try:
            with open(RULES, "w", encoding="utf-8") as file:
                file.write(_PROBE % generation + javascript)
            while not self._decides_by(generation):
                iterate_until(lambda: len(changed), 20, "polkitd to read its rules")
                changed.clear()
        finally:
            changed.close()

    def _decides_by(self, generation):
        """Whether rules of this generation are in effect, asked for a user other than root."""
        details = {
            "pid": GLib.Variant("u", os.getpid()),
            "start-time": GLib.Variant("t", start_time(os.getpid())),
            "uid": GLib.Variant("i", 65534),
        }
        try:
            return self._client.call(
                POLKIT_PATH, POLKIT_AUTHORITY, "CheckAuthorization", "((sa{sv})sa{ss}us)",
                (("unix-process", details), "org.freedesktop.policykit.exec",
                 {"rules": generation}, 0, ""),
                destination=POLKIT_NAME,
            )[0].unpack()[0]  # fmt: skip
        except RegentError as error:
            raise AssertionError(f"polkitd cannot be asked: {error}") from error


def start_time(pid):
    """When a process started, as polkit tells processes of one id apart."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return int(file.read().rpartition(")")[2].split()[19])
