# SPDX-License-Identifier: LGPL-2.1-or-later
"""A regentd on a private bus with scratch directories, and the tool that is its clients."""

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time

from regent_testing.bus import DBusDaemon
from regent_testing.client import Client
from regent_testing.service import Regentd
from regent_testing.waiting import wait_readable

NS_NAME = "bench.entries"
CHANGES_A_COMMIT = 4000

# More journal than any measure writes: nothing but a clean stop makes a checkpoint.
JOURNAL_ONLY = "[Store]\nCheckpointJournalBytes=16G\n"


class ToolFailed(RuntimeError):
    """bench-regent could not do what it was asked."""


def run_tool(tool, *arguments, timeout):
    command = [tool, *map(str, arguments)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise ToolFailed(f"{arguments[0]}: not done after {timeout:g} s") from error
    if done.returncode != 0:
        raise ToolFailed(f"{arguments[0]}: {done.stderr.strip() or done.returncode}")
    return done.stdout


class Instance:
    """One regentd. bus: limits and policy of its DBusDaemon."""

    def __init__(self, context, config=None, **bus):
        self.context = context
        self.directory = tempfile.mkdtemp(prefix="instance-", dir=context.directory)
        # The socket's path has to be short, so the bus does not live below a build directory.
        self.bus_directory = tempfile.mkdtemp(prefix="regent-bench-")
        self.bus = DBusDaemon(self.bus_directory, **bus).start()
        self.regentd = Regentd(self.bus, self.directory, config=config)

    @property
    def state_dir(self):
        return self.regentd.state_dir

    @property
    def pid(self):
        return self.regentd.process.pid

    def start(self):
        self.regentd.start(seconds=120)
        return self

    def stop(self):
        """A clean stop, which leaves a checkpoint."""
        self.regentd.stop(seconds=120)

    def kill(self):
        self.regentd.kill()

    def start_timed(self, ns_name=None):
        """Starts it, and returns the seconds from just before it was executed to its first answer.

        The call is a Get of the first key of ns_name; without, of the Manager's property Revision.
        """
        arguments = [self.context.tool, "await", self.bus.address] + ([ns_name] if ns_name else [])
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as waiter:
            try:
                wait_readable(waiter.stdout, 10, "bench-regent to listen")
                waiter.stdout.readline()
                begin = time.monotonic_ns()
                self.regentd.spawn()
                answered, _ = waiter.communicate(timeout=150)
            except BaseException:
                waiter.kill()
                raise
        if waiter.returncode != 0:
            raise ToolFailed("await: no answer\n" + self.regentd.log())
        return (int(answered) - begin) / 1e9

    def fill(self, n_keys, n_namespaces=1, first_key=0):
        run_tool(
            self.context.tool, "fill", self.bus.address, NS_NAME, n_namespaces, first_key, n_keys,
            CHANGES_A_COMMIT, timeout=300,
        )  # fmt: skip
        return self

    def signals(self, n_changes):
        return json.loads(
            run_tool(self.context.tool, "signals", self.bus.address, NS_NAME, n_changes, timeout=60)
        )

    def load(self, operation, **parameters):
        """A load on this bus in the words of bench-regent."""
        words = [operation, "bus=" + self.bus.address]
        if operation != "ping":
            words.append("namespace=" + NS_NAME)
        words += [f"{name.rstrip('_')}={value}" for name, value in parameters.items()]
        return " ".join(map(shlex.quote, words))

    def memory_bytes(self, field="VmRSS"):
        return self.regentd.memory_kib(field) * 1024

    def statistics(self):
        """What Manager.GetStatistics tells, by name."""
        client = Client(self.bus.address)
        try:
            return {name: counter.unpack() for name, counter in client.statistics().items()}
        finally:
            client.close()

    def wakeups(self):
        """How often its threads went to sleep so far, which is how often they woke."""
        total = 0
        tasks = f"/proc/{self.pid}/task"
        for task in os.listdir(tasks):
            with contextlib.suppress(FileNotFoundError), open(f"{tasks}/{task}/status", encoding="utf-8") as file:
                total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(), re.MULTILINE).group(1))
        return total

    def is_checkpointing(self):
        """Whether a file is being written that is going to replace others."""
        try:
            return bool(os.listdir(os.path.join(self.state_dir, "tmp")))
        except FileNotFoundError:
            return False

    def settle(self, seconds=60):
        """Waits until no checkpoint is under way and the disk has nothing of ours to write."""
        end = time.monotonic() + seconds
        quiet_since = time.monotonic()
        while time.monotonic() < end and time.monotonic() - quiet_since < 0.3:
            if self.is_checkpointing():
                quiet_since = time.monotonic()
            time.sleep(0.02)
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return self

    def close(self):
        try:
            if self.regentd.is_running():
                self.kill()
            self.regentd.close()  # raises when it had ended by itself
        finally:
            self.bus.stop()
            shutil.rmtree(self.bus_directory, ignore_errors=True)
            shutil.rmtree(self.directory, ignore_errors=True)


class Context:
    """What all measures of one run have: the programs, the scratch directory, and how much to measure."""

    def __init__(self, tool, store_tool, view_tool, flush_clock, ctl, directory, sizes):
        self.tool = tool
        self.store_tool = store_tool
        self.view_tool = view_tool
        self.flush_clock = flush_clock  # to be preloaded
        self.ctl = ctl
        self.directory = directory
        self.sizes = sizes

    @contextlib.contextmanager
    def instance(self, config=None, **bus):
        instance = Instance(self, config, **bus)
        try:
            yield instance
        finally:
            instance.close()

    def rounds(self, steps, n_rounds=None, window_msec=None):
        """Takes steps (label -> load) in turn. Returns label -> rounds, each a dict of `loads` and `statistics`."""
        n_rounds = n_rounds or self.sizes.rounds
        window_msec = window_msec or self.sizes.window_msec
        texts = [f"{label} {load}" for label, load in steps.items()]
        timeout = 60 + 5 * n_rounds * len(steps) * window_msec / 1000
        return json.loads(run_tool(self.tool, "rounds", n_rounds, window_msec, *texts, timeout=timeout))

    def disk_write(self):
        """128 bytes and fdatasync, to a filled file beside the state directories."""
        return "write " + self._filled_file()

    def floor(self, instance):
        """A Ping and then such a write, as one operation."""
        return " ".join(["floor", shlex.quote("bus=" + instance.bus.address), self._filled_file()])

    def _filled_file(self):
        return shlex.quote("file=" + os.path.join(self.directory, "filled"))


def each(rounds, field):
    """A field of the first load, round by round."""
    return [taken["loads"][0][field] for taken in rounds]
