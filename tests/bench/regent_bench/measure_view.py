# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a read of a view costs, against a bare look-up in shared memory and LMDB, and how soon a commit is seen in one.

In one process and without a bus, in nanoseconds of the reading thread.
"""

import json

from .figure import Figure, at_least, at_most
from .instance import run_tool
from .measure_calls import median, ratios

VALUE_BYTES = (32, 4096)


def figures_of(rounds, label):
    views = [taken["view"] for taken in rounds]
    bare = [taken["bare"] for taken in rounds]
    yield Figure(
        f"view-get-{label}", median(views), "ns", "bare look-up", median(bare), ratios(views, bare), at_most(2.5)
    )
    if "lmdb" in rounds[0]:
        lmdb = [taken["lmdb"] for taken in rounds]
        yield Figure(
            f"view-get-{label}-lmdb", median(views), "ns", "LMDB", median(lmdb), ratios(lmdb, views), at_least(5),
            note="how many times quicker",
        )  # fmt: skip
    beside = [taken["beside_writer"] for taken in rounds]
    yield Figure(f"view-get-{label}-writer", median(beside), "ns", "no writer", median(views), ratios(beside, views))
    yield Figure(
        f"view-get-{label}-p99", median([taken["late_beside_writer"] for taken in rounds]), "ns",
        goal=at_most(1000), note="beside a writer, with two looks at the clock",
    )  # fmt: skip


def measure_view(context):
    sizes, figures = context.sizes, []
    n_rounds = min(sizes.rounds, 20)
    for value_bytes in VALUE_BYTES:
        taken = run_tool(
            context.view_tool, "read", sizes.medium_keys, value_bytes, n_rounds, sizes.window_msec, timeout=150
        )
        figures += figures_of(json.loads(taken)["rounds"], f"{sizes.medium_keys}x{value_bytes}")

    taken = json.loads(run_tool(context.view_tool, "publish", n_rounds, 100, timeout=150))["rounds"]
    for name, key, goal in (("view-visible", "publish_nsec", 5), ("view-wake", "wake_nsec", 15)):
        usec = [each[key] / 1000 for each in taken]
        figures.append(Figure(name, median(usec), "us", goal=at_most(goal), note="from when the journal has it"))
    return figures
