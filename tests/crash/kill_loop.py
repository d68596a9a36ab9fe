# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rounds of: several processes write, regentd is killed in the middle, started again, and everything is compared."""

import os
import random
import subprocess
import sys
import time

from history import Broken, History, place_of
from regent_testing import environment
from regent_testing.user_client import read_frame, write_frame
from regent_testing.waiting import SLOWNESS, Deadline, wait_exit, wait_readable

HERE = os.path.dirname(os.path.abspath(__file__))
WRITERS = {"w0": None, "w1": "alice", "w2": "bob", "w3": "alice"}  # None: as the tests run


class WriterProcess:
    def __init__(self, address, prefix, user, seed, tolerated, namespaces):
        identity = {}
        if user and environment.in_sandbox():
            uid, gid, groups = environment.ids_of(user)
            identity = {"user": uid, "group": gid, "extra_groups": groups}
        self.prefix = prefix
        self._report = None
        self._process = subprocess.Popen(
            [
                sys.executable, "-B", os.path.join(environment.reachable(HERE), "writer.py"),
                environment.support_directory(), address, prefix, str(seed), " ".join(tolerated), *namespaces,
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/", bufsize=0, **identity,
        )  # fmt: skip

    def fileno(self):
        return self._process.stdout.fileno()

    def go(self, frame):
        """frame: the kernel release that runs, and the state."""
        write_frame(self._process.stdin.fileno(), frame)

    def read(self, seconds=30):
        wait_readable(self.fileno(), seconds * SLOWNESS, f"writer {self.prefix}")
        frame = read_frame(self.fileno())
        assert frame is not None, f"writer {self.prefix} ended"
        kind, content = frame
        assert kind != "unexpected", f"writer {self.prefix}: {content}"
        return kind, content

    def wait_report(self):
        """Until it has ended its round."""
        while self._report is None:
            kind, content = self.read()
            if kind == "report":
                self._report = content

    def report(self):
        """What it sent in the round that is over, and what came of it."""
        self.wait_report()
        report, self._report = self._report, None
        return report

    def close(self):
        self._process.kill()
        wait_exit(self._process, 10, "a writer to end")
        self._process.stdin.close()
        self._process.stdout.close()


def spin(seconds):
    """Lets a random moment pass, to kill at any point of what goes on; nothing is waited for."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


class KillLoop:
    """Creates the namespaces, which nobody else may use, and keeps a History of each writer.

    tolerated: names of errors that end a writer's round, beside those that come when regentd is gone.
    """

    def __init__(self, stack, namespaces, seed, tolerated=()):
        self.stack = stack
        self.namespaces = namespaces
        self.random = random.Random(seed)
        access = {"group": 4100, "owner": 4001} if environment.in_sandbox() else {}
        for name in namespaces:
            stack.root.create(name, mode=0o664, **access)
        self.writers = [
            WriterProcess(stack.bus.address, prefix, user, self.random.randrange(1 << 30), tolerated, namespaces)
            for prefix, user in WRITERS.items()
        ]
        self.histories = {writer.prefix: History(namespaces) for writer in self.writers}
        self.n_acknowledged = 0
        self.n_cut_off = 0
        self.restart_seconds = 0.0  # the last one, until regentd owned its name again
        self.revision = stack.root.revision()
        self.release = stack.root.property("KernelRelease")

    def close(self):
        for writer in self.writers:
            writer.close()

    def round(self, sabotage=None, may_kill_twice=True):
        """sabotage, for tests of the test: called with the state directory before regentd is started again."""

        def kill():
            self.let_them_write(self.random.randint(20, 250))
            spin(self.random.random() * 0.003)
            self.stack.regentd.kill()

        def look():
            if sabotage:
                sabotage(self.stack.regentd.state_dir)
            elif may_kill_twice and self.random.random() < 0.15:
                self._kill_in_recovery()

        self.round_until(kill, look)

    def round_until(self, end, before_start=lambda: None):
        """Has the writers write until end() has ended regentd, starts it again, and compares."""
        before = self.revision
        self.go()
        end()
        highest = before
        for writer in self.writers:
            writes = writer.report()
            self.n_acknowledged += sum(write.is_acknowledged for write in writes)
            self.n_cut_off += sum(not write.is_acknowledged for write in writes)
            highest = max(highest, self.histories[writer.prefix].add(writes, before))
        before_start()
        start = time.monotonic()
        self.stack.regentd.start()
        self.restart_seconds = time.monotonic() - start
        self.compare(highest)

    def forget_runtime(self):
        """After a reboot: what was of class runtime is gone."""
        for history in self.histories.values():
            for name, state in history.state.items():
                history.state[name] = {key: found for key, found in state.items() if found[0] != "runtime"}
        self.compare(self.revision)

    def go(self):
        """Has the writers write, for as long as regentd answers."""
        for writer in self.writers:
            writer.go((self.release, self.histories[writer.prefix].state))

    def let_them_write(self, count):
        """Until so many more writes are acknowledged."""
        deadline = Deadline(30)
        while count > 0:
            for writer in self.writers:
                kind, _ = writer.read(deadline.left())
                if kind == "report":
                    raise Broken(f"regentd went by itself:\n{self.stack.regentd.log(3000)}")
                count -= kind == "acknowledged"

    def _kill_in_recovery(self):
        for _ in range(2):
            self.stack.regentd.spawn()
            spin(self.random.random() * 0.03)
            self.stack.regentd.kill()

    def compare(self, highest):
        """Everything that is there against what each writer sent; highest: the last revision acknowledged."""
        root = self.stack.root
        self.revision = root.revision()
        self.release = root.property("KernelRelease")
        if self.revision < highest:
            raise Broken(f"revision {highest} was acknowledged, and now it is {self.revision}")
        if root.property("State") != "running":
            raise Broken(f"State is {root.property('State')} after a SIGKILL, which harms no file")
        for prefix, found in self._observe(root).items():
            self.histories[prefix].settle(found)

    def _observe(self, root):
        """All there is, {prefix: {namespace: {place: (class, value)}}}. A key of nobody's is Broken."""
        found = {prefix: {name: {} for name in self.namespaces} for prefix in self.histories}
        for name in self.namespaces:
            space = root.ns(name)
            seen = {key: value.unpack() for key, value in space.everything().items()}
            places = {}
            for release in ("", *space.property("KernelReleases")):
                for key, entry in space.get_many(release=release, form="entries")[0].items():
                    entry = entry.unpack()
                    places[place_of(key, release)] = (entry["class"], entry["value"])
            self._compare_seen(name, seen, places)
            for place, entry in places.items():
                prefix = place.partition(".")[0]
                if prefix not in found:
                    raise Broken(f"{name}: {place} is there and nobody sent it")
                found[prefix][name][place] = entry
        return found

    def _compare_seen(self, name, seen, places):
        """Readers see the entry of the running release, else that of none."""
        expected = {
            place.partition("@")[0]: value for release in ("", self.release) for place, (_, value) in places.items()
            if place.partition("@")[2] == release
        }  # fmt: skip
        if seen != expected:
            raise Broken(f"{name}: seen is another than what is there: {seen.keys() ^ expected.keys()}")
