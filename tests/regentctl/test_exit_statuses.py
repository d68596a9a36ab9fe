# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every exit status, with a service that answers as it is told, and with the true one."""

import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

import pytest
from ctl import (
    CONFLICT, DENIED, DONE, INTERRUPTED, INVALID, NOT_FOUND, OTHER, OUTCOME_UNKNOWN, REFUSED, TIMEOUT, UNREACHABLE,
    USAGE, Regentctl,
)  # fmt: skip
from gi.repository import Gio
from regent_testing import environment
from regent_testing.names import BUS_NAME
from regent_testing.waiting import SLOWNESS, retry_until

REGENT = "org.regentd.State1.Error."
DBUS = "org.freedesktop.DBus.Error."

STATUSES = {
    REGENT + "NoSuchNamespace": NOT_FOUND,
    REGENT + "NoSuchKey": NOT_FOUND,
    DBUS + "FileNotFound": NOT_FOUND,
    DBUS + "UnknownObject": NOT_FOUND,
    DBUS + "UnknownProperty": NOT_FOUND,
    DBUS + "AccessDenied": DENIED,
    DBUS + "InteractiveAuthorizationRequired": DENIED,
    REGENT + "Conflict": CONFLICT,
    REGENT + "KeyExists": CONFLICT,
    REGENT + "NamespaceExists": CONFLICT,
    REGENT + "Busy": CONFLICT,
    REGENT + "Vetoed": REFUSED,
    REGENT + "QuotaExceeded": REFUSED,
    REGENT + "TooBig": REFUSED,
    REGENT + "ReadOnly": REFUSED,
    REGENT + "DiskFull": REFUSED,
    REGENT + "NotConfirmed": REFUSED,
    REGENT + "HistoryLost": REFUSED,
    DBUS + "LimitsExceeded": REFUSED,
    DBUS + "NotSupported": REFUSED,
    REGENT + "InvalidName": INVALID,
    REGENT + "InvalidValue": INVALID,
    DBUS + "InvalidArgs": INVALID,
    REGENT + "Timeout": TIMEOUT,
    DBUS + "NoReply": TIMEOUT,
    DBUS + "Timeout": TIMEOUT,
    DBUS + "ServiceUnknown": UNREACHABLE,
    DBUS + "NameHasNoOwner": UNREACHABLE,
    DBUS + "Disconnected": UNREACHABLE,
    DBUS + "NoServer": UNREACHABLE,
    REGENT + "OutcomeUnknown": OUTCOME_UNKNOWN,
    DBUS + "Failed": OTHER,
    "org.example.Unheard.Of": OTHER,
}

HINTS = {
    REGENT + "NoSuchNamespace": "regentctl create org.example.A",
    REGENT + "NoSuchKey": "regentctl list org.example.A",
    DBUS + "AccessDenied": "org.regentd.state1.write",
    DBUS + "InteractiveAuthorizationRequired": "password",
    REGENT + "Conflict": "regentctl describe org.example.A KEY",
    REGENT + "Busy": "Nothing was changed. Try again",
    REGENT + "QuotaExceeded": "regentctl status org.example.A",
    REGENT + "ReadOnly": "journalctl -u regentd",
    REGENT + "DiskFull": "Deleting goes on",
    REGENT + "Timeout": "try again",
    REGENT + "Vetoed": "regentctl apply --dry-run",
    REGENT + "HistoryLost": "--since=",
    DBUS + "ServiceUnknown": "systemctl status regentd",
    REGENT + "OutcomeUnknown": "Read again",
}


# What says that no answer came: nobody knows then what has become of a write, and a read can be made again.
UNANSWERED = [DBUS + "NoReply", DBUS + "Timeout", DBUS + "Disconnected"]


class Actor:
    """Owns regentd's name and answers every call with one error, from GIO's own thread. Without, it never answers."""

    def __init__(self, stack):
        self._client = stack.client()
        self.error = None
        self.was_called = threading.Event()
        self.was_asked = threading.Event()  # for a password, which is never typed
        self._filter = self._client.connection.add_filter(self._on_message)
        self._client.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName", "(su)", (BUS_NAME, 0),
                          destination="org.freedesktop.DBus")  # fmt: skip

    def close(self):
        self._client.connection.remove_filter(self._filter)

    def _on_message(self, connection, message, is_incoming):
        if not is_incoming or message.get_message_type() != Gio.DBusMessageType.METHOD_CALL:
            return message
        self.was_called.set()
        if self.error is None:
            return None
        if message.get_flags() & Gio.DBusMessageFlags.ALLOW_INTERACTIVE_AUTHORIZATION:
            self.was_asked.set()
            return None
        reply = Gio.DBusMessage.new_method_error_literal(message, self.error, "The actor says no")
        connection.send_message(reply, Gio.DBusSendMessageFlags.NONE)
        return None


