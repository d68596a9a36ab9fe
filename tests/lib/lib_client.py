# SPDX-License-Identifier: LGPL-2.1-or-later
"""lib-client, a program that does with libregent what it is told."""

import os
import re
import select
import subprocess
from typing import NamedTuple

from gi.repository import GLib

from regent_testing import environment
from regent_testing.tool import environment_of
from regent_testing.waiting import Deadline, wait_exit, wait_readable

LIBRARY = "client/libregent/libregent.so.0"
LOOPS = ("poll", "wait", "sd-event", "glib")


class Reply(NamedTuple):
    result: int
    error: str | None
    text: str

    def value(self):
        assert self.result == 0, self
        return GLib.Variant.parse(None, self.text, None, None).unpack()


class LibClient:
    """One lib-client on the bus."""

    program = "lib-client"

    def __init__(self, bus, loop="poll", *flags, user=None):
        program = os.environ.get(self.program.upper().replace("-", "_")) or os.path.join(
            os.path.dirname(os.path.dirname(environment.regentd_program())), "tests", "lib", self.program
        )
        environ = {**environment_of(bus), "G_DEBUG": "fatal-warnings"}
        identity = {}
        if user:
            library = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(program))), LIBRARY)
            environ["LD_LIBRARY_PATH"] = os.path.dirname(environment.reachable(library))
            program = environment.reachable(program)
            identity = dict(zip(("user", "group", "extra_groups"), environment.ids_of(user)))
        self._process = subprocess.Popen(
            [program, loop, *flags], env=environ, cwd="/", **identity,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
        )  # fmt: skip
        self._output = ""
        self._n = 0
        self.pid = self._process.pid

    def write(self, *lines):
        """Lines that are written together are done one right after the other."""
        text = "".join("\t".join(str(word) for word in words) + "\n" for words in lines)
        self._process.stdin.write(text.encode())

    def line(self, pattern, seconds=30):
        """Takes the first line that matches out of what has come, and returns the match."""
        deadline = Deadline(seconds)
        while True:
            found = re.search(rf"^{pattern}\n", self._output, re.MULTILINE)
            if found:
                self._output = self._output[: found.start()] + self._output[found.end() :]
                return found
            wait_readable(self._process.stdout.fileno(), deadline.left(), f"{pattern!r} in:\n{self._output}")
            part = os.read(self._process.stdout.fileno(), 65536)
            assert part, f"ended before {pattern!r} came:\n{self._output}"
            self._output += part.decode()

    def take_reply(self, name, seconds=30):
        found = self.line(rf"reply {re.escape(name)} (-?\d+) (\S+) (.*)", seconds)
        return Reply(int(found[1]), None if found[2] == "-" else found[2], found[3])

    def do(self, function, *words, seconds=30):
        """Calls it and waits for what it returns."""
        self.write((function, *words))
        return self.take_reply(function, seconds)

    def start(self, function, *words):
        """Calls its form with _async; the name is for reply() and cancel()."""
        self._n += 1
        name = f"#{self._n}"
        self.write(("async", name, function, *words))
        return name

    def reply(self, name, seconds=30):
        return self.take_reply(name, seconds)

    def start_and_cancel(self, function, *words):
        self.write(("async", "#cancelled", function, *words), ("call_cancel", "#cancelled"))
        return self.take_reply("call_cancel", 30)

    def pending_output(self):
        return self._output

    def who(self):
        return self.do("who").value()

    def end(self, seconds=30):
        """Ends it and returns the rest of its output."""
        if self._process.stdin.closed:
            return ""
        self.write(("end",))
        self._process.stdin.close()
        rest = self._process.stdout.read().decode()
        self._process.stdout.close()
        status = wait_exit(self._process, seconds, "lib-client to end")
        assert status == 0, f"lib-client ended with {status}: {rest}"
        return self._output + rest

    def fileno(self):
        return self._process.stdout.fileno()

    def has_output(self):
        return bool(select.select([self], [], [], 0)[0])

    def wait(self):
        """Its status when it ends by itself."""
        status = wait_exit(self._process, 30, "lib-client to end")
        self._process.stdin.close()
        self._process.stdout.close()
        return status

    def kill(self):
        self._process.kill()
        self._process.wait()

    def __enter__(self):
        self.line(r"open 0 -")
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.kill()
        else:
            self.end()
