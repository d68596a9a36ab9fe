# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes that are acknowledged before they are on the disk: a service with SyncIntervalSec=, beside one without."""

from .figure import Figure, at_most
from .instance import each
from .measure_calls import KEYS, compare_rates, counted, median, quotient, ratios

CONFIG = "[Store]\nSyncIntervalSec=5s\n"


def compare_times(name, taken, step, other_step, compared, goal=None):
    times, others = each(taken[step], "median_usec"), each(taken[other_step], "median_usec")
    return Figure(name, median(times), "us", compared, median(others), ratios(times, others), goal)


def measure_lazy(context):
    with context.instance() as instance, context.instance(CONFIG) as lazy:
        for one in (instance, lazy):
            one.start().fill(KEYS).settle()
        taken = context.rounds(
            {
                "ping-1": lazy.load("ping"),
                "set-1": instance.load("set", keys=KEYS),
                "lazy-1": lazy.load("set", keys=KEYS),
                "set-8": instance.load("set", keys=KEYS, clients=8),
                "lazy-8": lazy.load("set", keys=KEYS, clients=8),
            }
        )
    n_sets = sum(each(taken["lazy-1"], "operations"))
    return [
        compare_times("lazy-set-1-client", taken, "lazy-1", "ping-1", "Ping", at_most(2.0)),
        compare_times("lazy-set-1-of-set", taken, "lazy-1", "set-1", "durable Set", at_most(1.0)),
        compare_rates("lazy-set-8-of-set", taken, "lazy-8", "set-8", "durable Set, 8 clients", None),
        Figure("lazy-set-1-flushes", quotient(counted(taken["lazy-1"], "flushes"), n_sets), "a Set", goal=at_most(0.01)),
    ]
