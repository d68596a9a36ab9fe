# SPDX-License-Identifier: LGPL-2.1-or-later
"""What watchers, writers and participants have in common: a connection, a log, commands on stdin.

The connection follows regentd from one process to the next. Messages are taken in the order of the wire, which is what
the test is about, so no library stands between. The log is a line of JSON for each thing that was seen; it outlives
the process, and is all that the judge gets.
"""

import json
import os
import select
import time

from regent_testing.names import BUS_NAME
from regent_testing.wire import CALL, ERROR, ERROR_NAME, MEMBER, REPLY_SERIAL, RETURN, SENDER, SIGNAL, RawClient

BUS = ("/org/freedesktop/DBus", "org.freedesktop.DBus")
NO_AUTO_START = 2
# What comes instead of an answer when regentd is gone, or its answer is not known.
UNANSWERED = ("Error.NoReply", "Error.ServiceUnknown", "Error.NameHasNoOwner", "Error.OutcomeUnknown")


class Log:
    def __init__(self, path):
        self._fd = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, 0o666)
        self._lines = []
        if os.path.getsize(path):
            os.write(self._fd, b"\n")  # behind what a SIGKILL may have cut off

    def add(self, line):
        self._lines.append(json.dumps(line) + "\n")

    def flush(self):
        if self._lines:
            os.write(self._fd, "".join(self._lines).encode())
            self._lines.clear()


def read_log(path):
    """The lines of a log; one that a SIGKILL cut off does not count."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        lines = [parse(line) for line in file if line.strip()]
    return [line for line in lines if line is not None]


def parse(line):
    try:
        return json.loads(line)
    except ValueError:
        return None


def plain(values):
    """{key: (type, value)} as the wire has it, without the types."""
    return {key: value for key, (_, value) in values.items()}


class Process:
    """Subclasses have on_owner(), on_signal(message), on_call(message), on_command(word) and on_turn()."""

    turn_seconds = 1.0  # between two calls of on_turn() at most

    def __init__(self, socket_path, log_path):
        self.raw = RawClient(socket_path)
        self.log = Log(log_path)
        self.owner = ""  # regentd's unique name, or nothing
        self._asked = {}
        self._commands = b""
        match = f"type='signal',sender='{BUS[1]}',member='NameOwnerChanged',arg0='{BUS_NAME}'"
        self.raw.call(*BUS, "AddMatch", "s", [match], destination=BUS[1])
        self._ask(BUS[1], *BUS, "GetNameOwner", "s", [BUS_NAME], self._on_first_owner)

    def run(self):
        while True:
            self.log.flush()
            ready = select.select([self.raw, 0], [], [], self.turn_seconds)[0]
            if 0 in ready and not self._take_commands():
                return
            if self.raw in ready:
                for message in self.raw.receive_arrived():
                    self._dispatch(message)
            self.on_turn()

    def ask(self, path, interface, member, signature, things, on_reply):
        """Calls the present regentd. on_reply(body, error): one of the two, error as (name, text)."""
        self._ask(self.owner or BUS_NAME, path, interface, member, signature, things, on_reply)

    def say(self, word):
        """To the campaign."""
        self.log.flush()
        os.write(1, word.encode() + b"\n")

    def on_owner(self):
        pass

    def on_signal(self, message):
        pass

    def on_call(self, message):
        """What is asked of every connection is Ping, the receipt for what it has read."""
        self.raw.answer(message.field(SENDER), message.serial)

    def on_turn(self):
        pass

    def on_command(self, word):
        raise NotImplementedError

    def _ask(self, destination, path, interface, member, signature, things, on_reply):
        serial = self.raw.send(path, interface, member, signature, things, destination=destination, flags=NO_AUTO_START)
        self._asked[serial] = on_reply

    def _take_commands(self):
        part = os.read(0, 4096)
        self._commands += part
        *words, self._commands = self._commands.split(b"\n")
        for word in words:
            self.on_command(word.decode())
        return bool(part)

    def _dispatch(self, message):
        if message.kind in (RETURN, ERROR):
            on_reply = self._asked.pop(message.field(REPLY_SERIAL), None)
            if on_reply is None:
                return
            body = message.body()
            if message.kind == RETURN:
                on_reply(body, None)
            else:
                on_reply(None, (message.field(ERROR_NAME), body[0] if body else ""))
        elif message.kind == CALL:
            self.on_call(message)
        elif message.kind == SIGNAL and message.field(MEMBER) == "NameOwnerChanged":
            self._set_owner(message.body()[2])
        elif message.kind == SIGNAL:
            self.on_signal(message)

    def _on_first_owner(self, body, error):
        self._set_owner("" if error else body[0])

    def _set_owner(self, owner):
        if owner != self.owner:
            self.owner = owner
            self.on_owner()


def is_unanswered(error):
    return any(error[0].endswith(each) for each in UNANSWERED)


def now():
    return time.monotonic()
