# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls over direct channels, against the bus, the disk, and channels that are idle."""

from .figure import Figure, Goal, at_least, at_most
from .instance import each
from .measure_calls import KEYS, compare_rates, median, ratios

MANY = 500


def set_one(taken):
    """The sum of what a durable Set cannot do without, a round trip and a flushed write."""
    pings, writes, sets = (each(taken[step], "median_usec") for step in ("ping", "write", "set"))
    sums = [ping + write for ping, write in zip(pings, writes, strict=True)]
    shares = f"Ping {median(pings):.0f} + write {median(writes):.0f} ="
    return Figure("channel-set", median(sets), "us", shares, median(sums), ratios(sets, sums), at_most(1.3))


def measure_channel(context):
    with context.instance() as instance:
        instance.start().fill(KEYS).settle()
        taken = context.rounds(
            {
                "bus-ping": instance.load("ping"),
                "ping": instance.load("ping", channels=1),
                "many": instance.load("ping", channels=MANY),
                "get": instance.load("get", keys=KEYS, channels=1),
                "write": context.disk_write(),
                "set": instance.load("set", keys=KEYS, channels=1),
                "bus-set-8": instance.load("set", keys=KEYS, clients=8),
                "set-8": instance.load("set", keys=KEYS, clients=8, channels=1),
            }
        )
    # A key of another class would be deleted there, and that is durable.
    with context.instance() as instance:
        instance.start().fill(1).settle()
        volatile = context.rounds(
            {
                "ping": instance.load("ping", channels=1),
                "set": instance.load("set", keys=KEYS, channels=1, class_="runtime"),
            }
        )
    pings, others = each(taken["ping"], "median_usec"), each(taken["bus-ping"], "median_usec")
    sets, its_pings = each(volatile["set"], "median_usec"), each(volatile["ping"], "median_usec")
    return [
        Figure("channel-ping", median(pings), "us", "over the bus", median(others), ratios(pings, others)),
        compare_rates("channel-get", taken, "get", "ping", "Ping, channel", at_least(0.8)),
        compare_rates(f"channel-ping-beside-{MANY}", taken, "many", "ping", "alone", at_least(0.9)),
        set_one(taken),
        compare_rates("channel-set-8-clients", taken, "set-8", "bus-set-8", "over the bus", Goal(">= 1.3", at_least=1.3)),
        Figure("channel-set-runtime", median(sets), "us", "Ping, channel", median(its_pings), ratios(sets, its_pings)),
    ]
