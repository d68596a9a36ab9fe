# SPDX-License-Identifier: LGPL-2.1-or-later
"""Watch of org.regentd.State1.Manager: all readable namespaces below a prefix of names."""

import pytest
from gi.repository import GLib
from regent_testing.api import change
from regent_testing.checks import refused
from regent_testing.names import Error
from watching import Watcher, watching  # pylint: disable=unused-import

V = GLib.Variant


@pytest.fixture
def watcher(service, root):
    return Watcher(service.client())


def content(root, prefix):
    """{name: {key: value}} below a prefix."""
    return {
        each: {key: v.unpack() for key, v in root.ns(each).everything().items()}
        for each in root.list_namespaces(prefix)
    }


def test_reply_has_all_below_the_prefix(root, name, watcher):
    for suffix, key in ((".A", "a"), (".B", "b"), ("x.C", "c")):
        root.create(name + suffix).set(key, 1)

    watched = watcher.watch_names(name + ".")

    assert watched.values == {name + ".A": {"a": 1}, name + ".B": {"b": 1}}
    assert (watched.removed, watched.complete) == ({}, [])
    assert watched.revision == root.revision()
    assert name + "x.C" in watcher.watch_names(name).values
    assert watcher.watch_names(name, no_values=True).values == {
        name + ".A": {}, name + ".B": {}, name + "x.C": {},
    }  # fmt: skip


def test_a_commit_over_several_comes_as_one_changed_each(root, name, watcher):
    spaces = [root.create(f"{name}.N{i}") for i in range(3)]
    other = root.create(name + "x")
    watched = watcher.watch_names(name + ".")

    revision, _ = root.apply_all({each.name: change({"k": 1}) for each in (*spaces, other)})
    watcher.settle()

    changes = watched.changes()
    assert {c.ns_name for c in changes} == {each.name for each in spaces}
    assert [c.revision for c in changes] == [revision] * 3
    assert [c.previous for c in changes] == [watched.revision, revision, revision]


def test_a_new_namespace_comes_with_a_changed(root, name, watcher):
    watched = watcher.watch_names(name)

    root.create(name).set("a", 1)
    watcher.settle()

    made, was_set = watched.changes()
    assert (made.ns_name, made.changed, made.removed) == (name, {}, [])
    assert was_set.changed == {"a": 1} and was_set.previous == made.revision
    assert rebuilt(watched) == {name: {"a": 1}}


def test_a_namespace_removed_comes_with_resynchronize(root, ns, watcher):
    watched = watcher.watch_names(ns.name)

    root.remove(ns.name)
    watcher.settle()

    assert watched.wait("Resynchronize") == [(watched.number, ns.name, root.revision())]
    with refused(Error.NoSuchNamespace):
        ns.get("a")


def test_only_readable_namespaces_are_told_of(root, name, alice, watching):
    closed = root.create(name + ".Closed", mode=0o600)
    opened = root.create(name + ".Opened", mode=0o644)
    watcher = watching(alice)
    watched = watcher.watch_names(name)
    assert watched.values == {opened.name: {}}

    closed.set("a", 1)
    opened.set("a", 1)
    root.create(name + ".Another", mode=0o600).set("a", 1)
    root.remove(name + ".Another", 1)
    watcher.settle()

    assert [c.ns_name for c in watched.changes()] == [opened.name]
    assert watched.signals("Resynchronize") == []


def test_a_namespace_that_opens_or_closes_is_to_be_read_again(root, name, alice, watching):
    closed = root.create(name, mode=0o600)
    closed.set("a", 1)
    watcher = watching(alice)
    watched = watcher.watch_names(name)

    closed.set_access(mode=0o644)
    closed.set("a", 2)
    closed.set_access(mode=0o640)
    closed.set("a", 3)
    watcher.settle()

    opened, closed_ = watched.wait("Resynchronize", 2)
    assert opened[1] == closed_[1] == name
    assert [(c.changed, c.previous) for c in watched.changes()] == [({"a": 2}, opened[2])]
    assert watched.signals("WatchEnded") == []


def test_since_tells_what_differs_what_is_new_and_what_is_gone(root, name, watcher):
    first, second, third = (root.create(f"{name}.N{i}") for i in range(3))
    for each in (first, second, third):
        each.apply({"a": 1, "b": 1})
    since, epoch = root.revision(), root.property("Epoch")
    first.set("a", 2)
    first.delete("b")
    root.remove(third.name, 1)
    fourth = root.create(name + ".N4")
    fourth.set("d", 4)

    watched = watcher.watch_names(name, since=since, epoch=epoch)

    assert watched.values == {first.name: {"a": 2}, second.name: {}, fourth.name: {"d": 4}}
    assert watched.removed == {first.name: ["b"]}
    assert watched.complete == [fourth.name]
    assert watched.revision == root.revision()


def test_since_another_epoch_or_the_future_is_lost(root, name, watcher):
    with refused(Error.HistoryLost, "epoch"):
        watcher.watch_names(name, since=0, epoch="0" * 32)
    with refused(Error.HistoryLost):
        watcher.watch_names(name, since=root.revision() + 1, epoch=root.property("Epoch"))


def test_unwatch_and_its_errors(root, ns, watcher):
    of_names, of_one = watcher.watch_names(ns.name), watcher.watch(ns)
    with refused(Error.InvalidArgs):
        watcher.caller.manager("Unwatch", "(t)", (of_one.number,))
    with refused(Error.InvalidArgs):
        watcher.caller.manager("Acknowledge", "(tt)", (of_one.number, 1))
    of_names.end()
    ns.set("a", 1)
    watcher.settle()
    assert of_names.changes() == [] and len(of_one.changes()) == 1
    with refused(Error.InvalidName):
        watcher.watch_names("x" * 201)
    assert watcher.watch_names("x" * 200).values == {}


def test_an_answer_over_the_limit_names_the_way_out(root, name, watcher):
    for i in range(3):
        root.create(f"{name}.N{i}").set("k", bytes(1 << 20))

    with refused(Error.LimitsExceeded, "no-values", "GetMany", "since"):
        watcher.watch_names(name)

    assert len(watcher.watch_names(name, no_values=True).values) == 3


def test_state_rebuilt_from_many_random_commits(service, root, name):
    import random

    chance = random.Random(1)
    watchers = [Watcher(service.client()) for _ in range(3)]
    watched = [each.watch_names(name + ".") for each in watchers]
    there = set()
    for _ in range(300):
        each = f"{name}.N{chance.randrange(4)}"
        if each not in there:
            root.create(each)
            there.add(each)
        elif chance.random() < 0.05:
            root.remove(each, 1)
            there.discard(each)
        else:
            key = f"k{chance.randrange(5)}"
            if chance.random() < 0.3:
                root.ns(each).apply({}, [key])
            else:
                root.ns(each).set(key, chance.randrange(3))

    for each, what in zip(watchers, watched):
        each.settle()
        assert rebuilt(what) == content(root, name + ".")


def rebuilt(watched):
    """What the signals make of the reply. A namespace that is to be read again is forgotten: here it was removed."""
    values = {each: dict(found) for each, found in watched.values.items()}
    at = watched.revision
    for signal in watched.signals():
        if signal.member == "Resynchronize":
            _, name, at = signal.parameters.unpack()
            values.pop(name, None)
            continue
        _, name, previous, revision, changed, removed, _invalidated = signal.parameters.unpack()
        assert previous == at, signal
        at = revision
        found = values.setdefault(name, {})
        found.update(changed)
        for key in removed:
            found.pop(key)
    return values
