# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients of a system that keeps values: programs that are told what to do and say what they counted."""

import dataclasses
import os
import select
import subprocess
import time

# From the order until the window begins: so long that all clients have read theirs.
LEAD_NSEC = 4_000_000


class ClientFailed(RuntimeError):
    """A client could not do what it was told, and said so, or said nothing."""


@dataclasses.dataclass(frozen=True)
class Counted:
    operations: int
    nsec: int
    median_nsec: int

    @property
    def nsec_each(self):
        return self.nsec / self.operations

    @property
    def rate(self):
        return self.operations * 1e9 / self.nsec


class Client:
    """One bench-peer-NAME. It is ready when it has been made."""

    def __init__(self, command, environ, log_path):
        self.log_path = log_path
        self._received = b""
        with open(log_path, "ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **environ},
                start_new_session=True,
            )
        try:
            self.finish(30)
        except BaseException:
            self.close()
            raise

    def begin(self, *words):
        try:
            self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise ClientFailed(self._complaint("ended")) from error

    def finish(self, seconds):
        """The answer to the last order."""
        end = time.monotonic() + seconds
        while b"\n" not in self._received:
            ready, _, _ = select.select([self.process.stdout], [], [], max(end - time.monotonic(), 0))
            if not ready:
                raise ClientFailed(self._complaint(f"no answer after {seconds:g} s"))
            some = os.read(self.process.stdout.fileno(), 4096)
            if not some:
                raise ClientFailed(self._complaint("ended"))
            self._received += some
        line, _, self._received = self._received.partition(b"\n")
        what, *numbers = line.decode().split()
        if what != "done":
            raise ClientFailed(self._complaint(" ".join(numbers)))
        return Counted(*map(int, numbers))

    def order(self, *words, seconds):
        self.begin(*words)
        return self.finish(seconds)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def _complaint(self, text):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            lines = log.read().strip().splitlines()
        return f"{text}: {lines[-1]}" if lines else text


def take_window(clients, what, msec, *words, seconds=60):
    """All clients do the same in the same window."""
    start = time.monotonic_ns() + LEAD_NSEC
    for client in clients:
        client.begin(what, start, start + msec * 1_000_000, *words)
    return [client.finish(seconds) for client in clients]
