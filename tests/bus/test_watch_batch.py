# SPDX-License-Identifier: LGPL-2.1-or-later
"""Several commits of one batch: what each watch is told of them, and when."""

import signal

import pytest
from regent_testing.channel import is_transport
from regent_testing.names import NAMESPACE, PEER, ROOT_PATH
from regent_testing.waiting import Deadline
from regent_testing.wire import DESTINATION, MEMBER, REPLY_SERIAL, SENDER, SIGNAL
from watching import ACKNOWLEDGED

DBUS = ("/org/freedesktop/DBus", "org.freedesktop.DBus")


@pytest.fixture
def batch():
    """batch(stack, space, writer, values): sets the key "k" to each in one batch; the serials of the calls."""
    stopped = []

    def write(made, space, writer, values):
        before = made.root.statistics()
        process = made.regentd.process
        stopped.append(process)
        process.send_signal(signal.SIGSTOP)
        serials = [writer.send(space.path, NAMESPACE, "Set", "sv", ("k", ("s", value))) for value in values]
        if not is_transport():
            writer.call(*DBUS, "GetId", destination=DBUS[1])  # the bus has passed them on before
        process.send_signal(signal.SIGCONT)
        for serial in serials:
            writer.reply(serial)
        after = made.root.statistics()
        moved = {name: after[name].unpack() - before[name].unpack() for name in ("batches", "commits")}
        assert moved == {"batches": 1, "commits": len(values)}
        return serials

    yield write
    for process in stopped:
        process.send_signal(signal.SIGCONT)


def watch(raw, space, flags=0):
    return raw.call(space.path, NAMESPACE, "Watch", "sta{sv}", ("", flags, {}))[0]


def told(raw):
    """What a connection has been told of its watches so far: (member, arguments)."""
    if is_transport():
        raw.call(ROOT_PATH, PEER, "Ping")
    else:
        raw.call(*DBUS, "GetId", destination=DBUS[1])
    return [
        (message.field(MEMBER), message.body())
        for message in raw.signals
        if message.field(2) == NAMESPACE
    ]


def test_all_are_told_of_the_whole_batch_before_any_reply(stack, batch):
    made = stack()
    space = made.root.create("org.example.X")
    watchers, writer, monitor = [made.raw() for _ in range(3)], made.raw(), made.raw()
    for raw in (*watchers, writer, watchers[0]):
        watch(raw, space)
    owner = made.root.name_owner("org.regentd.State1")
    monitor.call(DBUS[0], "org.freedesktop.DBus.Monitoring", "BecomeMonitor", "asu", ([], 0), destination=DBUS[1])

    serials = batch(made, space, writer, "abcdef")

    sent, deadline = [], Deadline(20)
    while not sent or sent[-1] != ("reply", serials[-1]):
        message = monitor.receive(deadline)
        if message.field(SENDER) != owner:
            continue
        if message.field(MEMBER) == "Changed":
            sent.append(("Changed", message.field(DESTINATION)))
        elif message.field(DESTINATION) == writer.name and message.field(REPLY_SERIAL):
            sent.append(("reply", message.field(REPLY_SERIAL)))
    names = [raw.name for raw in (*watchers, writer, watchers[0])]
    assert sorted(sent[:30]) == sorted(("Changed", name) for name in names * 6)
    assert sent[30:] == [("reply", serial) for serial in serials]


def test_every_watch_is_told_of_every_commit_in_order(stack, batch):
    made = stack()
    space = made.root.create("org.example.X")
    raw, writer = made.raw(), made.raw()
    numbers = [watch(raw, space), watch(raw, space)]
    before = made.root.property("Revision")

    batch(made, space, writer, "abcdef")

    changes = [body for member, body in told(raw) if member == "Changed"]
    assert [body[0] for body in changes] == numbers * 6
    for number in numbers:
        mine = [body for body in changes if body[0] == number]
        assert [body[4]["k"] for body in mine] == [("s", value) for value in "abcdef"]
        assert [body[2] for body in mine] == [before, *(body[3] for body in mine[:-1])]


def test_a_watch_that_owes_too_much_within_a_batch(stack, batch):
    made = stack(config="[Limits]\nWatchUnacknowledgedCommitsMax=3\n")
    space = made.root.create("org.example.X")
    slow, other, writer = made.raw(), made.raw(), made.raw()
    number = watch(slow, space, ACKNOWLEDGED)
    watch(other, space)

    batch(made, space, writer, "abcdef")

    found = told(slow)
    assert [member for member, _ in found] == ["Changed"] * 3 + ["Resynchronize"]
    assert found[-1][1] == [number, space.name, found[2][1][3] + 1]
    assert [member for member, _ in told(other)] == ["Changed"] * 6


def test_what_may_be_unread_is_not_exceeded_within_a_batch(stack, batch):
    made = stack(config="[Limits]\nConnectionUnreadBytesMax=64K\nReceiptBytes=4K\n")
    space = made.root.create("org.example.X")
    idle, other, writer = made.raw(), made.raw(), made.raw()
    number = watch(idle, space)
    watch(other, space)

    batch(made, space, writer, [f"{i:04000}" for i in range(24)])

    unread = made.root.manager("GetStatistics", "(t)", (1,))[0].unpack()["connections"][idle.name]["unread-bytes"]
    assert 32 << 10 < unread <= 68 << 10
    deadline = Deadline(20)
    while not [one for one in told(idle) if one[0] == "Resynchronize"]:
        message = idle.receive(deadline)
        idle.keep(message)
        call = idle.take_kept_call()
        if call:
            idle.answer(call.field(SENDER), call.serial)
    found = told(idle)
    revisions = [body[3] for member, body in found if member == "Changed"]
    assert 8 <= len(revisions) < 24
    assert revisions == list(range(revisions[0], revisions[0] + len(revisions)))
    assert found[-1] == ("Resynchronize", [number, space.name, revisions[0] + 23])
