# SPDX-License-Identifier: LGPL-2.1-or-later
"""Watch, Unwatch and Changed of org.regentd.State1.Namespace."""

import pytest
from gi.repository import GLib
from regent_testing.api import value
from regent_testing.checks import refused
from regent_testing.names import NAMESPACE, Error
from watching import Watcher, read

V = GLib.Variant


@pytest.fixture
def watcher(service, root):
    return Watcher(service.client())


def test_reply_is_the_present_state_of_the_prefix(ns, watcher):
    ns.apply({"a": 1, "b/x": 2, "b/y": 3, "c": 4})

    watched = watcher.watch(ns, "b/")

    assert watched.values == {"b/x": 2, "b/y": 3}
    assert watched.removed == []
    assert watched.revision == ns.caller.revision()
    assert watcher.watch(ns).values == {"a": 1, "b/x": 2, "b/y": 3, "c": 4}


def test_every_commit_below_the_prefix_comes_as_one_changed(ns, watcher):
    watched = watcher.watch(ns, "b/")

    first = ns.set("b/x", 1)
    ns.set("a", 1)
    second, _ = ns.apply({"b/y": "two", "c": 1, "b/z": ["1", "2"]}, ["b/x"])
    watcher.settle()

    a, b = watched.changes()
    assert (a.ns_name, a.previous, a.revision) == (ns.name, watched.revision, first)
    assert (a.changed, a.removed, a.invalidated) == ({"b/x": 1}, [], [])
    assert (b.previous, b.revision) == (first, second)
    assert (b.changed, b.removed, b.invalidated) == ({"b/y": "two", "b/z": ["1", "2"]}, ["b/x"], [])


def test_writes_that_change_nothing_are_not_told(ns, watcher):
    ns.set("a", 1)
    watched = watcher.watch(ns)

    ns.set("a", 1)
    ns.apply({}, ["b"])
    ns.apply({"a": 2}, flags=1)
    watcher.settle()

    assert watched.changes() == []


def test_watches_of_one_connection_stay_apart(ns, watcher):
    whole, part, same = watcher.watch(ns), watcher.watch(ns, "b/"), watcher.watch(ns, "b/")
    assert len({whole.number, part.number, same.number}) == 3

    ns.set("a", 1)
    ns.set("b/x", 1)
    watcher.settle()
    part.end()
    ns.set("b/x", 2)
    watcher.settle()

    assert [c.changed for c in whole.changes()] == [{"a": 1}, {"b/x": 1}, {"b/x": 2}]
    assert [c.changed for c in part.changes()] == [{"b/x": 1}]
    assert [c.changed for c in same.changes()] == [{"b/x": 1}, {"b/x": 2}]


def test_changed_comes_before_the_reply_to_the_writer(service, ns):
    writer = Watcher(ns.caller)
    watched = writer.watch(ns)

    revision = ns.set("a", 1)
    ns.caller.settle()

    assert [c.revision for c in watched.changes()] == [revision]


def test_nobody_else_is_told(service, ns, watcher):
    watcher.watch(ns)
    other = service.client()
    log = other.subscribe(interface=NAMESPACE)

    ns.set("a", 1)
    other.settle()

    assert log.items == []


def test_large_values_are_named_only(ns, watcher):
    watched = watcher.watch(ns)

    ns.apply({"big": "x" * (65 << 10), "small": 1})
    ns.apply({f"k{i}": "x" * (60 << 10) for i in range(5)})
    watcher.settle()

    first, second = watched.changes()
    assert first.changed == {"small": 1} and first.invalidated == ["big"]
    assert sorted(second.changed) == ["k0", "k1", "k2", "k3"]
    assert second.invalidated == ["k4"]


