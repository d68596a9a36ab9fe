# SPDX-License-Identifier: LGPL-2.1-or-later
"""lib-follower, a program that follows with libregent what it is told to."""

import os
import subprocess
from typing import NamedTuple

from gi.repository import GLib

from regent_testing import environment
from regent_testing.tool import environment_of
from regent_testing.waiting import Deadline, wait_exit, wait_readable


def parse(text):
    return None if text == "-" else GLib.Variant.parse(None, text, None, None).unpack()


class Event(NamedTuple):
    kind: str
    result: int
    error: str
    ns_name: str
    previous: int
    revision: int
    is_merged: bool
    position: str
    removed: list | None
    values: dict | None


class Asked(NamedTuple):
    kind: str
    result: int
    error: str
    ns_name: str
    transaction: str
    revision: int
    timeout_usec: int
    removed: list | None
    values: dict | None
    current: dict | None


def read_event(words):
    kind, result, error, ns_name, previous, revision, is_merged, position, removed, values = words
    return Event(kind, int(result), error, ns_name, int(previous), int(revision), is_merged == "1", position,
                 parse(removed), parse(values))  # fmt: skip


def read_asked(words):
    kind, result, error, ns_name, transaction, revision, timeout_usec, removed, values, current = words
    return Asked(kind, int(result), error, ns_name, transaction, int(revision), int(timeout_usec), parse(removed),
                 parse(values), parse(current))  # fmt: skip


class State:
    """What whoever takes in all events has: {namespace: {key: value}}. It objects to what is told twice, or not in
    order.
    """

    def __init__(self, position=None):
        self.namespaces = {}
        self.revisions = {}  # of what was told last of each
        self.revision = int(position.split(":")[-1]) if position else 0
        self.position = position
        self.log = []
        self.on_event = lambda event: None

    def take(self, event):
        self.log.append(event)
        self.on_event(event)
        if event.kind == "state":
            self.namespaces[event.ns_name] = dict(event.values)
            self._move(event)
        elif event.kind == "gone":
            self.namespaces.pop(event.ns_name, None)
            self.revisions.pop(event.ns_name, None)
        elif event.kind == "change":
            self._change(event)
        elif event.kind == "live":
            assert event.revision >= self.revision, self.tail()
            self.revision = event.revision
        if event.position != "-":
            self.position = event.position

    def _change(self, event):
        entries = self.namespaces.setdefault(event.ns_name, {})
        assert event.revision > self.revisions.get(event.ns_name, 0), ("twice", self.tail())
        assert event.previous <= self.revision, ("a gap", self.tail())
        assert event.previous >= self.revisions.get(event.ns_name, 0), ("overlaps", self.tail())
        assert event.values or event.removed or not event.is_merged, ("nothing", self.tail())
        for key in event.removed:
            entries.pop(key, None)
        entries.update(event.values)
        self._move(event)

    def _move(self, event):
        assert event.revision >= self.revision, self.tail()
        self.revisions[event.ns_name] = self.revision = event.revision

    def tail(self):
        return self.log[-5:]


class LibFollower:
    def __init__(self, bus, loop="poll", *flags, user=None):
        uid, gid, groups = environment.ids_of(user) if user else (None, None, None)
        program = os.environ.get("LIB_FOLLOWER") or os.path.join(
            os.path.dirname(os.path.dirname(environment.regentd_program())), "tests", "lib", "lib-follower"
        )
        self._process = subprocess.Popen(
            [program, loop, *flags],
            env={**environment_of(bus), "G_DEBUG": "fatal-warnings"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
            user=uid, group=gid, extra_groups=groups,
        )  # fmt: skip
        self._rest = b""
        self._lines = []
        self._events = {}  # name -> those that were not taken
        self.states = {}
        self.pid = self._process.pid

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.kill()
        else:
            self.end()

    def kill(self):
        self._process.kill()
        self._process.wait()

    def send(self, *words):
        self._process.stdin.write(("\t".join(str(word) for word in words) + "\n").encode())

    def do(self, *words):
        """(result, name of the error)"""
        self.send(*words)
        found = self._take_line(lambda line: line[:2] == ["did", words[0]], words)
        return int(found[2]), found[3]

    def do_at_once(self, *commands):
        """One right after the other, with nothing processed between. The results of all."""
        text = "".join("\t".join(words) + "\n" for words in commands)
        self._process.stdin.write(text.encode())
        lines = [self._take_line(lambda line, w=words: line[:2] == ["did", w[0]], words) for words in commands]
        return [(int(line[2]), line[3]) for line in lines]

    def watch(self, name, target, kind="ns", prefix="-", position=None, flags=""):
        self.states[name] = State(position if position and ":" in position else None)
        return self.do("watch", name, kind, target, prefix, position or "-", flags)

    def participate(self, name, target, prefix="-", timeout="-", flags=""):
        return self.do("participate", name, target, prefix, timeout, flags)

    def event(self, name, kind=None, seconds=30):
        """The next event of that kind; all before it are taken in, too."""
        deadline = Deadline(seconds)
        while True:
            line = self._take_line(
                lambda line: line[0] in ("event", "asked") and line[1] == name, (name, kind), deadline
            )
            event = read_event(line[2:]) if line[0] == "event" else read_asked(line[2:])
            if line[0] == "event":
                self.states[name].take(event)
            if kind in (None, event.kind):
                return event

    def follow_until(self, name, condition, seconds=60):
        """Takes in events until that is true of the state."""
        deadline = Deadline(seconds)
        state = self.states[name]
        while not condition(state):
            deadline.check(f"{name}: {state.tail()}")
            self.event(name, seconds=deadline.left())
        return state

    def wait_line(self, *words):
        return self._take_line(lambda line: tuple(line[: len(words)]) == words, words)

    def nothing(self, name):
        """Nothing was told until now; a round trip through the program."""
        self.do("get", "org.example.Absent", "key")
        assert not [line for line in self._lines if line[0] in ("event", "asked") and line[1] == name]

    def _take_line(self, matches, what, deadline=None):
        deadline = deadline or Deadline(30)
        n = 0
        while True:
            for n in range(n, len(self._lines)):
                if matches(self._lines[n]):
                    return self._lines.pop(n)
            n = len(self._lines)
            self._read(deadline, what)

    def _read(self, deadline, what):
        wait_readable(self._process.stdout.fileno(), deadline.left(), f"{what!r} in {self._lines[-20:]}")
        part = os.read(self._process.stdout.fileno(), 1 << 20)
        assert part, f"ended before {what!r} came: {self._lines[-20:]}"
        *lines, self._rest = (self._rest + part).split(b"\n")
        self._lines += [line.decode().split("\t") for line in lines]

    def end(self, seconds=30):
        if self._process.returncode is not None:
            return
        if not self._process.stdin.closed:
            try:
                self.send("end")
                self._process.stdin.close()
            except BrokenPipeError:
                pass
        rest = self._process.stdout.read()
        self._process.stdout.close()
        status = wait_exit(self._process, seconds, "lib-follower to end")
        assert status == 0, (status, rest[-2000:])
