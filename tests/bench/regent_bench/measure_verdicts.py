# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long writers wait behind a change that participants are asked about, once there is a verdict on it."""

import contextlib
import statistics
import time

from regent_testing.client import Client
from regent_testing.participant import OPTIONAL, Participant

from .figure import Figure, at_most

ROUNDS = 15
SHORT = 50000  # microseconds: a deadline that is there to be missed
LONG_TEXT = "\x1b[31mno\n" * (1 << 17)  # 1 MiB of what is not to be printed


def agree(_participant, asked):
    asked.agree()


def veto(_participant, asked):
    asked.veto("no")


def veto_at_length(_participant, asked):
    asked.veto(LONG_TEXT)


def leave(participant, _asked):
    participant.close()


def say_nothing(_participant, _asked):
    pass


# what it is called, what comes to pass, and how the participant is registered
CASES = [
    ("agrees", agree, {}),
    ("objects", veto, {}),
    ("objects-with-1-mib", veto_at_length, {}),
    ("leaves", leave, {}),
    ("optional-leaves", leave, {"flags": OPTIONAL}),
    ("never-answers", say_nothing, {"timeout_usec": SHORT}),
]


def wait_once(instance, stack, space, act, how):
    """Milliseconds from the verdict, or the answer to the writer where time makes it, to the answer of the one behind."""
    first, behind, participant = (stack.enter_context(contextlib.closing(Participant(instance))) for _ in range(3))
    participant.register(space, prefix="asked", **how)
    asked_for = first.start_set(space, "asked", str(time.monotonic_ns()))
    asked = participant.expect("Prepare")
    waiting = behind.start_set(space, "behind", str(time.monotonic_ns()))
    behind.raw.call("/org/regentd/State1", "org.freedesktop.DBus.Peer", "Ping")
    begin = time.monotonic()
    act(participant, asked)
    first.raw.reply_message(asked_for)
    if act is say_nothing:
        begin = time.monotonic()
    behind.raw.reply(waiting)
    return (time.monotonic() - begin) * 1000


def measure_verdicts(context):
    figures = []
    with context.instance() as instance, contextlib.ExitStack() as stack:
        client = Client(instance.start().bus.address)
        stack.callback(client.close)
        for name, act, how in CASES:
            waits = []
            for n in range(ROUNDS):
                with contextlib.ExitStack() as round_stack:
                    space = client.create(f"bench.verdict.{name.replace('-', '_')}.n{n}")
                    waits.append(wait_once(instance, round_stack, space, act, how))
            note = f"median {statistics.median(waits):.1f} ms, of {ROUNDS}"
            figures.append(Figure(f"wait-behind-one-that-{name}", max(waits), "ms", goal=at_most(20, "ms"), note=note))
    return figures
