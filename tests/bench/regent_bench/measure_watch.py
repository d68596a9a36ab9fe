# SPDX-License-Identifier: LGPL-2.1-or-later
"""How fast those who watch are told, against signals that any program sends through the same bus."""

import json
import statistics

from .figure import Figure, at_least
from .instance import NS_NAME, run_tool

# A bus that takes a thousand connections of one user, and signals for all of them.
MANY = {"max_connections_per_user": 4096, "max_completed_connections": 8192, "max_match_rules_per_connection": 4096}

# The program that is compared with is called, as regentd is.
POLICY = '<policy context="default"><allow send_interface="org.regentd.Bench"/></policy>'


def take(context, instance, receivers, changes, size):
    return json.loads(
        run_tool(context.tool, "fanout", instance.bus.address, NS_NAME, receivers, changes, size, timeout=300)
    )


def compare(name, taken, kind, goal, note="", of="watch"):
    rates, others = [one[of] for one in taken], [one[kind] for one in taken]
    return Figure(
        name, statistics.median(rates), "commits/s", f"{kind} signals", statistics.median(others),
        [rate / other for rate, other in zip(rates, others, strict=True)], goal, note,
    )  # fmt: skip


def measure_watch(context):
    sizes, figures = context.sizes, []
    with context.instance(limits=MANY, policy=POLICY) as instance:
        instance.start().fill(1)
        for size in (8, 1024):
            taken = [take(context, instance, 8, sizes.changes, size) for _ in range(sizes.fanout_rounds)]
            name = f"watch-8-of-{size}-bytes"
            figures.append(compare(name, taken, "broadcast", at_least(0.7)))
            figures.append(compare(name + "-unicast", taken, "unicast", None))
            note = "what a bare program has of it with a signal to each, as regentd sends them"
            figures.append(compare(f"bare-8-of-{size}-bytes", taken, "broadcast", None, note, of="unicast"))
        changes = max(sizes.changes // 10, 10)
        taken = [take(context, instance, sizes.watchers, changes, 64) for _ in range(3)]
        note = f"{sizes.watchers} watchers, memory {instance.memory_bytes() / (1 << 20):.0f} MiB at the end, "
        note += f"{instance.memory_bytes('VmHWM') / (1 << 20):.0f} at most"
        figures.append(compare("watch-many", taken, "unicast", None, note))
    return figures
