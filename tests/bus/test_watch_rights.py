# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may watch, and what becomes of a watch whose owner may not read any more."""

import os
import tempfile

import pytest
from gi.repository import Gio
from polkit_rules import rule, secret, yes_if  # pylint: disable=unused-import
from regent_testing.checks import refused
from regent_testing.names import BUS_NAME, NAMESPACE, PROPERTIES, VALUES, Error
from watching import ACKNOWLEDGED, Watcher, watching  # pylint: disable=unused-import

STACK = {"polkit": True}


def test_watching_takes_the_right_to_read(root, secret, alice, bob, dave, polkitd, watching):
    for caller in (alice, bob):
        assert watching(caller).watch(secret).values == {"a": 1}
    with refused(Error.InteractiveAuthorizationRequired, "read"):
        watching(dave).watch(secret)

    polkitd.set_rules(yes_if('kind == "read" && verb == "Watch" && subject.user == "dave"'))
    assert watching(dave).watch(secret).values == {"a": 1}


def test_an_absent_namespace_is_refused_as_one_that_is_closed(root, secret, dave, polkitd, watching):
    absent = root.ns(secret.name + ".No")
    with refused(Error.InteractiveAuthorizationRequired, "There is no namespace", "or uid"):
        watching(dave).watch(absent)


def test_a_mode_that_closes_ends_watches_and_leaks_nothing(root, ns, dave, polkitd, watching):
    watcher = watching(dave)
    first, second = watcher.watch(ns), watcher.watch(ns, "b")
    other = watching(root).watch(ns)

    ns.set("a", 1)
    ns.set_access(mode=0o600)
    ns.set("b", "secret")
    for each in (first, second):
        each.wait("WatchEnded")
    watcher.settle()

    for each in (first, second):
        assert each.signals("WatchEnded")[0].parameters.unpack() == (
            each.number, ns.name, Error.AccessDenied,
        )  # fmt: skip
        with refused(Error.InvalidArgs):
            each.end()
    assert [c.changed for c in first.changes()] == [{"a": 1}]
    assert second.changes() == []
    root.settle()
    assert [c.changed for c in other.changes()] == [{"a": 1}, {"b": "secret"}]


def test_a_mode_that_opens_again_at_once_ends_nothing(ns, dave, polkitd, watching):
    """polkit is stopped, so the question is open meanwhile."""
    watcher = watching(dave)
    watched = watcher.watch(ns)

    polkitd.stop()
    ns.set_access(mode=0o600)
    revision = ns.set("a", 1)
    watcher.settle()
    assert watched.signals() == []
    ns.set_access(mode=0o644)
    polkitd.cont()
    ns.set("a", 2)
    watcher.settle()

    assert watched.wait("Resynchronize") == [(watched.number, ns.name, revision)]
    assert [c.previous for c in watched.changes()] == [revision]
    assert watched.signals("WatchEnded") == []


def test_a_removed_namespace_ends_watches(root, ns, dave, watching):
    watched = watching(dave).watch(ns)

    root.remove(ns.name)

    assert watched.wait("WatchEnded") == [(watched.number, ns.name, Error.NoSuchNamespace)]


def test_what_polkit_withdraws_ends(secret, dave, polkitd, watching):
    polkitd.set_rules(yes_if('kind == "read" && subject.user == "dave"'))
    watched = watching(dave).watch(secret)
    secret.set("a", 2)
    assert watched.wait("Changed")

    polkitd.set_rules("")

    assert watched.wait("WatchEnded") == [(watched.number, secret.name, Error.AccessDenied)]


def test_what_polkit_still_grants_goes_on(root, secret, dave, polkitd, watching):
    """Two watches are one question, and a change of rules is a reason to ask."""
    rule = yes_if('kind == "read" && subject.user == "dave"')
    polkitd.set_rules(rule)
    watcher = watching(dave)
    watched, second = watcher.watch(secret), watcher.watch(secret, "x")
    before = root.statistics()["polkit-checks"].unpack()

    polkitd.set_rules(rule + "// the same again\n")
    watcher.log._wait_until(lambda: root.statistics()["polkit-checks"].unpack() > before, 10, "a question")
    secret.set("a", 3)

    assert watched.wait("Changed")
    assert watched.signals("WatchEnded") == second.signals("WatchEnded") == []
    second.end()
    watched.end()


def test_another_owner_is_another_question(root, secret, dave, polkitd, watching):
    polkitd.set_rules(yes_if('kind == "read" && action.lookup("owner") == "4001" && subject.user == "dave"'))
    watcher = watching(dave)
    watched = watcher.watch(secret)

    secret.set_access(owner=4002)
    secret.set("a", "secret")

    assert watched.wait("WatchEnded") == [(watched.number, secret.name, Error.AccessDenied)]
    assert watched.changes() == []


def test_without_polkit_a_closed_mode_ends_the_watch(stack, sandbox, watching):
    fresh = stack()
    ns = fresh.root.create("org.example.X")
    watched = watching(fresh.user("dave")).watch(ns)

    ns.set_access(mode=0o600)

    assert watched.wait("WatchEnded")[0][2] == Error.AccessDenied