def test_no_gap_between_the_reply_and_the_first_change(service, ns):
    """A writer that never waits, while others begin to watch."""
    writes = [ns.start_set(f"k{i % 7}", i) for i in range(50)]
    watchers = []
    for i in range(50, 1000):
        writes.append(ns.start_set(f"k{i % 7}", i))
        if i % 50 == 0:
            watchers.append(Watcher(service.client()))
            watchers[-1].watch(ns)
        writes.pop(0).result()
    for write in writes:
        write.result()

    for each in watchers:
        each.settle()
        assert each.watches[0].rebuilt() == read(ns)


def test_no_values(ns, watcher):
    ns.set("a", 1)

    watched = watcher.watch(ns, no_values=True)
    ns.set("a", 2)
    watcher.settle()

    assert watched.values == {}
    assert [c.changed for c in watched.changes()] == [{"a": 2}]


def test_no_values_is_a_boolean_that_is_obeyed(ns, watcher):
    ns.set("a", 1)

    assert watcher.watch(ns, no_values=False).values == {"a": 1}
    assert watcher.watch_names(ns.name, no_values=False).values == {ns.name: {"a": 1}}
    for wrong in (GLib.Variant("s", "no"), GLib.Variant("u", 1)):
        with refused(Error.InvalidArgs, "no-values"):
            watcher.watch(ns, no_values=wrong)
        with refused(Error.InvalidArgs, "no-values"):
            watcher.watch_names(ns.name, no_values=wrong)


def test_answer_over_the_reply_limit_names_the_way_out(ns, watcher):
    for i in range(3):
        ns.set(f"k{i}", bytes(1 << 20))

    with refused(Error.LimitsExceeded, "no-values", "GetMany", "since"):
        watcher.watch(ns)

    assert watcher.watch(ns, "k0").values.keys() == {"k0"}
    assert watcher.watch(ns, no_values=True).values == {}


@pytest.mark.parametrize("prefix", ("a b", "k" * 256, "\u00e4"))
def test_prefix_that_begins_no_key_is_refused(ns, watcher, prefix):
    with refused(Error.InvalidName):
        watcher.watch(ns, prefix)


def test_unknown_flags_and_options_are_refused(ns, watcher):
    with refused(Error.InvalidArgs, "0x2"):
        watcher.watch(ns, flags=2)
    with refused(Error.InvalidArgs, "'whatever'"):
        watcher.watch(ns, whatever="x")


def test_absent_namespace_cannot_be_watched(root, watcher, name):
    with refused(Error.NoSuchNamespace, name):
        watcher.watch(root.ns(name))


def test_number_of_another_connection_or_object_is_none(service, root, ns, watcher):
    watched = watcher.watch(ns)
    other = root.create(ns.name + ".Other")
    stranger = service.client()

    for caller, path in ((stranger, ns.path), (watcher.caller, other.path)):
        for member, signature, arguments in (
            ("Unwatch", "(t)", (watched.number,)),
            ("Acknowledge", "(tt)", (watched.number, 1)),
        ):
            with refused(Error.InvalidArgs, str(watched.number)):
                caller.call(path, NAMESPACE, member, signature, arguments)
    ns.set("a", 1)
    watcher.settle()
    assert len(watched.changes()) == 1

    watched.end()
    with refused(Error.InvalidArgs):
        watched.end()


def test_watch_ends_with_its_connection(service, root, ns):
    before = root.statistics()["watches"].unpack()
    gone = service.client()
    Watcher(gone).watch(ns)
    assert root.statistics()["watches"].unpack() == before + 1

    name = gone.unique_name()
    gone.close()
    root.wait_no_name(name)
    root.ping()
    assert root.statistics()["watches"].unpack() == before
    ns.set("a", 1)


def test_watches_of_a_connection_are_bounded(service, ns, watcher):
    for _ in range(256):
        watched = watcher.watch(ns)

    with refused(Error.LimitsExceeded, "This connection has as many watches"):
        watcher.watch(ns)

    watched.end()
    watcher.watch(ns)
    assert Watcher(service.client()).watch(ns).values == {}
