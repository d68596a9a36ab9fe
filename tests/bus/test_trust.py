# SPDX-License-Identifier: LGPL-2.1-or-later
"""What regentd must not go by: rights that were withdrawn while a call waited, and signals that somebody forged."""

import pytest
from regent_testing import names
from regent_testing.api import change, options
from regent_testing.checks import refused
from regent_testing.names import Error
from regent_testing.wire import SIGNAL, marshal

STACK = {"polkit": True}


@pytest.fixture
def mine(root, name):
    made = root.create(name, owner=4001)
    made.set("a", "first")
    return made


def start_apply(alice, *spaces):
    changes = {space.name: change({"z": "1"}) for space in spaces}
    return alice.start(names.ROOT_PATH, names.MANAGER, "Apply", "(a{sv}ta{sv})", (changes, 0, {}))


def test_writes_that_waited_are_authorized_again(root, polkitd, mine, name, alice):
    """Behind a call that waits for polkit they keep their place in the order, but not the yes they once got."""
    other = root.create(name + "Other")
    space = mine.seen_by(alice)
    polkitd.stop()
    try:
        waiting = start_apply(alice, mine, other)
        write = space.start_set("a", "late")
        opening = space.start("SetAccess", "(a{sv})", (options({"mode": 0o664}),))
        retry = space.start_set("b", "later")
        space.get("a")  # so the others have arrived
        mine.set_access(owner=0, mode=0o600)
    finally:
        polkitd.cont()

    for call in (waiting, write, opening, retry):
        with refused(Error.InteractiveAuthorizationRequired):
            call.result(30)
    assert mine.get("a").unpack() == "first"
    assert mine.properties()["Mode"] == 0o600
    assert "b" not in mine.keys()


def forge_departures(raw, count):
    for n in range(count):
        message, _ = raw.build(
            "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged", "sss",
            marshal("sss", (f":1.{n}", f":1.{n}", "")), kind=SIGNAL,
        )  # fmt: skip
        raw.send_bytes(message)
    raw.call("/", "org.freedesktop.DBus.Peer", "Ping", destination="org.freedesktop.DBus")


def test_forged_departures_end_nobodys_calls(root, polkitd, mine, carol, service):
    mine.set_access(mode=0o600)
    polkitd.stop()
    try:
        waiting = mine.seen_by(carol).start("Get", "(s)", ("a",))
        carol.call(names.ROOT_PATH, names.MANAGER, "ListNamespaces", "(ssu)", ("", "", 0))
        callers = root.statistics()["callers"].unpack()
        raw = service.raw()
        forge_departures(raw, 60)
        assert root.statistics()["callers"].unpack() >= callers
        raw.close()
    finally:
        polkitd.cont()
    with refused(Error.InteractiveAuthorizationRequired):
        waiting.result(30)


def test_of_a_stranger_little_is_read(mine, alice, carol):
    """What it would cost to read is refused before polkit is asked; the owner may have it."""
    dear = [str(n) for n in range(20000)]
    mine.seen_by(alice).set("a", dear)
    with refused(Error.TooBig, "16384"):
        mine.seen_by(carol).set("a", dear)
    assert mine.get("a").unpack() == dear


def test_an_option_twice_is_refused(mine, service):
    """Or a call that waits could hold megabytes that nobody counts."""
    raw = service.raw()
    arguments = ([("a", ("s", "x"))], [], 0, [("reason", ("s", "y")), ("reason", ("s", "z"))])
    with refused(Error.InvalidArgs, "twice"):
        raw.call(
            names.path_of(mine.name), names.NAMESPACE, "Apply", "a{sv}asta{sv}", arguments
        )  # fmt: skip
    raw.close()
