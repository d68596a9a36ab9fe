# SPDX-License-Identifier: LGPL-2.1-or-later
"""Those who watch and do not read, or do not acknowledge: bounded, told of it, and no matter to others."""

import pytest
from regent_testing.names import NAMESPACE, Error
from regent_testing.checks import refused
from regent_testing.waiting import Deadline
from regent_testing.wire import SIGNAL
from watching import ACKNOWLEDGED, Watcher, read, watching  # pylint: disable=unused-import

MIB = 1 << 20


@pytest.fixture
def watcher(service, root):
    return Watcher(service.client())


def begin(raw, space, flags=0, options=()):
    """A watch of a connection that reads only when told to."""
    return raw.call(space.path, NAMESPACE, "Watch", "sta{sv}", ("", flags, dict(options)))[0]


def write(space, count, size=60 << 10):
    """So many commits of so many bytes; the last revision."""
    for i in range(count):
        revision = space.set("k", chr(ord("a") + i % 26) * size)  # GDBus is slow with bytes
    return revision


def connection(root, raw):
    return root.manager("GetStatistics", "(t)", (1,))[0].unpack()["connections"][raw.name]


def signals_until(raw, member, seconds=20):
    found = []
    deadline = Deadline(seconds)
    while not found or found[-1][0] != member:
        message = raw.receive(deadline)
        if message.kind == SIGNAL and message.field(2) == NAMESPACE:
            found.append((message.field(3), message.body()))
        elif message.kind == 1:
            raw.answer(message.field(7), message.serial)
    return found


def test_a_watcher_that_stops_reading_is_withheld_and_told(service, root, ns, watcher):
    raw = service.raw()
    number = begin(raw, ns)
    other = watcher.watch(ns)

    last = write(ns, 120)  # 7 MiB of them
    watcher.settle()
    assert len(other.changes()) == 120
    assert connection(root, raw)["unread-bytes"] <= 5 * MIB

    found = signals_until(raw, "Resynchronize")
    assert found[-1][1] == [number, ns.name, last]
    revisions = [body[3] for member, body in found if member == "Changed"]
    assert 10 < len(revisions) < 120
    assert [body[2] for member, body in found if member == "Changed"][1:] == revisions[:-1]
    previous, revision = last, ns.set("k", 1)
    assert signals_until(raw, "Changed")[-1][1][2:4] == [previous, revision]


def test_memory_stays_bounded(service, root, ns):
    raws = [service.raw() for _ in range(4)]
    for raw in raws:
        begin(raw, ns)
    write(ns, 100)
    before = service.regentd.memory_kib()

    write(ns, 1500)

    assert service.regentd.memory_kib() < before + 40 * 1024


def test_unacknowledged_commits_are_bounded(root, ns, watcher):
    watched = watcher.watch(ns, flags=ACKNOWLEDGED)

    for i in range(1100):
        last = ns.set("a", i)
    watcher.settle()

    assert len(watched.changes()) == 1024
    ((number, name, revision),) = watched.wait("Resynchronize")
    assert (number, name) == (watched.number, ns.name)
    assert revision == watched.changes()[-1].revision + 1
    assert watched.signals()[-1].member == "Resynchronize"

    watched.resume(revision - 1, root.property("Epoch"))
    assert watched.number == number
    assert (watched.values, watched.revision) == ({"a": 1099}, last)
    ns.set("a", "again")
    watcher.settle()
    assert watched.changes()[-1].previous == last


def test_unacknowledged_bytes_are_bounded(service, root, ns, watcher):
    service.client()
    watched = watcher.watch(ns, flags=ACKNOWLEDGED)

    write(ns, 90)
    watcher.settle()

    assert len(watched.wait("Resynchronize")) == 1
    assert 60 < len(watched.changes()) < 72


def test_what_is_acknowledged_does_not_count(ns, watcher):
    watched = watcher.watch(ns, flags=ACKNOWLEDGED)

    for i in range(30):
        for j in range(100):
            last = ns.set("a", 100 * i + j)
        watcher.settle()
        watched.acknowledge(last)

    assert len(watched.changes()) == 3000
    assert watched.signals("Resynchronize") == []
    assert watched.rebuilt() == read(ns)


def test_a_stopped_watch_is_resumed_with_its_own_prefix_and_flags(root, ns, watcher):
    watched = watcher.watch(ns, flags=ACKNOWLEDGED)
    for i in range(1025):
        ns.set("a", i)
    watched.wait("Resynchronize")
    given = {"since": watched.revision, "epoch": root.property("Epoch"), "resume": watched.number}

    with refused(Error.InvalidArgs, "another prefix"):
        watcher.watch(ns, "a", ACKNOWLEDGED, **given)
    with refused(Error.InvalidArgs, "other flags"):
        watcher.watch(ns, "", 0, **given)
    with refused(Error.HistoryLost):
        watcher.watch(ns, "", ACKNOWLEDGED, **{**given, "epoch": "x"})
    assert watcher.watch(ns, "", ACKNOWLEDGED, **given).number == watched.number


def test_a_connection_that_leaves_while_withheld(service, root, ns):
    raw = service.raw()
    begin(raw, ns)
    write(ns, 120)
    raw.close()
    root.ping()
    ns.set("a", 1)


def test_state_of_each_watch_is_in_the_statistics(service, root, ns, watcher):
    raw = service.raw()
    number = begin(raw, ns)
    watched = watcher.watch(ns, "k", ACKNOWLEDGED)
    write(ns, 90)
    watcher.settle()

    withheld = connection(root, raw)["watches"][str(number)]
    assert withheld["state"] == "withheld"
    assert withheld["ns-name"] == ns.name and withheld["prefix"] == ""
    assert withheld["sent"] + withheld["withheld"] == 90
    found = root.manager("GetStatistics", "(t)", (1,))[0].unpack()["connections"]
    stopped = found[watcher.caller.unique_name()]["watches"][str(watched.number)]
    assert stopped["state"] == "stopped" and stopped["prefix"] == "k"
    assert stopped["resynchronized"] == 1
