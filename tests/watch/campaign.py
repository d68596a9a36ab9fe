# SPDX-License-Identifier: LGPL-2.1-or-later
"""Watchers, writers and participants on one bus, and who dies when: they are started, killed, settled and judged."""

import glob
import json
import os
import random
import signal
import subprocess
import sys
import time

from evidence import Broken
from hearings import Hearing
from judge import Judge
from process import read_log
from regent_testing import environment
from regent_testing.waiting import Deadline, wait_exit, wait_readable

# Who dies; `stopped` is a watcher that only does not read for a while.
VICTIMS = 6 * ["regentd"] + 4 * ["watcher"] + 2 * ["writer"] + 2 * ["participant"] + 2 * ["stopped"]
HERE = os.path.dirname(os.path.abspath(__file__))


class Actor:
    """A process of watcher.py, writer.py or participant.py, with a log that outlives it."""

    def __init__(self, program, spec, user=None):
        self.program = program
        self.spec = spec
        self.user = user if environment.in_sandbox() else None
        self._process = None
        self._said = []
        self.start()

    def start(self):
        self._said = []
        identity = {}
        if self.user:
            uid, gid, groups = environment.ids_of(self.user)
            identity = {"user": uid, "group": gid, "extra_groups": groups}
        self._process = subprocess.Popen(
            [
                sys.executable, "-B", os.path.join(environment.reachable(HERE), self.program),
                environment.support_directory(), json.dumps(self.spec),
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/", bufsize=0, **identity,
        )  # fmt: skip

    def tell(self, word):
        self._process.stdin.write(word.encode() + b"\n")

    def wait(self, word, seconds=60):
        deadline = Deadline(seconds)
        while word not in self._said:
            wait_readable(self._process.stdout.fileno(), deadline.left(), f"{self.program} to say {word}")
            part = os.read(self._process.stdout.fileno(), 4096)
            assert part, f"{self.program} ended by itself"
            self._said += part.decode().split()
        del self._said[: self._said.index(word) + 1]

    def is_running(self):
        return self._process.poll() is None

    def signal(self, number):
        self._process.send_signal(number)

    def kill(self):
        assert self.is_running(), f"{self.program} ended by itself: {self.spec['log']}"
        self._process.kill()
        self._wait_end()

    def close(self):
        self._process.kill()
        self._wait_end()

    def _wait_end(self):
        wait_exit(self._process, 10, f"{self.program} to end")
        self._process.stdin.close()
        self._process.stdout.close()


def let_pass(seconds):
    """A random moment, so that what is killed next is anywhere in what it does; nothing is waited for."""
    time.sleep(seconds)


class Campaign:
    def __init__(self, stack, seed, names, directory):
        self.stack = stack
        self.random = random.Random(seed)
        self.names = names
        self.directory = environment.make_shared_directory(directory)
        os.chmod(directory, 0o777)
        self.release = stack.root.property("KernelRelease")
        self.watchers, self.writers, self.participants = {}, {}, {}
        self.heard = {}  # by participant: what it was asked and told, as judge() has counted it
        self.n_requests = 0
        self._n_writers = 0
        self.n_killed = {"regentd": 0, "watcher": 0, "writer": 0, "participant": 0}

    def watcher(self, who, watches, user=None, **more):
        for number, watch in enumerate(watches):
            watch.setdefault("id", f"{who}{number}")
        self.watchers[who] = Actor("watcher.py", self._spec(who, watches=watches, **more), user)

    def writer(self, who, kinds, user=None, **more):
        spec = self._spec(who, who=who, kinds=kinds, release=self.release, **more)
        spec.setdefault("names", self.names)
        self.writers[who] = Actor("writer.py", spec, user)

    def participant(self, who, user=None, **more):
        self.participants[who] = Actor("participant.py", self._spec(who, who=who, **more), user)

    def _spec(self, log_name, **more):
        return {
            "socket": self.stack.bus.socket, "log": os.path.join(self.directory, log_name + ".log"),
            "seed": self.random.randrange(1 << 30), **more,
        }  # fmt: skip

    def wait_ready(self):
        for watcher in self.watchers.values():
            watcher.wait("watching")
        for participant in self.participants.values():
            participant.wait("registered")

    def go(self):
        for writer in self.writers.values():
            writer.tell("go")

    def settle(self):
        """Ends all writing, and has every watcher read everything."""
        for writer in self.writers.values():
            writer.tell("pause")
        for writer in self.writers.values():
            writer.wait("paused")
        for watcher in self.watchers.values():
            watcher.tell("settle")
        for watcher in self.watchers.values():
            watcher.wait("settled")

    def rounds(self, n_rounds, victims=VICTIMS):
        """Someone dies while all are busy, and again."""
        for _ in range(n_rounds):
            let_pass(self.random.uniform(0.05, 0.4))
            getattr(self, "_end_" + self.random.choice(victims))()

    def _end_regentd(self):
        self.stack.regentd.kill()
        self.n_killed["regentd"] += 1
        if self.random.random() < 0.3 and self.watchers:
            self._end_watcher()
        self.stack.regentd.start()

    def _end_watcher(self):
        self._again(self.watchers, "watcher")

    def _end_participant(self):
        self._again(self.participants, "participant")

    def _end_writer(self):
        """Its numbers go on in a log of another name, so that no value is sent twice."""
        writer = self._again(self.writers, "writer", self._rename)
        writer.tell("go")

    def _rename(self, writer):
        self._n_writers += 1
        spec = writer.spec
        name = spec["who"].split("-")[0] + f"-{self._n_writers}"
        spec.update(who=name, log=os.path.join(self.directory, name + ".log"), seed=self.random.randrange(1 << 30))

    def _again(self, actors, kind, before_start=lambda actor: None):
        if not actors:
            return None
        actor = self.random.choice(list(actors.values()))
        actor.kill()
        self.n_killed[kind] += 1
        before_start(actor)
        actor.start()
        return actor

    def _end_stopped(self):
        watcher = self.random.choice(list(self.watchers.values()))
        watcher.signal(signal.SIGSTOP)
        let_pass(self.random.uniform(0.05, 0.3))
        watcher.signal(signal.SIGCONT)

    def judge(self):
        """Everything that was written down. Raises Broken."""
        watchers = {
            who: (actor.spec["watches"], read_log(actor.spec["log"])) for who, actor in self.watchers.items()
        }
        known = {actor.spec["log"] for actor in [*self.watchers.values(), *self.participants.values()]}
        paths = sorted(glob.glob(os.path.join(self.directory, "*.log")))
        logs = [read_log(path) for path in paths if path not in known]
        judged = Judge(logs, watchers)
        counts = judged.check()
        for who, actor in self.participants.items():
            try:
                self.heard[who] = Hearing(judged, read_log(actor.spec["log"])).check()
            except Broken as error:
                raise Broken(f"participant {who}: {error}") from None
        self.n_requests = len(judged.evidence.requests)
        return counts

    def close(self):
        for actor in [*self.watchers.values(), *self.writers.values(), *self.participants.values()]:
            actor.close()
