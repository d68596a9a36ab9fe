# SPDX-License-Identifier: LGPL-2.1-or-later
"""Round trips: reads against Ping, durable writes against Ping and the disk, and both at every size."""

import contextlib
import statistics

from .figure import Figure, Goal, at_least, at_most, between
from .instance import each

KEYS = 1000


def median(numbers):
    return statistics.median(numbers)


def ratios(numbers, others):
    return [number / other for number, other in zip(numbers, others, strict=True)]


def compare_rates(name, rounds, step, other_step, compared, goal):
    rates, others = each(rounds[step], "rate"), each(rounds[other_step], "rate")
    return Figure(name, median(rates), "calls/s", compared, median(others), ratios(rates, others), goal)


def measure_get(context):
    with context.instance() as instance:
        instance.start().fill(KEYS).settle()
        taken = context.rounds(
            {
                "ping-1": instance.load("ping"),
                "get-1": instance.load("get", keys=KEYS),
                "ping-8": instance.load("ping", clients=8),
                "get-8": instance.load("get", keys=KEYS, clients=8),
            }
        )
    return [
        compare_rates("get-1-client", taken, "get-1", "ping-1", "Ping, 1 client", at_least(0.90)),
        compare_rates("get-8-clients", taken, "get-8", "ping-8", "Ping, 8 clients", at_least(0.85)),
    ]


def counted(rounds, statistic):
    """What a statistic moved in all rounds together; None where the service does not tell."""
    moved = [taken["statistics"].get(statistic) for taken in rounds]
    return None if None in moved else sum(moved)


def quotient(dividend, divisor):
    return dividend / divisor if dividend is not None and divisor else None


def set_one_client(taken):
    """Against what it cannot do without: a round trip, and a write that is flushed.

    The goal is for the sum of both, each measured by itself. One after the other they take longer than that, because
    processors that wait for a disk fall asleep; so what a Set adds to the two is shown, too.
    """
    pings, writes, sets, floors = (
        each(taken[step], "median_usec") for step in ("ping-1", "write", "set-1", "floor")
    )
    sums = [ping + write for ping, write in zip(pings, writes, strict=True)]
    shares = f"Ping {median(pings):.0f} + write {median(writes):.0f} ="
    goal = Goal("<= 1.6 (1.35)", at_most=1.6)
    return [
        Figure("set-1-client", median(sets), "us", shares, median(sums), ratios(sets, sums), goal),
        Figure("set-1-client-in-turn", median(sets), "us", "Ping, then write", median(floors), ratios(sets, floors)),
    ]


def measure_set(context):
    with context.instance() as instance:
        instance.start().fill(KEYS).settle()
        taken = context.rounds(
            {
                "ping-1": instance.load("ping"),
                "write": context.disk_write(),
                "floor": context.floor(instance),
                "set-1": instance.load("set", keys=KEYS),
                "ping-8": instance.load("ping", clients=8),
                "set-8": instance.load("set", keys=KEYS, clients=8),
            }
        )
    one, eight = taken["set-1"], taken["set-8"]
    n_sets = sum(each(one, "operations"))
    return [
        *set_one_client(taken),
        compare_rates("set-8-clients", taken, "set-8", "set-1", "Set, 1 client", at_least(2.5)),
        compare_rates(
            "set-8-clients-of-ping", taken, "set-8", "ping-8", "Ping, 8 clients", Goal(">= 0.45 (0.53)", at_least=0.45)
        ),
        Figure("set-8-commits-a-flush", quotient(counted(eight, "commits"), counted(eight, "flushes")), "commits"),
        Figure("set-1-flushes", quotient(counted(one, "flushes"), n_sets), "a Set", goal=at_most(1.0)),
        Figure(
            "set-1-journal", quotient(counted(one, "journal-bytes-written"), n_sets), "bytes a Set", goal=at_most(250)
        ),
    ]


class Case:
    """One size: its name, its instance, and the loads that fit it."""

    def __init__(self, name, instance, n_keys, n_namespaces=1):
        self.name = name
        self.instance = instance
        self.entries = {"keys": n_keys, "namespaces": n_namespaces}
        instance.start().fill(n_keys, n_namespaces)

    def steps(self):
        return {
            f"{operation}-{self.name}": self.instance.load(operation, **self.entries) for operation in ("get", "set")
        }


def count_text(number):
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if number >= size:
            return f"{number // size}{unit}"
    return str(number)


def measure_scale(context):
    """Every size in a regentd of its own, each on its own bus, all up at the same time and taking turns."""
    sizes = context.sizes
    with contextlib.ExitStack() as stack:

        def case(n_keys, n_namespaces=1):
            many = n_namespaces > 1
            name = f"{count_text(n_namespaces if many else n_keys)}-{'namespaces' if many else 'keys'}"
            return Case(name, stack.enter_context(context.instance()), n_keys, n_namespaces)

        base = case(100)
        others = [case(sizes.medium_keys), case(sizes.large_keys), case(1, sizes.many_namespaces)]
        steps = {}
        for one in [base, *others]:
            one.instance.settle()
            steps.update(one.steps())
        taken = context.rounds(steps)
    return [
        compare_rates(
            f"{operation}-{one.name}",
            taken,
            f"{operation}-{one.name}",
            f"{operation}-{base.name}",
            f"{operation} with {base.name}",
            at_least(0.85),
        )
        for operation in ("get", "set")
        for one in others
    ]


def measure_apply(context):
    n_changes = 1000
    with context.instance() as instance:
        instance.start().fill(10 * n_changes).settle()
        seen = instance.signals(n_changes)
        taken = context.rounds(
            {
                "set": instance.load("set", keys=10 * n_changes),
                "apply": instance.load("apply", keys=10 * n_changes, changes=n_changes),
            }
        )
    times, others = each(taken["apply"], "median_usec"), each(taken["set"], "median_usec")
    moved = seen["statistics"]
    return [
        Figure(
            "apply-1000-keys", median(times), "us", "Set of one key", median(others), ratios(times, others), at_most(15)
        ),
        Figure("apply-1000-signals", seen["signals"], "signals", goal=between(1, 1), note=f"naming {seen['keys']} keys"),
        Figure("apply-1000-records", moved.get("commits"), "commits", goal=between(1, 1)),
        Figure("apply-1000-journal", quotient(moved.get("journal-bytes-written"), n_changes), "bytes a key"),
    ]