@pytest.fixture(scope="module")
def actor_stack():
    # pylint: disable=import-outside-toplevel
    from regent_testing.stack import Stack

    with Stack(start=False) as stack:
        actor = Actor(stack)
        yield stack, actor
        actor.close()


@pytest.mark.parametrize("error", [error for error in STATUSES if error not in UNANSWERED])
def test_each_error_has_its_status(actor_stack, error):
    stack, actor = actor_stack
    actor.error = error
    ctl = Regentctl(stack.bus, options=["--timeout=20"])
    failure = ctl.failure("set", "org.example.A", "k", "1", "--type=s", status=STATUSES[error])
    assert failure["name"] == error and "The actor says no" in failure["text"]
    assert HINTS.get(error, "") in (failure["hint"] or "")


@pytest.mark.parametrize("error", [DBUS + "TimedOut", DBUS + "Spawn.ChildExited"])
def test_a_regentd_that_cannot_be_started_is_unreachable(actor_stack, error):
    stack, actor = actor_stack
    actor.error = error
    ctl = Regentctl(stack.bus, options=["--timeout=20"])
    failure = ctl.failure("set", "org.example.A", "k", "1", "--type=s", status=UNREACHABLE)
    assert failure["name"] == DBUS + "ServiceUnknown" and "The actor says no" in failure["text"]


@pytest.mark.parametrize("error", UNANSWERED)
def test_no_answer_leaves_a_write_unknown(actor_stack, error):
    stack, actor = actor_stack
    actor.error = error
    ctl = Regentctl(stack.bus, options=["--timeout=20"])
    failure = ctl.failure("set", "org.example.A", "k", "1", "--type=s", status=OUTCOME_UNKNOWN)
    assert failure["name"] == REGENT + "OutcomeUnknown" and "Read again" in failure["hint"]
    failure = ctl.failure("get", "org.example.A", "k", status=TIMEOUT if error == DBUS + "Timeout" else UNREACHABLE)
    assert failure["hint"]


def test_all_errors_of_the_interface_are_here():
    # pylint: disable=import-outside-toplevel
    from regent_testing.names import Error

    named = {text for name, text in vars(Error).items() if not name.startswith("_")}
    assert {text for text in named if text.startswith(REGENT)} <= set(STATUSES)


def test_all_errors_of_the_table_are_here():
    """failure.c names them by REGENT_ERROR_… of regent-names.h, by FAILURE_… of failure.h, and as DBUS_ERROR "…"."""
    client = os.path.join(environment.source_root(), "client")
    texts = []
    for path in ("regent-names.h", "regentctl/failure.h", "regentctl/failure.c"):
        with open(os.path.join(client, path), encoding="utf-8") as file:
            texts.append(file.read())
    named = re.findall(r'(REGENT_ERROR_\w+) +REGENT_ERROR_PREFIX "(\w+)"', texts[0])
    names = {name: REGENT + text for name, text in named}
    names |= dict(re.findall(r'#define (FAILURE_\w+) +"([\w.]+)"', texts[1]))
    numbers = {name: int(number) for name, number in re.findall(r"(EXIT_\w+) = (\d+)", texts[1])}
    rows = re.findall(r'{ (?:(\w+)|DBUS_ERROR "([\w.]+)"), (EXIT_\w+) },', texts[2])
    table = {names[name] if name else DBUS + text: numbers[status] for name, text, status in rows}

    assert len(table) == len(rows) > 20
    assert table == {error: status for error, status in STATUSES.items() if status != OTHER}


def test_done_and_usage(ctl):
    ctl("status", status=DONE)
    ctl("bogus", status=USAGE)


def test_not_there(ctl, ns):
    assert ctl.failure("get", ns.name, "k", status=NOT_FOUND)["status"] == "not-found"


def test_denied(ctl_as, ns):
    assert ctl_as("bob").failure("delete", ns.name, "k", status=DENIED)["status"] == "denied"


def test_a_quota(ctl, root, name):
    space = root.create(name, quota_keys=2)
    space.apply({"a": 1, "b": 2})
    error = ctl.failure("set", name, "c", "1", status=REFUSED)
    assert error["name"] == REGENT + "QuotaExceeded" and f"regentctl status {name}" in error["hint"]
    assert "2 of 2" in ctl("status", name).out


