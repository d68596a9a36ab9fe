# SPDX-License-Identifier: LGPL-2.1-or-later
"""What clients that do not read cost the others: Ping beside them, against Ping on a bus of its own."""

import contextlib

from regent_testing.api import blob
from regent_testing.client import Client
from regent_testing.names import NAMESPACE
from regent_testing.participant import Participant
from regent_testing.waiting import retry_until
from regent_testing.wire import RawClient

from .figure import Figure, at_most
from .instance import each
from .measure_calls import median, ratios

LARGE = """[Limits]
ReplyBytesMax=9M
ValueBytesMax=8M
CommitBytesMax=9M
SignalBytesMax=1M
SignalValueBytesMax=64K
"""
BUS = "org.freedesktop.DBus"
POLKIT = "org.freedesktop.PolicyKit1"
POLICY = f'<policy user="root"><allow own="{POLKIT}"/></policy>'


def leave_replies(instance, stack, client):
    """14 replies of 8 MiB for each of two connections."""
    space = client.create("bench.large")
    space.set("k", blob(bytes((8 << 20) - 1024)))
    for _ in range(2):
        raw = stack.enter_context(contextlib.closing(RawClient(instance.bus.socket)))
        for _ in range(14):
            raw.send(space.path, NAMESPACE, "Get", "s", ("k",))


def leave_errors(instance, stack, client):
    """As many small replies as 20 connections are given."""
    for _ in range(20):
        raw = stack.enter_context(contextlib.closing(RawClient(instance.bus.socket)))
        for _ in range(100):
            raw.send("/", NAMESPACE, "Nothing")
    client.ping()


def leave_signals(instance, stack, client):
    """180 MB of broadcasts to one subscriber."""
    space = client.create("bench.signals")
    raw = stack.enter_context(contextlib.closing(RawClient(instance.bus.socket)))
    raw.call("/org/freedesktop/DBus", BUS, "AddMatch", "s", ("type='signal'",), destination=BUS)
    for n in range(188):
        space.apply({f"k{m}": blob(n.to_bytes(4, "big") * 15000) for m in range(16)})


def leave_changes(instance, stack, client):
    """180 MB of what eight watchers are told, each of all."""
    space = client.create("bench.watched")
    for _ in range(8):
        raw = stack.enter_context(contextlib.closing(RawClient(instance.bus.socket)))
        raw.call(space.path, NAMESPACE, "Watch", "sta{sv}", ("", 0, {}))
    for n in range(188):
        space.apply({f"k{m}": blob(n.to_bytes(4, "big") * 15000) for m in range(16)})


def leave_questions(instance, stack, client):
    """Calls of five users that polkit, which answers nothing, is asked about: as many as it may be of each."""
    polkit = stack.enter_context(contextlib.closing(RawClient(instance.bus.socket)))
    polkit.call("/org/freedesktop/DBus", BUS, "RequestName", "su", (POLKIT, 0), destination=BUS)
    space = client.create("bench.secret", mode=0o600)
    for user in ("alice", "bob", "carol", "dave", "erin"):
        asking = stack.enter_context(contextlib.closing(Participant(instance, user)))
        for n in range(20):
            asking.start_set(space, f"k{n}", "x")

    def are_asked():
        return client.statistics()["polkit-checks-waiting"].unpack() == 40

    retry_until(are_asked, 10, "40 questions to be open")


KINDS = [
    ("replies", leave_replies),
    ("errors", leave_errors),
    ("signals", leave_signals),
    ("changes", leave_changes),
    ("questions", leave_questions),
]


def measure_flow(context):
    figures = []
    for name, leave in KINDS:
        with context.instance(LARGE) as quiet, context.instance(LARGE, policy=POLICY) as harmed, contextlib.ExitStack() as stack:
            quiet.start()
            client = Client(harmed.start().bus.address)
            stack.callback(client.close)
            leave(harmed, stack, client)
            taken = context.rounds({"quiet": quiet.load("ping"), "harmed": harmed.load("ping")})
        times, others = each(taken["harmed"], "median_usec"), each(taken["quiet"], "median_usec")
        figures.append(
            Figure(
                f"ping-beside-unread-{name}", median(times), "us", "Ping", median(others), ratios(times, others),
                at_most(10),
            )
        )  # fmt: skip
    return figures
