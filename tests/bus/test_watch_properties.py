# SPDX-License-Identifier: LGPL-2.1-or-later
"""PropertiesChanged to those who watch namespaces that not everyone may read: of what, and what becomes of the missed."""

import pytest
from regent_testing.names import MANAGER, NAMESPACE, PROPERTIES, ROOT_PATH, VALUES
from regent_testing.waiting import Deadline
from regent_testing.wire import CALL, INTERFACE, MEMBER, PATH, SENDER
from watching import ACKNOWLEDGED, Watcher

MIB = 1 << 20


class Reader:
    """A connection that watches names and reads only when told to."""

    def __init__(self, service, root, name):
        self.raw = service.raw()
        self._root = root
        self._pump = root.create(name + ".Pump", mode=0o600)
        self.number = self.raw.call(ROOT_PATH, MANAGER, "Watch", "sta{sv}", (name + ".", 0, {}))[0]

    def fill(self):
        """So that no more is sent to it."""
        for i in range(90):
            self._pump.set("k", chr(ord("a") + i % 26) * (60 << 10))

    def unread_bytes(self):
        connections = self._root.manager("GetStatistics", "(t)", (1,))[0].unpack()["connections"]
        return connections[self.raw.name]["unread-bytes"]

    def read_until(self, found, seconds=20):
        """The PropertiesChanged, as (path, changed, invalidated), up to the message that found(member, all) admits."""
        properties = []
        deadline = Deadline(seconds)
        member = None
        while not found(member, properties):
            message = self.raw.receive(deadline)
            member = message.field(MEMBER)
            if message.kind == CALL:
                self.raw.answer(message.field(SENDER), message.serial)
            elif message.field(INTERFACE) == PROPERTIES:
                _, changed, invalidated = message.body()
                properties.append((message.field(PATH), changed, invalidated))
        return properties

    def read_until_resynchronized(self):
        return self.read_until(lambda member, _: member == "Resynchronize")


@pytest.fixture
def reader(service, root, name):
    return Reader(service, root, name)


def test_catching_up_keeps_to_what_may_be_unread(root, reader, name):
    keys = [f"k{i:03}" + "x" * 240 for i in range(250)]
    spaces = [root.create(f"{name}.N{i}", mode=0o600) for i in range(100)]
    reader.fill()
    for space in spaces:
        space.apply(dict.fromkeys(keys, 1))

    caught_up = reader.read_until_resynchronized()
    assert reader.unread_bytes() <= 4 * MIB

    missing = {space.path for space in spaces} - {path for path, _, _ in caught_up}
    rest = reader.read_until(lambda _, all_of_it: missing <= {path for path, _, _ in all_of_it})
    for _, changed, invalidated in (each for each in rest if each[0] in missing):
        assert (changed, invalidated) == ({}, keys)


def test_however_many_namespaces_are_missed_each_is_told_of(root, reader, name):
    spaces = [root.create(f"{name}.N{i:03}", mode=0o600) for i in range(300)]
    quiet = root.create(name + ".Quiet", mode=0o600)
    quiet.set("a", 1)
    reader.fill()
    for space in spaces:
        space.apply({"a": 1, "b": 1})

    due = {space.path for space in spaces}
    told = reader.read_until(lambda _, all_of_it: due <= {path for path, _, _ in all_of_it})

    assert [keys for path, _, keys in told if path in due] == [["a", "b"]] * 300
    assert ["a"] == [key for path, changed, _ in told if path == quiet.path for key in changed]  # before
    assert [keys for path, _, keys in told if path == quiet.path] == [[]]
    spaces[7].set("a", 2)
    again = reader.read_until(lambda _, all_of_it: all_of_it and all_of_it[-1][0] == spaces[7].path)
    assert (list(again[-1][1]), again[-1][2]) == (["a"], [])


def test_a_connection_with_many_prefixes_gets_each_key_once(service, root, name):
    closed = root.create(name, mode=0o600)
    caller = service.client()
    log = caller.subscribe(interface=PROPERTIES, member="PropertiesChanged", path=closed.path, arg0=VALUES)
    for prefix in ("b/", "d", "b/c", "a0", "b/", "x", "b/c/d", "e/"):
        caller.call(closed.path, NAMESPACE, "Watch", "(sta{sv})", (prefix, 0, {}))

    closed.apply(dict.fromkeys(("a", "a0", "a1", "b", "b/a", "b/c", "b/c/d", "b0", "c", "d", "d/1", "f"), 1))
    closed.set("e", 1)
    closed.apply({"x": 1}, ["b/a", "a"])
    caller.settle()

    first, second = log.items
    assert list(first.arguments[1].unpack()) == ["a0", "b/a", "b/c", "b/c/d", "d", "d/1"]
    assert (list(second.changed), second.invalidated) == (["x"], ["b/a"])
    log.close()


def test_what_a_stopped_watch_of_names_missed_is_invalidated(service, root, name):
    spaces = [root.create(f"{name}.N{i}", mode=0o600) for i in range(3)]
    watcher = Watcher(service.client())
    watched = watcher.watch_names(name + ".", ACKNOWLEDGED)
    for i in range(1025):
        spaces[0].set("a", i)
    watched.wait("Resynchronize")
    log = watcher.caller.subscribe(interface=PROPERTIES, member="PropertiesChanged", arg0=VALUES)

    since = root.revision()
    for space in spaces[:2]:
        space.set("a", -1)
    watcher.settle()
    assert log.items == []
    watched.resume(since, root.property("Epoch"))
    watcher.settle()

    assert [(each.path, each.invalidated) for each in log.items] == [(space.path, ["a"]) for space in spaces[:2]]
    log.close()
