# SPDX-License-Identifier: LGPL-2.1-or-later
"""A caller in a process of its own, under another user's uid, gid and groups, so that the bus vouches for them.

The test and the process talk in pickled frames over two pipes; values travel as type string and bytes, exactly. Run
as a program this file is the process.
"""

import itertools
import os
import pickle
import struct
import subprocess
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# pylint: disable=wrong-import-position
from gi.repository import GLib

from regent_testing import environment
from regent_testing.api import Caller, RegentError
from regent_testing.channel import TRANSPORT, new_client
from regent_testing.client import as_regent_error
from regent_testing.names import BUS_NAME
from regent_testing.signals import Signal, SignalLog
from regent_testing.waiting import Deadline, wait_exit, wait_readable


def pack(variant):
    return variant.get_type_string(), variant.get_data_as_bytes().get_data() or b""


def unpack(packed):
    type_string, content = packed
    return GLib.Variant.new_from_bytes(
        GLib.VariantType(type_string), GLib.Bytes.new(content), False
    )


def write_frame(fd, frame):
    content = pickle.dumps(frame)
    data = memoryview(struct.pack("<I", len(content)) + content)
    while data:
        data = data[os.write(fd, data) :]


def read_frame(fd):
    """The next frame, or None at the end."""
    header = _read_exactly(fd, 4)
    if header is None:
        return None
    content = _read_exactly(fd, struct.unpack("<I", header)[0])
    return None if content is None else pickle.loads(content)


def _read_exactly(fd, size):
    parts = []
    while size:
        part = os.read(fd, min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class UserGone(AssertionError):
    """The process of a UserClient ended."""


class UserClient(Caller):
    """groups, when given, replaces the supplementary groups that the user has."""

    def __init__(self, address, user, groups=None):
        uid, gid, own_groups = environment.ids_of(user)
        self.user = user
        self.uid = uid
        self._replies = {}
        self._logs = {}
        self._numbers = itertools.count(1)
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-B",
                os.path.join(environment.support_directory(), "regent_testing", "user_client.py"),
                address,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            user=uid,
            group=gid,
            extra_groups=own_groups if groups is None else list(groups),
            env={
                "LANG": "C.UTF-8",
                "PATH": os.environ.get("PATH", ""),
                TRANSPORT: os.environ.get(TRANSPORT, ""),
            },
            cwd="/",
            bufsize=0,
        )
        self.pid = self._process.pid
        hello = self._next_frame(Deadline(20))
        self._unique_name = hello[1]

    def unique_name(self):
        return self._unique_name

    def fileno(self):
        """Readable when the process has said something; asking a pending call whether it is done takes it."""
        return self._process.stdout.fileno()

    def close(self):
        if self._process.poll() is None:
            self._process.stdin.close()
            wait_exit(self._process, 10, f"{self.user}'s process to end")
        self._close_pipes()

    def kill(self):
        """SIGKILL: the connection goes without a farewell."""
        self._process.kill()
        wait_exit(self._process, 10, f"{self.user}'s process to be killed")
        self._close_pipes()

    def _close_pipes(self):
        self._process.stdin.close()
        self._process.stdout.close()

    def _call(self, destination, path, interface, member, parameters, interactive, timeout):
        pending = self._start(
            destination, path, interface, member, parameters, interactive, timeout
        )
        return pending.result(timeout + 5)

    def _start(self, destination, path, interface, member, parameters, interactive, timeout):
        number = self._send(
            "call", destination, path, interface, member, pack(parameters), interactive, timeout
        )
        return _PendingUserCall(self, number)

    def subscribe(self, interface=None, member=None, path=None, arg0=None, sender=BUS_NAME):
        number = self._send("subscribe", interface, member, path, arg0, sender)
        log = SignalLog(self._wait_until, lambda: self._send("unsubscribe", number))
        self._logs[number] = log
        self._wait_reply(number, Deadline(10))
        return log

    def settle(self):
        """Collects every signal that regentd sent before now."""
        self._wait_reply(self._send("settle"), Deadline(30))

    def _send(self, *request):
        number = next(self._numbers)
        try:
            write_frame(self._process.stdin.fileno(), (number, *request))
        except (BrokenPipeError, ValueError):
            raise UserGone(f"{self.user}'s process is gone") from None
        return number

    def _next_frame(self, deadline):
        fd = self._process.stdout.fileno()
        wait_readable(fd, deadline.left(), f"an answer of {self.user}'s process")
        frame = read_frame(fd)
        if frame is None:
            raise UserGone(f"{self.user}'s process ended")
        return frame

    def _handle_frame(self, deadline):
        kind, number, *content = self._next_frame(deadline)
        if kind == "signal":
            log = self._logs.get(number)
            if log is not None:
                *where, parameters = content
                log.items.append(Signal(*where, unpack(parameters)))
        else:
            self._replies[number] = (kind, *content)

    def _handle_arrived(self):
        fd = self._process.stdout.fileno()
        while True:
            try:
                wait_readable(fd, 0, "nothing")
            except AssertionError:
                return
            self._handle_frame(Deadline(10))

    def _wait_until(self, condition, seconds, what):
        deadline = Deadline(seconds)
        self._handle_arrived()
        while not condition():
            deadline.check(what)
            self._handle_frame(deadline)

    def _has_reply(self, number):
        self._handle_arrived()
        return number in self._replies

    def _wait_reply(self, number, deadline):
        while number not in self._replies:
            self._handle_frame(deadline)
        kind, *content = self._replies.pop(number)
        if kind == "error":
            raise RegentError(*content)
        if kind == "failure":
            raise UserGone(f"{self.user}'s connection failed: {content[0]}")
        return unpack(content[0])


