# SPDX-License-Identifier: LGPL-2.1-or-later
"""What regentd costs while it is there: memory, its start, its idleness, and what a checkpoint does to callers."""

import os
import shutil
import statistics
import subprocess
import threading
import time

from .figure import Figure, at_most
from .instance import JOURNAL_ONLY, NS_NAME

KIB = 1024
MIB = 1024 * KIB


def entries_text(n_keys):
    return f"{n_keys:,} entries"


def measure_memory(context):
    n_keys = context.sizes.large_keys
    with context.instance() as instance:
        instance.start()
        empty = instance.memory_bytes()
        begin = time.monotonic()
        instance.fill(n_keys)
        fill_seconds = time.monotonic() - begin
        instance.settle()
        filled = instance.memory_bytes()
        highest = instance.memory_bytes("VmHWM")
        instance.stop()
        instance.start()
        started = instance.memory_bytes()
    note = f"{entries_text(n_keys)}; "
    return [
        Figure("memory-empty", empty / MIB, "MiB resident"),
        Figure("memory", filled / n_keys, "bytes/entry", goal=at_most(250), note=note + f"{filled / MIB:.0f} MiB"),
        Figure("memory-highest", highest / n_keys, "bytes/entry", note="at any time until then, checkpoints included"),
        Figure(
            "memory-after-start",
            started / n_keys,
            "bytes/entry",
            goal=at_most(250),
            note=note + f"{started / MIB:.0f} MiB, loaded from a checkpoint",
        ),
        Figure("fill", n_keys / fill_seconds, "entries/s", note="through Apply, 4000 at a time"),
    ]


def state_mib(instance):
    total = 0
    for directory, _, names in os.walk(instance.state_dir):
        total += sum(os.stat(os.path.join(directory, name)).st_blocks * 512 for name in names)
    return total / MIB


def times_figure(name, seconds, unit, scale, goal, note):
    value = statistics.median(seconds) * scale
    spread = f"{min(seconds) * scale:.3g}..{max(seconds) * scale:.3g} {unit}"
    return Figure(name, value, unit, goal=goal, note=f"{spread}; {note}")


def start_from_journal(context, instance):
    """The same journal each time: a start may write, so it is put back from a copy."""
    copy = os.path.join(instance.directory, "copy")
    shutil.copytree(instance.state_dir, copy)
    seconds = []
    for _ in range(context.sizes.starts):
        put_back(instance, copy)
        seconds.append(instance.start_timed(NS_NAME))
        instance.kill()
    shutil.rmtree(copy)
    return seconds


def start_from_checkpoint(context, instance):
    seconds = []
    for _ in range(context.sizes.starts):
        seconds.append(instance.start_timed(NS_NAME))
        instance.stop()
    return seconds


def measure_start(context):
    n_keys = context.sizes.large_keys
    with context.instance(JOURNAL_ONLY) as instance:
        instance.start().fill(n_keys)
        instance.kill()
        journal_mib = state_mib(instance)
        from_journal = start_from_journal(context, instance)
        instance.start()
        instance.stop()
        checkpoint_mib = state_mib(instance)
        from_checkpoint = start_from_checkpoint(context, instance)
    text = f"{entries_text(n_keys)}, files in the page cache"
    return [
        times_figure(
            "start-from-checkpoint", from_checkpoint, "s", 1, at_most(1.5, "s"), f"{text}, {checkpoint_mib:.0f} MiB"
        ),
        times_figure("start-from-journal", from_journal, "s", 1, at_most(3, "s"), f"{text}, {journal_mib:.0f} MiB"),
    ]


def measure_first_start(context):
    seconds = []
    for _ in range(context.sizes.first_starts):
        with context.instance() as instance:
            seconds.append(instance.start_timed())
    return [times_figure("first-start", seconds, "ms", 1000, at_most(50, "ms"), "empty state directory")]


def measure_idle(context):
    seconds = context.sizes.idle_seconds
    with context.instance() as instance:
        instance.start().fill(1000)
        context.rounds({"set": instance.load("set", keys=1000)}, n_rounds=1)
        # What follows a write by design: the mark after a second of idleness, and space filled ahead.
        time.sleep(min(3, seconds))
        before = instance.wakeups()
        time.sleep(seconds)
        n_wakeups = instance.wakeups() - before
    return [Figure("idle", n_wakeups, "wake-ups", goal=at_most(1), note=f"in {seconds:g} s, 1,000 entries")]