def test_no_service(stack):
    service = stack(start=False)
    error = Regentctl(service.bus).failure("status", status=UNREACHABLE)
    assert "cannot be reached" in error["text"] and "systemctl status regentd" in error["hint"]
    error = Regentctl(service.bus).failure("status", "--address=" + service.bus.address, status=UNREACHABLE)
    assert "--address=" in error["hint"]


def test_no_bus(ctl):
    nowhere = ctl.with_(environ={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"})
    assert nowhere.failure("status", status=UNREACHABLE)["status"] == "unreachable"


@contextlib.contextmanager
def stopped(regentd):
    regentd.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        regentd.process.send_signal(signal.SIGCONT)


def test_a_service_that_does_not_answer(service, ctl, ns):
    with stopped(service.regentd):
        error = ctl.failure("set", ns.name, "k", "1", "--timeout=0.2", "--type=i", status=TIMEOUT)
        assert "within 0.2 s" in error["text"] and "read again" in error["hint"]
        error = ctl.failure("get", ns.name, "k", "--timeout=.2", status=TIMEOUT)
        assert "read again" not in error["hint"]


@pytest.fixture
def mute(tmp_path):
    """The address of a bus that takes connections and says nothing."""
    path = str(tmp_path / "mute")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        yield "unix:path=" + path


def test_a_bus_that_says_nothing(ctl, mute):
    error = ctl.failure("status", "--address=" + mute, "--timeout=0.2", status=TIMEOUT)
    assert error["hint"]


@contextlib.contextmanager
def within(seconds):
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds * SLOWNESS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_it_waits_for_the_service(actor_stack, number):
    stack, actor = actor_stack
    actor.error = None
    actor.was_called.clear()
    with Regentctl(stack.bus).watch("set", "org.example.A", "k", "1", "--type=i") as running:
        assert actor.was_called.wait(20 * SLOWNESS)
        with within(1):
            running.signal(number)
            shown = running.finish(INTERRUPTED)
    assert "may or may not have been made" in shown


def test_interrupted_backup_has_changed_nothing(service, ctl, tmp_path):
    with stopped(service.regentd):
        with ctl.watch("backup", tmp_path / "backup") as running:
            _wait_for_thread(running.process)
            running.signal()
            shown = running.finish(INTERRUPTED)
    assert "change" not in shown and not list(tmp_path.iterdir())


def test_interrupted_while_a_password_is_asked_for(actor_stack, tmp_path):
    stack, actor = actor_stack
    actor.error = DBUS + "InteractiveAuthorizationRequired"
    actor.was_asked.clear()
    agent = tmp_path / "pkttyagent"
    agent.write_text('#!/bin/sh\neval "exec $2>&-"\nexec sleep 60\n')
    agent.chmod(0o755)
    ctl = Regentctl(stack.bus, environ={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    with ctl.terminal("set", "org.example.A", "k", "1", "--type=i") as running:
        assert actor.was_asked.wait(20 * SLOWNESS)
        running.signal()
        assert "may or may not have been made" in running.finish(INTERRUPTED)


def test_interrupted_while_it_connects(ctl, mute):
    with ctl.watch("status", "--address=" + mute) as running:
        _wait_for_thread(running.process)
        with within(1):
            running.signal()
            running.finish(INTERRUPTED)


def test_interrupted_while_it_reads(ctl, ns):
    """Reading standard input is no place that looks for signals."""
    process = ctl.start("set", ns.name, "k", "--from-file=-", stdin=subprocess.PIPE)
    process.stdin.write(b"x")
    process.stdin.flush()
    retry_until(lambda: _n_unread(process.stdin) == 0, 20, "regentctl to read")
    with within(1.5):
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == INTERRUPTED
    process.communicate()
    assert not ns.keys()


def test_interrupted_in_json(service, ctl, ns):
    with stopped(service.regentd):
        process = ctl.start("get", ns.name, "k", "-j")
        _wait_for_thread(process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == INTERRUPTED and not out
    assert json.loads(err)["error"]["status"] == "interrupted"


def _n_unread(pipe):
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]


def _wait_for_thread(process):
    """Until signals are blocked in the first thread, and taken by another."""

    def is_ready():
        with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
            blocked = int(next(line for line in file if line.startswith("SigBlk")).split()[1], 16)
        return blocked & (1 << (signal.SIGINT - 1))

    retry_until(is_ready, 20, "regentctl to take signals")