class _PendingUserCall:
    def __init__(self, client, number):
        self._client = client
        self._number = number

    def is_done(self):
        return self._client._has_reply(self._number)

    def result(self, seconds=30):
        return self._client._wait_reply(self._number, Deadline(seconds))


class _Worker:
    """The other side: carries out requests from stdin on its own connection."""

    def __init__(self, address):
        self._client = new_client(address)
        self._logs = {}
        self._loop = GLib.MainLoop()

    def run(self):
        self._answer("hello", self._client.unique_name())
        GLib.unix_fd_add_full(GLib.PRIORITY_DEFAULT, 0, GLib.IOCondition.IN, self._on_request)
        self._loop.run()

    def _answer(self, *frame):
        write_frame(1, frame)

    def _on_request(self, *_):
        frame = read_frame(0)
        if frame is None:
            self._loop.quit()
            return False
        number, verb, *arguments = frame
        getattr(self, "_" + verb)(number, *arguments)
        return True

    def _call(self, number, destination, path, interface, member, parameters, interactive, timeout):
        def on_ready(connection, result):
            try:
                self._answer("reply", number, pack(connection.call_finish(result)))
            except GLib.Error as error:
                known = as_regent_error(error)
                if isinstance(known, RegentError):
                    self._answer("error", number, known.name, known.text)
                else:
                    self._answer("failure", number, str(known))

        self._client.start_raw(
            destination, path, interface, member, unpack(parameters), interactive, timeout, on_ready
        )

    def _subscribe(self, number, interface, member, path, arg0, sender):
        log = self._client.subscribe(interface, member, path, arg0, sender)
        log.items = _Forwarder(
            lambda signal: self._answer(
                "signal", number, signal.sender, signal.path, signal.interface, signal.member,
                pack(signal.parameters),
            )
        )  # fmt: skip
        self._logs[number] = log
        self._answer("reply", number, pack(GLib.Variant("()", ())))

    def _settle(self, number):
        self._client.settle()
        self._answer("reply", number, pack(GLib.Variant("()", ())))

    def _unsubscribe(self, number, log_number):
        self._logs.pop(log_number).close()
        self._answer("reply", number, pack(GLib.Variant("()", ())))


class _Forwarder:
    """Stands in for a list of signals: what is appended goes to the test."""

    def __init__(self, forward):
        self.append = forward


if __name__ == "__main__":
    _Worker(sys.argv[1]).run()
