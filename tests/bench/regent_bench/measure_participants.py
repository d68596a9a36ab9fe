# SPDX-License-Identifier: LGPL-2.1-or-later
"""What participants cost those who write, and those who only use the same bus."""

import contextlib
import subprocess

from regent_testing.client import Client
from regent_testing.participant import Participant
from regent_testing.waiting import retry_until, wait_readable

from .figure import Figure, at_most
from .instance import NS_NAME, each
from .measure_calls import KEYS, median, ratios
from .measure_lazy import CONFIG as LAZY, compare_times


@contextlib.contextmanager
def participant(context, instance, prefix):
    """A process that agrees to what is below the prefix."""
    arguments = [context.tool, "participate", instance.bus.address, NS_NAME, prefix]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            wait_readable(process.stdout, 30, "the participant to be registered")
            assert process.stdout.readline(), "the participant is gone"
            yield
        finally:
            process.stdin.close()
            process.wait(30)


def measure_set(context):
    """Durable ones where somebody is asked; where nobody is, lazy ones, in which no disk hides what it costs."""
    with contextlib.ExitStack() as stack:
        without, asked = (stack.enter_context(context.instance()) for _ in range(2))
        lazy, elsewhere = (stack.enter_context(context.instance(LAZY)) for _ in range(2))
        for one in (without, asked, lazy, elsewhere):
            one.start().fill(KEYS).settle()
        stack.enter_context(participant(context, asked, ""))
        stack.enter_context(participant(context, elsewhere, "of-nobody"))
        taken = context.rounds(
            {
                "set": without.load("set", keys=KEYS),
                "asked": asked.load("set", keys=KEYS),
                "lazy": lazy.load("set", keys=KEYS),
                "elsewhere": elsewhere.load("set", keys=KEYS),
            }
        )
    return [
        compare_times("set-with-participant", taken, "asked", "set", "durable Set", at_most(2.2)),
        compare_times("set-participant-of-others", taken, "elsewhere", "lazy", "lazy Set", at_most(1.05)),
    ]


def leave_unanswered(instance, stack, client):
    """200 changes that participants are asked about and answer nothing; a connection may have 64 waiting."""
    spaces = [client.create(f"bench.unanswered.n{n}") for n in range(200)]
    for space in spaces:
        stack.enter_context(contextlib.closing(Participant(instance))).register(space, timeout_usec=10000000)
    for first in range(0, len(spaces), 50):
        writer = stack.enter_context(contextlib.closing(Client(instance.bus.address)))
        for space in spaces[first : first + 50]:
            space.seen_by(writer).start_set("k", 1)
        writer.ping()

    def are_asked():
        statistics = {name: v.unpack() for name, v in client.statistics().items()}
        return statistics["prepared"] == len(spaces) and statistics["participant-calls-waiting"] == 48

    retry_until(are_asked, 10, "200 changes to be prepared")


def measure_participants(context):
    figures = measure_set(context)
    with context.instance() as quiet, context.instance() as harmed, contextlib.ExitStack() as stack:
        quiet.start()
        client = Client(harmed.start().bus.address)
        stack.callback(client.close)
        leave_unanswered(harmed, stack, client)
        taken = context.rounds({"quiet": quiet.load("ping"), "harmed": harmed.load("ping")})
    times, others = each(taken["harmed"], "median_usec"), each(taken["quiet"], "median_usec")
    figures.append(
        Figure("ping-beside-200-unanswered", median(times), "us", "Ping", median(others), ratios(times, others), at_most(10))
    )
    return figures
