# SPDX-License-Identifier: LGPL-2.1-or-later
"""What regentctl adds to the calls it makes, where it makes many."""

import os
import statistics
import subprocess
import time

from .figure import Figure, at_most
from .instance import NS_NAME, ToolFailed


def seconds_of(work):
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


def run_ctl(context, instance, *arguments, stdout=subprocess.DEVNULL):
    done = subprocess.run(
        [context.ctl, "--address=" + instance.bus.address, *arguments],
        stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise ToolFailed(f"regentctl {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")


def measure_round(context, path):
    """Seconds of filling a namespace by Apply, of a dump of it, and of loading that into an empty service."""
    n_keys = context.sizes.dump_keys
    with context.instance() as instance, open(path, "wb") as file:
        instance.start()
        fill = seconds_of(lambda: instance.fill(n_keys))
        dump = seconds_of(lambda: run_ctl(context, instance, "dump", NS_NAME, stdout=file))
    with context.instance() as instance:
        instance.start()
        load = seconds_of(lambda: run_ctl(context, instance, "load", path))
        run_ctl(context, instance, "diff", path)  # fails unless all of it is there
    return fill, dump, load


def measure_dump_load(context):
    """The ratio is held against a goal; the seconds are of this machine, and meant to stay below 3."""
    path = os.path.join(context.directory, "dump.json")
    rounds = [measure_round(context, path) for _ in range(context.sizes.dump_rounds)]
    fills, dumps, loads = (list(column) for column in zip(*rounds, strict=True))
    note = f"{context.sizes.dump_keys:,} entries, {os.path.getsize(path) / (1 << 20):.1f} MiB"

    def figure(name, seconds, most):
        against = [one / fill for one, fill in zip(seconds, fills, strict=True)]
        return Figure(
            name, statistics.median(seconds), "s", "filling by Apply", statistics.median(fills), against,
            at_most(most), note,
        )  # fmt: skip

    return [figure("load", loads, 4), figure("dump", dumps, 6)]