class CheckpointWatch:
    """Sees when a checkpoint is being written, by looking at the directory it is written in."""

    def __init__(self, instance):
        self.instance = instance
        self.begin = None
        self.end = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _look(self):
        while not self._over.wait(0.002):
            if self.instance.is_checkpointing():
                self.begin = self.begin or time.monotonic()
                self.end = time.monotonic()


def slowest(rounds, operation, begin=None, end=None):
    """Longest time of an operation that overlapped the time between begin and end, in milliseconds."""
    longest = 0
    for taken in rounds:
        for load in taken["loads"]:
            for started, usec in load["slowest"] if load["operation"] == operation else ():
                if begin is None or (started <= end and started + usec / 1e6 >= begin):
                    longest = max(longest, usec / 1000)
    return longest


def put_back(instance, copy):
    """The state as it was when the copy was made, and nothing of it left to be written."""
    shutil.rmtree(instance.state_dir)
    shutil.copytree(copy, instance.state_dir)
    subprocess.run(["sync", "-f", instance.directory], check=True, timeout=60)


class CheckpointRun:
    """Readers and writers for a while, and then the same while one checkpoint of everything is written."""

    def __init__(self, context, instance, steps):
        window_msec = 60 * context.sizes.window_msec
        instance.regentd.write_config(JOURNAL_ONLY)
        instance.start()
        self.quiet = context.rounds(steps, 1, window_msec)["both"]
        instance.kill()
        # With the usual setting the first commit after a start finds that one is due.
        instance.regentd.write_config("")
        instance.start()
        with CheckpointWatch(instance) as self.watch:
            self.during = context.rounds(steps, 1, window_msec)["both"]
        self.counters = instance.statistics()
        instance.kill()

    @property
    def was_seen(self):
        return self.watch.begin is not None

    @property
    def seconds(self):
        return self.watch.end - self.watch.begin

    def slowest(self, operation):
        """Meanwhile and without, in milliseconds."""
        return slowest(self.during, operation, self.watch.begin, self.watch.end), slowest(self.quiet, operation)


def longest_figure(operation, runs, goal, note):
    longest, without = (list(column) for column in zip(*(run.slowest(operation) for run in runs), strict=True))
    return Figure(
        f"checkpoint-longest-{operation}",
        statistics.median(longest),
        "ms",
        "longest without",
        statistics.median(without),
        goal=goal,
        note=f"{min(longest):.3g}..{max(longest):.3g} ms; {note}",
    )


def counter_figure(name, counter, runs, text):
    worst = [run.counters[counter] / 1000 for run in runs]
    return Figure(
        f"checkpoint-longest-{name}", statistics.median(worst), "ms", note=f"{min(worst):.3g}..{max(worst):.3g} ms; {text}"
    )


def measure_checkpoint(context):
    """Several checkpoints of the same state, each while one client reads and one writes; medians of the longest."""
    n_keys = context.sizes.large_keys
    with context.instance(JOURNAL_ONLY) as instance:
        # A checkpoint is due once the journal is larger than the state: write half of it again.
        instance.start().fill(n_keys).fill(n_keys // 2).kill()
        copy = os.path.join(instance.directory, "copy")
        shutil.copytree(instance.state_dir, copy)
        get, set_ = instance.load("get", keys=n_keys), instance.load("set", keys=n_keys)
        runs = []
        for _ in range(context.sizes.checkpoints):
            put_back(instance, copy)
            runs.append(CheckpointRun(context, instance, {"both": f"{get} + {set_}"}))
    runs = [run for run in runs if run.was_seen]
    if not runs:
        return [Figure("checkpoint", None, "ms", note="no checkpoint was seen")]
    seconds = statistics.median(run.seconds for run in runs)
    note = f"{len(runs)} checkpoints of {entries_text(n_keys)}, {seconds:.2f} s each"
    return [
        longest_figure("get", runs, at_most(5, "ms"), note),
        longest_figure("set", runs, at_most(50, "ms"), note),
        counter_figure("slice", "checkpoint-slice-worst-usec", runs, "of the event loop's time at once"),
        counter_figure("hold", "checkpoint-hold-worst-usec", runs, "writes were held"),
    ]