# properties, of a namespace that not everyone may read


def properties(caller, space):
    return caller.subscribe(
        interface=PROPERTIES, member="PropertiesChanged", path=space.path, arg0=VALUES
    )


def test_properties_go_to_those_who_watch_alone(service, root, secret, alice, bob):
    watcher, other, stranger = properties(alice, secret), properties(bob, secret), properties(root, secret)
    alice.call(secret.path, NAMESPACE, "Watch", "(sta{sv})", ("b", 0, {}))
    alice.call(secret.path, NAMESPACE, "Watch", "(sta{sv})", ("b/", 0, {}))

    secret.apply({"a": 2, "b/x": 1, "b/large": "x" * 5000})
    secret.apply({}, ["b/x"])
    secret.set("a", 3)
    alice.settle()
    bob.settle()
    root.settle()

    first, second = watcher.items
    assert {key: v.unpack() for key, v in first.changed.items()} == {"b/x": 1}
    assert first.invalidated == ["b/large"]
    assert (second.changed, second.invalidated) == ({}, ["b/x"])
    assert other.items == stranger.items == []
    watcher.close()
    other.close()


def test_properties_of_names_that_are_watched(root, secret, alice, dave, polkitd):
    logs = [properties(each, secret) for each in (alice, dave)]
    for each in (alice, dave):
        each.manager("Watch", "(sta{sv})", (secret.name, 0, {}))

    secret.set("a", 2)
    for each in (alice, dave):
        each.settle()

    assert [len(log.items) for log in logs] == [1, 0]
    for log in logs:
        log.close()


def test_a_proxy_keeps_its_properties(service, root, name):
    """GDBusProxy, as people use it, on a namespace that broadcasts nothing."""
    closed = root.create(name, mode=0o600)
    closed.set("Speed", 1)
    caller = service.client()
    proxy = Gio.DBusProxy.new_sync(
        caller.connection, Gio.DBusProxyFlags.NONE, None, BUS_NAME, closed.path, VALUES, None
    )
    caller.call(closed.path, NAMESPACE, "Watch", "(sta{sv})", ("", 0, {}))

    closed.set("Speed", 2)
    caller.settle()

    assert proxy.get_cached_property("Speed").unpack() == 2


def test_properties_that_a_stopped_watch_missed_are_invalidated(service, root, name):
    """Also of a key that is gone; and not of what has not changed, or by watches of something else."""
    closed, other = root.create(name, mode=0o600), root.create(name + ".Other", mode=0o600)
    closed.apply({"Speed": 1, "Gone": 1, "Same": 1})
    watcher = Watcher(service.client())
    watched = watcher.watch(closed, "", ACKNOWLEDGED)
    for i in range(1025):
        closed.set("Speed", i + 2)
    watched.wait("Resynchronize")
    watcher.settle()
    log = properties(watcher.caller, closed)

    since = root.revision()
    closed.set("Speed", 0)
    closed.delete("Gone")
    watcher.watch(other)
    watcher.settle()
    assert log.items == []

    watched.resume(since, root.property("Epoch"))
    watcher.settle()
    assert [(signal.changed, sorted(signal.invalidated)) for signal in log.items] == [({}, ["Gone", "Speed"])]
    closed.set("Speed", 1)
    watcher.settle()
    assert log.items[1].changed["Speed"].unpack() == 1 and len(log.items) == 2
    log.close()


def test_properties_that_were_missed_in_doubt_are_invalidated(root, ns, dave, polkitd, watching):
    """Closed and opened again while polkit is asked, so that there is no answer to wait for."""
    watcher = watching(dave)
    ns.set("a", 1)
    watcher.watch(ns)
    log = properties(dave, ns)

    polkitd.stop()
    ns.set_access(mode=0o600)
    ns.set("a", "secret")
    dave.settle()
    assert log.items == []
    ns.set_access(mode=0o644)
    polkitd.cont()
    dave.settle()

    assert [(signal.changed, signal.invalidated) for signal in log.items] == [({}, ["a"])]
    log.close()


@pytest.mark.skipif(not os.environ.get("REGENT_TEST_SLOW"), reason="takes a minute; .ci/run has it")
@pytest.mark.timeout(150)
def test_polkit_is_asked_again_though_it_says_nothing(secret, dave, polkitd, watching):
    """A rule that looks at a file: polkitd does not know that its answer has become another."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        polkitd.set_rules(
            rule(
                'if (kind != "read" || subject.user != "dave") return polkit.Result.NOT_HANDLED;'
                f'try {{ polkit.spawn(["/usr/bin/test", "-d", "{directory}"]); return polkit.Result.YES; }}'
                "catch (error) { return polkit.Result.NO; }"
            )
        )
        watched = watching(dave).watch(secret)

    assert watched.wait("WatchEnded", seconds=90) == [(watched.number, secret.name, Error.AccessDenied)]
