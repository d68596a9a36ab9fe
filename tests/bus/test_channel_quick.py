# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small writes on a channel, which are done without sd-bus: nobody may see a difference.

A header field that only messages from a bus have makes a call one for sd-bus.
"""

import os
import os
import random
import select
import signal
import time

import pytest
from gi.repository import Gio, GLib
from regent_testing.api import RegentError
from regent_testing.checks import refused
from regent_testing.names import NAMESPACE, PEER, ROOT_PATH, Error
from regent_testing.participant import as_user
from regent_testing.waiting import Deadline, Late
from regent_testing.wire import RETURN, Disconnected, RawClient, marshal

STACK = {"config": "[Limits]\nConnectionCallsMax=30000\nUidCallsMax=30000\n"}
SENDER = {"sender": ":1.1"}
BIG = 1 << 63


@pytest.fixture
def take(service):
    """A factory of clients with a channel, of a user if one is named."""
    made = []

    def make(user=None):
        with as_user(user):
            made.append(RawClient(service.bus.socket))
        made[-1].take_channel()
        made[-1].signals.clear()
        return made[-1]

    yield make
    for each in made:
        each.close()


def n_quick(root):
    return root.statistics()["quick-calls"].unpack()


def send(raw, ns, member, signature, things, **how):
    return raw.send(ns.path, NAMESPACE, member, signature, things, **how)


def result(raw, serial):
    """What the reply says, but for revisions."""
    message = raw.reply_message(serial)
    body = message.body()
    return message.kind, message.fields.get(4), body[1:] if message.kind == 2 else body


VALUES = [
    ("y", 0), ("y", 255), ("b", 0), ("b", 1), ("n", -(1 << 15)), ("q", 65535), ("i", -1), ("u", (1 << 32) - 1),
    ("x", -BIG), ("t", 2 * BIG - 1), ("d", -0.0), ("d", float("nan")), ("d", float("-inf")), ("s", ""),
    ("s", "a\x01\n\x7f" * 20),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values(root, ns, take, value):
    raw, before = take(), n_quick(root)
    raw.reply(send(raw, ns, "Set", "sv", ("a", value)))
    raw.reply(send(raw, ns, "Apply", "a{sv}asta{sv}", ({"c": value}, [], 0, {})))
    assert n_quick(root) == before + 2
    raw.reply(send(raw, ns, "Set", "sv", ("b", value), **SENDER))
    assert n_quick(root) == before + 2
    for key in "bc":
        assert ns.get(key).get_type_string() == value[0]
        assert ns.get(key).get_data_as_bytes().get_data() == ns.get("a").get_data_as_bytes().get_data()
        assert ns.describe(key)["class"].unpack() == ns.describe("a")["class"].unpack()


U = ("u", 7)
CALLS = {
    # what is called, and whether it is done at once
    "set": ("Set", "sv", ("new", U), True),
    "same": ("Set", "sv", ("there", ("s", "x")), True),
    "delete": ("Delete", "s", ("there",), True),
    "delete what is not there": ("Delete", "s", ("new",), True),
    "delete no key": ("Delete", "s", ("",), False),
    "no key": ("Set", "sv", ("a b", U), False),
    "long key": ("Set", "sv", ("k" * 256, U), False),
    "umlaut": ("Set", "sv", ("new", ("s", "\u00e4")), False),
    "no unicode": ("Set", "sv", ("new", ("s", b"\xff")), False),
    "zero in a text": ("Set", "sv", ("new", ("s", b"a\0b")), False),
    "zero in a class": ("Apply", "a{sv}asta{sv}", ({"new": U}, [], 0, {"class": ("s", b"runtime\0x")}), False),
    "array": ("Set", "sv", ("new", ("au", [1, 2])), False),
    "bytes": ("Set", "sv", ("new", ("ay", b"12")), False),
    "path": ("Set", "sv", ("new", ("o", "/a")), False),
    "descriptor": ("Set", "sv", ("new", ("h", 0)), False),
    "variant": ("Set", "sv", ("new", ("v", U)), False),
    "boolean 2": ("Set", "sv", ("new", ("b", 2)), False),
    "long": ("Set", "sv", ("new", ("s", "x" * 1000)), False),
    "apply": ("Apply", "a{sv}asta{sv}", ({"new": U, "there": U}, ["other"], 0, {}), True),
    "apply nothing": ("Apply", "a{sv}asta{sv}", ({}, [], 0, {}), True),
    "apply, unset what is not there": ("Apply", "a{sv}asta{sv}", ({}, ["new"], 0, {}), True),
    "apply, key twice": ("Apply", "a{sv}asta{sv}", ({"new": U}, ["new"], 0, {}), False),
    "apply, bad key": ("Apply", "a{sv}asta{sv}", ({"new": U}, ["a b"], 0, {}), False),
    "apply, runtime": ("Apply", "a{sv}asta{sv}", ({"new": U}, ["other"], 0, {"class": ("s", "runtime")}), True),
    "apply, kernel": ("Apply", "a{sv}asta{sv}", ({"new": U}, [], 0, {"class": ("s", "kernel")}), True),
    "apply, session": ("Apply", "a{sv}asta{sv}", ({"new": U}, [], 0, {"class": ("s", "session")}), False),
    "apply, no class": ("Apply", "a{sv}asta{sv}", ({"new": U}, [], 0, {"class": ("s", "none")}), False),
    "apply, class of a number": ("Apply", "a{sv}asta{sv}", ({"new": U}, [], 0, {"class": U}), False),
    "apply, reason": ("Apply", "a{sv}asta{sv}", ({"new": U}, [], 0, {"reason": ("s", "so")}), False),
    "apply, class and reason": (
        "Apply", "a{sv}asta{sv}", ({"new": U}, [], 0, {"class": ("s", "runtime"), "reason": ("s", "so")}), False,
    ),
    "apply, unknown option": ("Apply", "a{sv}asta{sv}", ({"new": U}, [], 0, {"later": U}), False),
    "dry run": ("Apply", "a{sv}asta{sv}", ({"new": U}, [], 1, {}), False),
    "create only": ("Apply", "a{sv}asta{sv}", ({"there": U}, [], 2, {}), False),
    "unknown flag": ("Apply", "a{sv}asta{sv}", ({"new": U}, [], 64, {}), False),
    "get": ("Get", "s", ("there",), False),
    "unknown method": ("Put", "s", ("there",), False),
    "wrong types": ("Set", "ss", ("new", "x"), False),
    "too few": ("Set", "s", ("new",), False),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_calls(root, name, take, call):
    """Done both ways, each on a namespace of its own, they do and say the same."""
    member, signature, things, is_quick = call
    raw, seen = take(), []
    for how in ({}, SENDER):
        space = root.create(f"{name}.N{len(seen)}")
        space.apply({"there": "x", "other": "y"})
        before = n_quick(root)
        said = result(raw, send(raw, space, member, signature, things, **how))
        assert n_quick(root) - before == (1 if is_quick and not how else 0)
        entries = {key: (space.get(key).print_(True), space.describe(key)["class"].unpack()) for key in space.keys()}
        seen.append((repr(said).replace(space.name, "N"), entries))
    assert seen[0] == seen[1]


def damaged(content):
    """Messages that are not right in one place each: every byte, changed in three ways."""
    for at in range(len(content)):
        for mask in (0x01, 0x80, 0xFF):
            yield content[:at] + bytes([content[at] ^ mask]) + content[at + 1 :]


def test_what_is_taken_is_a_message(root, ns, take):
    """As GDBus reads it, with what it says done."""
    things = ({"key": ("s", "text")}, ["other"], 0, {"class": ("s", "runtime")})
    raw, n_taken = take(), 0
    content, _ = raw.build(ns.path, NAMESPACE, "Apply", "a{sv}asta{sv}", marshal("a{sv}asta{sv}", things))
    for each in damaged(content):
        before = n_quick(root)
        try:
            raw.send_bytes(each)
            raw.send(ROOT_PATH, PEER, "Ping")
            raw.receive(Deadline(0.05))
        except (Disconnected, Late):
            raw.close()
            raw = take()
        if n_quick(root) == before:
            continue
        n_taken += 1
        message = Gio.DBusMessage.new_from_blob(each, Gio.DBusCapabilityFlags.NONE)
        assert message.get_message_type() == Gio.DBusMessageType.METHOD_CALL
        assert message.get_path() == ns.path
        assert message.get_interface() == NAMESPACE
        assert message.get_member() == "Apply"
        assert message.get_serial() > 0
        values, gone, flags, options = message.get_body().unpack()
        assert (flags, list(options)) == (0, ["class"])
        for key, value in values.items():
            assert ns.get(key).unpack() == value
        assert not set(gone) & set(ns.keys())
        ns.apply({}, unset=ns.keys())
    assert n_taken > 20


def test_what_is_not_whole_is_waited_for(root, ns, take):
    raw = take()
    content, serial = raw.build(ns.path, NAMESPACE, "Delete", "s", marshal("s", ("a",)))
    for at in random.Random(6).sample(range(1, len(content)), 12):
        ns.set("a", 1)
        raw.send_bytes(content[:at])
        root.ping()
        assert ns.keys() == ["a"]
        raw.send_bytes(content[at:])
        raw.reply(serial)
        assert ns.keys() == []


def test_many_at_once_are_answered_in_order(root, ns, take):
    raw, before = take(), n_quick(root)
    body = [marshal("sv", (f"k{n % 7}", ("u", n))) for n in range(300)]
    built = [raw.build(ns.path, NAMESPACE, "Set", "sv", each, **({} if n % 5 else SENDER)) for n, each in enumerate(body)]
    raw.send_bytes(b"".join(content for content, _ in built))
    revisions = [raw.reply(serial)[0] for _, serial in built]
    assert revisions == sorted(revisions)
    assert n_quick(root) - before == 240
    assert {key: ns.get(key).unpack() for key in ns.keys()} == {f"k{n % 7}": n for n in range(293, 300)}


def test_who_does_not_read_loses_no_answer(root, ns, take):
    """Where the socket takes no more, the answer waits with sd-bus, and no more calls are read."""
    raw, serials, rest = take(), [], b""
    for n in range(20000):
        body = marshal("a{sv}asta{sv}", ({"a": ("u", n)}, [], 0, {"class": ("s", "runtime")}))
        rest, serial = raw.build(ns.path, NAMESPACE, "Apply", "a{sv}asta{sv}", body)
        serials.append(serial)
        rest = rest[raw.try_send_bytes(rest) :]
        for _ in range(3):
            if rest:  # regentd may not have had its turn yet
                root.ping()
                rest = rest[raw.try_send_bytes(rest) :]
        if rest:
            break
    assert 500 < len(serials) < 20000
    for each in serials[:-1]:
        assert raw.reply_message(each).kind == RETURN
    raw.send_bytes(rest)
    raw.reply(serials[-1])
    assert ns.get("a").unpack() == len(serials) - 1


def test_signals_of_a_watch_come_before_the_answer(root, ns, take):
    raw = take()
    watch = raw.call(ns.path, NAMESPACE, "Watch", "sta{sv}", ("", 0, {}))[0]
    before = n_quick(root)
    for n in range(20):
        serial = send(raw, ns, "Set", "sv", ("a", ("u", n)))
        revision = raw.reply(serial)[0]
        changed = [each.body() for each in raw.signals if each.field(3) == "Changed"]
        assert (changed[-1][0], changed[-1][3], len(changed)) == (watch, revision, n + 1)
    assert n_quick(root) - before == 20


def stream(raw, content):
    """A process that sends for as long as it is there, and reads what comes."""
    pid = os.fork()
    if pid:
        return pid
    try:
        end = time.monotonic() + 120
        at = 0
        while time.monotonic() < end:
            readable, writable, _ = select.select([raw], [raw], [], 1)
            if readable:
                raw.receive_arrived()
            if writable:
                at = (at + raw.try_send_bytes(content[at:])) % len(content)
    finally:
        os._exit(0)


@pytest.mark.parametrize("kind", ["quick", "long", "ping"])
def test_who_streams_keeps_nobody_waiting(root, ns, name, take, kind):
    other = root.create(name + ".Other")
    pids = []
    for _ in range(4):
        raw, content = take(), b""
        for n in range(200):
            body = marshal("sv", ("a", ("u", n)))
            if kind == "ping":
                content += raw.build(ROOT_PATH, PEER, "Ping")[0]
            else:
                content += raw.build(ns.path, NAMESPACE, "Set", "sv", body, **({} if kind == "quick" else SENDER))[0]
        pids.append(stream(raw, content))
    try:
        for n in range(20):
            other.set("a", n)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    assert other.get("a").unpack() == 19


@pytest.mark.parametrize("destination", ["bad name", "x", ":1", "org..regentd", "a" * 300])
def test_whom_it_is_for_has_to_be_a_name(root, ns, take, destination):
    raw, before = take(), n_quick(root)
    body = marshal("sv", ("a", U))
    with pytest.raises(Disconnected):
        raw.call(ns.path, NAMESPACE, "Set", "sv", ("a", U), destination=destination)
    assert (ns.keys(), n_quick(root)) == ([], before)
    raw = take()
    raw.call(ns.path, NAMESPACE, "Set", "sv", ("a", U), destination=root.connection.get_unique_name())
    assert n_quick(root) == before
    raw.send_bytes(raw.build(ns.path, NAMESPACE, "Set", "sv", body, destination=None)[0])
    raw.call(ROOT_PATH, PEER, "Ping")
    assert n_quick(root) == before + 1


def test_others_are_asked_first(sandbox, root, name, take):
    """Who is not admitted by uid and mode takes the long way."""
    space = root.create(name, owner=4001, mode=0o640)
    alice, bob, before = take("alice"), take("bob"), n_quick(root)
    alice.reply(send(alice, space, "Set", "sv", ("a", U)))
    assert n_quick(root) == before + 1
    with refused(Error.AccessDenied):
        bob.reply(send(bob, space, "Set", "sv", ("a", U)))
    with refused(Error.AccessDenied):
        bob.reply(send(bob, root.ns(name + ".Absent"), "Set", "sv", ("a", U)))
    assert n_quick(root) == before + 1
    assert space.describe("a")["writer"].unpack() == 4001


def test_paths_that_are_none_are_refused(root, ns, take):
    raw, before = take(), n_quick(root)
    for path in (f"/org/regentd/State1/ns/{ns.name}", ns.path + "/", ns.path.replace("/ns/", "/ns//"), "/", ROOT_PATH + "/ns"):
        with pytest.raises((RegentError, Disconnected)):
            raw.call(path, NAMESPACE, "Set", "sv", ("a", U))
        raw = take()
    assert ns.keys() == []
    assert n_quick(root) == before


@pytest.mark.parametrize("call", ["quick", "long"])
def test_an_access_that_changes_meanwhile(sandbox, root, name, take, call):
    """What waits is authorized again, and goes on or is refused as any other."""
    space = root.create(name, owner=0, group=4100, mode=0o660)
    participant, bob = take(), take("bob")
    participant.call(space.path, NAMESPACE, "RegisterParticipant", "sota{sv}", ("first", "/p", 0, {}))
    for mode, outcome in ((0o640, Error.AccessDenied), (0o660, None)):
        root.ns(name).set_access(mode=0o664 if mode == 0o660 else 0o660)
        before = n_quick(root)
        blocking = root.ns(name).start_set("first", float(mode))
        asked = participant.receive_call()
        changing = root.start(space.path, NAMESPACE, "SetAccess", "(a{sv})", ({"mode": GLib.Variant("u", mode)},))
        root.ping()
        how = {} if call == "quick" else SENDER
        waiting = send(bob, space, "Apply", "a{sv}asta{sv}", ({"b": ("u", mode)}, ["gone"], 0, {"class": ("s", "runtime")}), **how)
        behind = send(bob, space, "Set", "sv", ("c", ("u", mode)), **how)
        root.ping()
        bob.send_bytes(b"")
        participant.answer(None, asked.serial)
        blocking.result()
        changing.result()
        participant.answer(None, participant.receive_call().serial)
        for serial in (waiting, behind):
            if outcome:
                with refused(outcome):
                    bob.reply(serial)
            else:
                bob.reply(serial)
        assert n_quick(root) - before <= 2
        assert (n_quick(root) - before > 0) == (call == "quick")
    assert space.get("b").unpack() == 0o660
    assert space.describe("b")["class"].unpack() == "runtime"
    assert space.get("c").unpack() == 0o660
