# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a read of a view costs, against a bare look-up in shared memory and LMDB, how soon a commit is seen in one, and
what many of them take.

Reads are made in one process and without a bus, in nanoseconds of the reading threads. A crowd is eight threads beside
one that writes 50,000 commits a second. All else is a regentd on a bus.
"""

import contextlib
import json
import os
import resource
import subprocess
import sys

from regent_testing.client import Client

from .figure import Figure, at_least, at_most
from .instance import NS_NAME, run_tool
from .measure_calls import median, ratios

VALUE_BYTES = (32, 4096)
READERS = 8
KEYS_EACH = 10
SLOW_FLUSH_USEC = 700  # so that the thread has them
DESCRIPTORS = 40960  # as in the unit


def column(rounds, name):
    return [taken[name] for taken in rounds]


def compare(rounds, label, suffix, note):
    views, bare = column(rounds, "view" + suffix), column(rounds, "bare" + suffix)
    yield Figure(
        f"view-get-{label}", median(views), "ns", "bare look-up", median(bare), ratios(views, bare), at_most(2.5), note
    )
    if "lmdb" in rounds[0]:
        lmdb = column(rounds, "lmdb" + suffix)
        yield Figure(
            f"view-get-{label}-lmdb", median(views), "ns", "LMDB", median(lmdb), ratios(lmdb, views), at_least(5),
            note="how many times quicker" + (", " + note if note else ""),
        )  # fmt: skip


def figures_of(rounds, label):
    yield from compare(rounds, label, "", "")
    yield from compare(rounds, f"{label}-crowd", "_crowd", "8 readers and a writer")
    yield Figure(
        f"view-get-{label}-p99", median(column(rounds, "view_late")), "ns",
        goal=at_most(1000), note="8 readers and a writer; with two looks at the clock",
    )  # fmt: skip


def measure_reads(context):
    sizes = context.sizes
    for value_bytes in VALUE_BYTES:
        taken = run_tool(
            context.view_tool, "read", sizes.medium_keys, value_bytes, min(sizes.rounds, 12), sizes.window_msec,
            READERS, timeout=200,
        )  # fmt: skip
        rounds = json.loads(taken)["rounds"]
        if "lmdb" not in rounds[0]:
            print("# LMDB is not there (liblmdb-dev): nothing is compared with it", file=sys.stderr, flush=True)
        yield from figures_of(rounds, f"{sizes.medium_keys}x{value_bytes}")


@contextlib.contextmanager
def timed_instance(context, slow_usec):
    """A regentd that writes down when a flush ended."""
    with context.instance() as instance:
        clock = os.path.join(instance.directory, "flush-clock")
        with open(clock, "wb") as file:
            file.write(bytes(8))
        instance.regentd.environ |= {"LD_PRELOAD": context.flush_clock, "BENCH_FLUSH_CLOCK": clock}
        if slow_usec:
            instance.regentd.environ["BENCH_FLUSH_USEC"] = str(slow_usec)
        yield instance.start().fill(KEYS_EACH), clock


@contextlib.contextmanager
def apart(instance):
    """A reader that looks all the time has a processor of its own, or regentd would have to wait for it."""
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) > 1:
        for pid in (instance.pid, instance.bus.process.pid):
            for task in os.listdir(f"/proc/{pid}/task"):
                os.sched_setaffinity(int(task), processors[1:])
        os.sched_setaffinity(0, processors[:1])
    try:
        yield
    finally:
        os.sched_setaffinity(0, processors)


def measure_live(context, label, slow_usec, usec):
    n_commits = max(20, min(1000, context.sizes.changes // 2))
    with timed_instance(context, slow_usec) as (instance, clock):
        arguments = (context.view_tool, "live", instance.bus.address, NS_NAME, n_commits, clock)
        woken = json.loads(run_tool(*arguments, "woken", timeout=120))
        with apart(instance):
            seen = json.loads(run_tool(*arguments, "seen", timeout=120))
    # The thread has to wake the loop up.
    futex = ("futex", woken["futex_nsec"] / 1000) if slow_usec else ()
    yield Figure(
        f"view-seen-{label}", seen["seen_nsec"] / 1000, "us", *futex, goal=at_most(usec),
        note="from the end of its flush to a reader that looks",
    )  # fmt: skip
    yield Figure(
        f"view-woken-{label}", woken["seen_nsec"] / 1000, "us", "futex", woken["futex_nsec"] / 1000,
        goal=at_most(usec + 10), note="to one that sleeps",
    )  # fmt: skip


@contextlib.contextmanager
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def n_descriptors(instance):
    return len(os.listdir(f"/proc/{instance.pid}/fd"))


def measure_many(context):
    """Namespaces with a view each, which one reader holds."""
    n = context.sizes.many_namespaces
    with many_descriptors(), context.instance() as instance:
        instance.start().fill(KEYS_EACH, n)
        memory, descriptors = instance.memory_bytes(), n_descriptors(instance)
        command = [context.view_tool, "open", instance.bus.address, NS_NAME, str(n)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
            taken = json.loads(reader.stdout.readline())
            memory_each = (instance.memory_bytes() - memory) / n
            shared_each = taken["bytes"] / n
            descriptors_each = (n_descriptors(instance) - descriptors) / n
            client = Client(instance.bus.address)
            assert client.statistics()["views"].unpack() == n
            client.close()
            reader.stdin.close()
    label = f"views-{n}"
    yield Figure(
        f"{label}-memory", memory_each / 1024, "KiB", goal=at_most(12),
        note=f"resident, each; {shared_each / 1024:.0f} KiB of it shared",
    )  # fmt: skip
    yield Figure(f"{label}-descriptors", descriptors_each, "", goal=at_most(1), note="each")


def measure_view(context):
    return [
        *measure_reads(context),
        *measure_live(context, "loop", 0, 5),
        *measure_live(context, "thread", SLOW_FLUSH_USEC, 15),
        *measure_many(context),
    ]
