# SPDX-License-Identifier: LGPL-2.1-or-later
"""A process under another uid whose connections ask for much and read when told to. See Greedy.

Run as a program this file is the process: it takes one command a line and answers with one line of JSON.
"""

import json
import os
import subprocess
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# pylint: disable=wrong-import-position
from regent_testing import environment
from regent_testing.api import RegentError
from regent_testing.names import USERS, Error
from regent_testing.waiting import wait_readable
from regent_testing.wire import RawClient, marshal


class Greedy:
    """So many connections of a user's. None reads, and none answers a Ping, before read() or call()."""

    def __init__(self, service, user, connections):
        uid, gid, _ = USERS[user]
        program = os.path.join(environment.support_directory(), "regent_testing", "greedy.py")
        self._process = subprocess.Popen(
            [sys.executable, "-B", program, service.bus.socket, str(connections)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, user=uid, group=gid, extra_groups=[], cwd="/", text=True,
        )  # fmt: skip
        self.names = self._answer()

    def _answer(self, seconds=30):
        wait_readable(self._process.stdout.fileno(), seconds, "the greedy one's answer")
        line = self._process.stdout.readline()
        assert line, "the greedy one is gone"
        return json.loads(line)

    def _do(self, *command):
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def send(self, count, path, interface, member, signature="", things=()):
        """So many calls on each connection. Returns when all of them are sent."""
        return self._do("send", count, path, interface, member, signature, things)

    def read(self):
        """Reads the replies to all calls: how many of each connection were [done, refused]."""
        return self._do("read")

    def call(self, path, interface, member, signature="", things=()):
        """One call on each connection, one after the other, each reply read: [done, refused] of all."""
        return self._do("call", path, interface, member, signature, things)

    def close(self):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


class _Connections:
    def __init__(self, socket, count):
        self.raws = [RawClient(socket) for _ in range(count)]
        self._serials = {raw: [] for raw in self.raws}

    def _build(self, raw, path, interface, member, signature, things):
        message, serial = raw.build(path, interface, member, signature, marshal(signature, things))
        self._serials[raw].append(serial)
        return message

    def send(self, count, *call):
        for raw in self.raws:
            raw.send_bytes(b"".join(self._build(raw, *call) for _ in range(count)))

    def read(self):
        outcomes = []
        for raw in self.raws:
            done = refused = 0
            for serial in self._serials.pop(raw):
                try:
                    raw.reply(serial)
                    done += 1
                except RegentError as error:
                    assert error.name == Error.LimitsExceeded, error
                    refused += 1
            self._serials[raw] = []
            outcomes.append([done, refused])
        return outcomes

    def call(self, *call):
        done = refused = 0
        for raw in self.raws:
            try:
                raw.call(*call)
                done += 1
            except RegentError as error:
                assert error.name == Error.LimitsExceeded, error
                refused += 1
        return [done, refused]


def main():
    connections = _Connections(sys.argv[1], int(sys.argv[2]))
    print(json.dumps([raw.name for raw in connections.raws]), flush=True)
    for line in sys.stdin:
        verb, *arguments = json.loads(line)
        print(json.dumps(getattr(connections, verb)(*arguments)), flush=True)


if __name__ == "__main__":
    main()
