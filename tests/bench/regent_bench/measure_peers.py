# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same work for every system, in turn, round after round.

All systems of a size are up at the same time, with the same keys and values on the same disk. What a round gave is
kept by (case, keys, bytes) and system: nanoseconds for each operation, or operations a second where several clients
are at it. A cell without rounds has a reason.
"""

import dataclasses
import os
import random
import shutil
import sys
import time

from .peer_clients import Client, ClientFailed, take_window
from .peer_systems import RUNTIME_SYSTEMS, SERVICES, SYSTEMS, why_not

N_CLIENTS = 8
DEPTH = 8
SMALL, LARGE = 32, 4096


@dataclasses.dataclass(frozen=True)
class PeerSizes:
    keys: tuple
    middle: int  # the number of keys at which everything is measured
    rounds: int
    rounds_min: int  # also when time is up
    read_msec: int
    write_msec: int
    phase_seconds: float  # after this no further round is begun
    total_seconds: float  # after this none beyond rounds_min


FULL = PeerSizes((100, 10_000, 100_000), 10_000, 40, 5, 25, 60, 55, 600)
QUICK = PeerSizes((100, 10_000), 10_000, 7, 3, 15, 40, 20, 120)
SMOKE = PeerSizes((100,), 100, 1, 1, 1, 1, 10, 60)

CASES = ("read", "write", "writers", "tell", "runtime-one", "runtime-eight", "runtime-pipeline")


# service -> variants of the way to it whose values are apart
FILLED = {"regent": ("", "runtime,in:runtime"), "bare": ("bare",)}


class Results:
    """cells: (case, keys, bytes) -> system -> list of rounds, None where one failed; reasons likewise -> text."""

    def __init__(self):
        self.cells = {}
        self.reasons = {}

    def note(self, case, system, value):
        self.cells.setdefault(case, {}).setdefault(system, []).append(value)

    def refuse(self, case, system, reason):
        self.reasons.setdefault(case, {})[system] = reason

    def rounds(self, case, system):
        return [value for value in self.cells.get(case, {}).get(system, []) if value is not None]

    def reason(self, case, system):
        return self.reasons.get(case, {}).get(system)


class Stand:
    """The systems of one size: services that run, and a client of each."""

    def __init__(self, context, n_keys, value_bytes, results):
        self.context = context
        self.n_keys = n_keys
        self.value_bytes = value_bytes
        self.results = results
        self.services = {}  # name -> Service, those that are up and filled
        self.broken = {}  # name -> why not
        self.directory = os.path.join(context.directory, f"{n_keys}-{value_bytes}")

    def start(self, systems):
        os.makedirs(self.directory, exist_ok=True)
        for name in dict.fromkeys(system.service for system in systems):
            program = SERVICES[name].filler or name
            if not self.context.is_built(program) or not SERVICES[name].is_installed():
                self.broken[name] = "not installed"
                continue
            if not any(self.is_possible(system) for system in systems if system.service == name):
                continue
            directory = os.path.join(self.directory, name)
            service = SERVICES[name](directory, self.n_keys, self.value_bytes, self.context.programs)
            self.services[name] = service
            try:
                service.start()
                for variant in FILLED.get(name, ("",)):
                    self.fill(name, program, variant)
            except Exception as error:  # one that does not start leaves the others to be measured
                self.context.say(f"{name}: {error}")
                self.broken[name] = "did not start"
        os.sync()

    def is_possible(self, system):
        return any(why_not(system, case, self.n_keys, self.value_bytes) is None for case in system.cases)

    def fill(self, name, program, variant):
        client = self.wait_client(name, program, variant)
        try:
            if not self.services[name].is_filled:
                client.order("fill", seconds=240)
        finally:
            client.close()

    def wait_client(self, name, program, variant, seconds=20):
        """The first client of a service that may still be starting."""
        end = time.monotonic() + seconds
        while True:
            try:
                return self.client(name, program, variant, 0)
            except ClientFailed:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def client(self, name, program, variant, index):
        service = self.services[name]
        command = [
            self.context.program(program), service.where, variant,
            str(self.n_keys), str(self.value_bytes), str(index),
        ]  # fmt: skip
        return Client(command, service.environ, os.path.join(self.directory, f"{name}-{index}.log"))

    def clients_for(self, system, n, variant=None):
        clients = []
        try:
            for index in range(n):
                clients.append(
                    self.client(system.service, system.program, system.variant if variant is None else variant, index)
                )
        except BaseException:
            for client in clients:
                client.close()
            raise
        return clients

    def stop(self):
        for service in self.services.values():
            try:
                service.stop()
            except Exception as error:
                self.context.say(f"{service.directory}: {error}")
        shutil.rmtree(self.directory, ignore_errors=True)

    def take(self, case, systems, prepare, take_round):
        """Rounds of one case: prepare(system) gives what take_round(what) measures, and closes."""
        key = (case, self.n_keys, self.value_bytes)
        ready, closing = {}, []
        try:
            for system in systems:
                reason = self.why_not(system, case)
                if reason is None:
                    try:
                        ready[system.name] = prepare(system, closing)
                    except Exception as error:
                        reason = "not in this build" if "Unknown method" in str(error) else "failed"
                        if reason == "failed":
                            self.context.say(f"{system.label}: {case}: {error}")
                if reason is not None:
                    self.results.refuse(key, system.name, reason)
            self.take_rounds(key, ready, take_round)
        finally:
            for client in closing:
                client.close()

    def take_rounds(self, key, ready, take_round):
        sizes, begin = self.context.sizes, time.monotonic()
        shuffler = random.Random(1)
        # The first is to get warm, and does not count.
        for number in range(-1, sizes.rounds):
            late = time.monotonic() - begin > sizes.phase_seconds or self.context.is_late()
            if number >= sizes.rounds_min and late:
                break
            names = list(ready)
            shuffler.shuffle(names)  # so that none always comes after the same other one
            for name in names:
                try:
                    value = take_round(ready[name])
                except Exception as error:
                    self.context.say(f"{name}: {key[0]}: {error}")
                    self.results.refuse(key, name, "failed")
                    self.results.cells.get(key, {}).pop(name, None)
                    del ready[name]
                    continue
                if number >= 0:
                    self.results.note(key, name, value)

    def why_not(self, system, case):
        if system.service in self.broken:
            return self.broken[system.service]
        if not self.context.is_built(system.program):
            return "not in this build"
        return why_not(system, case, self.n_keys, self.value_bytes)


def one_client(stand):
    def prepare(system, closing):
        clients = stand.clients_for(system, 1)
        closing += clients
        return clients

    return prepare


def several_clients(stand):
    def prepare(system, closing):
        clients = stand.clients_for(system, N_CLIENTS)
        closing += clients
        return clients

    return prepare


def measure_reads(stand, systems):
    msec = stand.context.sizes.read_msec
    stand.take("read", systems, one_client(stand), lambda clients: take_window(clients, "read", msec)[0].nsec_each)


def measure_writes(stand, systems, case="write"):
    msec = stand.context.sizes.write_msec
    stand.take(case, systems, one_client(stand), lambda clients: take_window(clients, "write", msec)[0].median_nsec)


def measure_writers(stand, systems, case="writers"):
    msec = stand.context.sizes.write_msec
    stand.take(
        case, systems, several_clients(stand),
        lambda clients: sum(counted.rate for counted in take_window(clients, "write", msec)),
    )  # fmt: skip


def measure_pipeline(stand, systems):
    msec = stand.context.sizes.write_msec
    stand.take(
        "runtime-pipeline", systems, one_client(stand),
        lambda clients: take_window(clients, "pipeline", msec, DEPTH)[0].rate,
    )  # fmt: skip


def measure_telling(stand, systems):
    """From just before a write until the last of eight other processes knows the value."""

    def prepare(system, closing):
        board = os.path.join(stand.directory, system.name + ".board")
        apart = system.apart()
        if apart is not None:
            stand.fill(system.service, system.service, apart)
        watchers = stand.clients_for(system, N_CLIENTS, apart)
        closing += watchers
        for watcher in watchers:
            watcher.order("watch", board, N_CLIENTS, seconds=30)
        # Where the way is for reading alone, the write takes another one.
        program = "regent" if system.program == "regent-view" else system.program
        writer = stand.client(system.service, program, system.variant if apart is None else apart, N_CLIENTS)
        closing.append(writer)
        return writer, board

    def take_round(pair):
        writer, board = pair
        return take_window([writer], "tell", stand.context.sizes.write_msec, board)[0].median_nsec

    stand.take("tell", systems, prepare, take_round)


class Peers:
    """What one run has: programs, scratch directory, sizes, and which systems are wanted."""

    def __init__(self, directory, programs, sizes, names=()):
        self.directory = directory
        self.programs = programs
        self.sizes = sizes
        self.systems = [one for one in SYSTEMS if not names or one.service in names]
        self.runtime_systems = [one for one in RUNTIME_SYSTEMS if not names or one.service in names]
        self.begin = time.monotonic()
        self.failures = []

    def program(self, name):
        return os.path.join(self.programs, "bench-peer-" + name)

    def is_built(self, name):
        return os.access(self.program(name), os.X_OK)

    def is_late(self):
        return time.monotonic() - self.begin > self.sizes.total_seconds

    def say(self, text):
        self.failures.append(text)
        print("bench-peers: " + text, file=sys.stderr, flush=True)

    def run(self):
        results = Results()
        for n_keys in self.sizes.keys:
            for value_bytes in (SMALL, LARGE):
                stand = Stand(self, n_keys, value_bytes, results)
                try:
                    has_runtime = value_bytes == SMALL and n_keys == self.sizes.middle
                    stand.start(self.systems + (self.runtime_systems if has_runtime else []))
                    self.measure(stand, n_keys, value_bytes)
                finally:
                    stand.stop()
        return results

    def measure(self, stand, n_keys, value_bytes):
        measure_reads(stand, self.systems)
        if value_bytes != SMALL:
            return
        measure_writes(stand, self.systems)
        if n_keys != self.sizes.middle:
            return
        measure_writers(stand, self.systems)
        measure_telling(stand, self.systems)
        measure_writes(stand, self.runtime_systems, "runtime-one")
        measure_writers(stand, self.runtime_systems, "runtime-eight")
        measure_pipeline(stand, self.runtime_systems)
