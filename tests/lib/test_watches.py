# SPDX-License-Identifier: LGPL-2.1-or-later
"""Watches of libregent: what is told, over gaps, restarts, and ends."""

import os
import signal

import pytest
from gi.repository import GLib

from lib_client import LOOPS
from lib_follower import LibFollower
from regent_testing import environment
from regent_testing.api import change
from regent_testing.pretender import NS, send_signal

ERROR = "org.regentd.State1.Error."
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
NAME, OTHER = NS, NS + ".Other"


@pytest.fixture
def own(stack, request):
    made = stack(config=getattr(request, "param", ""))
    made.ns = made.root.create(NAME)
    made.other = made.root.create(OTHER)
    return made


@pytest.fixture(params=["channel", "bus-only"])
def follower(own, request):
    flags = ["bus-only"] if request.param == "bus-only" else []
    with LibFollower(own.bus, "poll", *flags) as made:
        yield made


def begin(follower, name="w", target=NAME, **how):
    assert follower.watch(name, target, **how) == (0, "-")
    follower.event(name, "live")
    return follower.states[name]


def everything(ns):
    found, after = {}, ""
    while True:
        page, _ = ns.get_many(after=after, limit=8)
        found.update({key: value.unpack() for key, value in page.items()})
        if len(page) < 8:
            return found
        after = max(page)


def until_same(follower, name, ns, seconds=60):
    """Until it has what the namespace has."""
    expected = everything(ns)
    return follower.follow_until(name, lambda state: state.namespaces.get(ns.name) == expected, seconds)


@pytest.mark.parametrize("loop", LOOPS)
def test_tells_what_there_is_and_then_each_commit(own, loop):
    own.ns.set("a", 1)
    with LibFollower(own.bus, loop) as follower:
        assert follower.watch("w", NAME) == (0, "-")
        state = follower.event("w")
        assert (state.kind, state.ns_name, state.values) == ("state", NAME, {"a": 1})
        live = follower.event("w")
        assert (live.kind, live.revision) == ("live", state.revision)
        revision = state.revision
        for n in range(20):
            own.ns.set("a", 10 + n)
            told = follower.event("w")
            assert (told.kind, told.ns_name, told.values, told.removed) == ("change", NAME, {"a": 10 + n}, [])
            assert (told.previous, told.is_merged) == (revision, False)
            revision = told.revision
        own.ns.delete("a")
        assert follower.event("w").removed == ["a"]


def test_tells_of_keys_below_a_prefix_alone(own, follower):
    own.ns.apply({"p.a": 1, "q.a": 1})
    state = begin(follower, prefix="p.")
    assert state.namespaces == {NAME: {"p.a": 1}}
    own.ns.set("q.a", 2)
    own.ns.set("p.b", 2)
    assert follower.event("w").values == {"p.b": 2}


def test_watches_of_one_connection_stay_apart(own, follower):
    for n in range(40):
        begin(follower, f"w{n}", target=NAME if n % 2 else OTHER)
    own.ns.set("a", 1)
    own.other.set("b", 2)
    for n in range(40):
        assert follower.event(f"w{n}").values == ({"a": 1} if n % 2 else {"b": 2})
    follower.do("unwatch", "w1")
    own.ns.set("a", 2)
    assert follower.event("w3").values == {"a": 2}
    follower.nothing("w1")


def test_follows_all_namespaces_below_a_prefix_also_those_made_later(own, follower):
    own.ns.set("a", 1)
    state = begin(follower, target=NAME, kind="names")
    assert state.namespaces == {NAME: {"a": 1}, OTHER: {}}
    own.other.set("b", 2)
    late = own.root.create(NAME + ".Late")
    late.set("c", 3)
    until_same(follower, "w", late)
    assert state.namespaces == {NAME: {"a": 1}, OTHER: {"b": 2}, NAME + ".Late": {"c": 3}}
    own.root.remove(NAME + ".Late", 1)
    follower.follow_until("w", lambda state: NAME + ".Late" not in state.namespaces)
    assert [event.kind for event in state.log].count("gone") == 1


def test_one_that_is_not_there_ends_it_or_is_waited_for(own, follower):
    follower.watch("ends", "org.example.Absent")
    ended = follower.event("ends")
    assert (ended.kind, ended.result, ended.error) == ("ended", -2, ERROR + "NoSuchNamespace")
    follower.watch("waits", "org.example.Absent", flags="p")
    assert follower.event("waits").kind == "gone"
    made = own.root.create("org.example.Absent")
    made.set("a", 1)
    until_same(follower, "waits", made)


def test_one_that_is_removed_is_told_and_waited_for(own, follower):
    own.ns.set("a", 1)
    begin(follower)
    own.root.remove(NAME, 1)
    assert follower.event("w").kind == "gone"
    made = own.root.create(NAME)
    made.set("b", 2)
    state = until_same(follower, "w", made)
    assert "state" in [event.kind for event in state.log[3:]]


def test_one_that_may_not_be_read_any_more_ends_it(stack):
    if environment.without_sandbox():
        pytest.skip(environment.without_sandbox())
    made = stack()
    made.root.create(NAME, mode=0o644)
    with LibFollower(made.bus, "poll", user="bob") as follower:
        begin(follower)
        made.root.ns(NAME).set_access(mode=0o600)
        ended = follower.event("w")
        assert (ended.kind, ended.result, ended.error) == ("ended", -13, DENIED)


@pytest.mark.parametrize("how", ["kill", "restart"])
@pytest.mark.parametrize("kind", ["ns", "names"])
def test_goes_on_over_restarts(own, follower, how, kind):
    own.ns.apply({"a": 1, "b": 1, "c": 1})
    state = begin(follower, kind=kind)
    for n in range(4):
        own.ns.set("a", 100 + n)
        until_same(follower, "w", own.ns)
        if how == "kill":
            own.regentd.kill()
            own.regentd.start()
        else:
            own.regentd.restart()
        own.root.wait_name("org.regentd.State1")
        own.ns.apply({"d": n}, ["b"])
        follower.event("w", "live")
        until_same(follower, "w", own.ns)
    kinds = [event.kind for event in state.log]
    assert kinds.count("away") == 4 and "state" not in kinds[2:] + (["x"] if kind == "ns" else [])


def test_goes_on_in_another_process_from_a_position(own, follower):
    own.ns.apply({"a": 1, "b": 1})
    state = begin(follower)
    position = state.position
    own.ns.apply({"a": 2}, ["b"])
    own.ns.set("c", 3)
    follower.watch("again", NAME, position=position)
    told = follower.event("again")
    assert (told.kind, told.values, told.removed, told.is_merged) == ("change", {"a": 2, "c": 3}, ["b"], True)
    assert follower.event("again").kind == "live"
    # Of an epoch that is not known any more: all of it.
    follower.watch("other", NAME, position="0" * 32 + ":5")
    assert follower.event("other").kind == "state"
    assert follower.watch("bad", NAME, position="nonsense") == (-22, "org.freedesktop.DBus.Error.InvalidArgs")


def test_a_position_within_a_commit_over_several_namespaces_loses_nothing_and_repeats_nothing(own):
    """Somebody is cut off after each of the signals of one commit, by a regentd that is stopped between them."""
    with LibFollower(own.bus, "own") as follower:
        state = begin(follower, kind="names")
        own.root.apply_all({NAME: change({"a": 1}), OTHER: change({"b": 1})})
        first = follower.event("w")
        second = follower.event("w")
        assert {first.ns_name, second.ns_name} == {NAME, OTHER} and first.revision == second.revision
        # As the position is from before the commit, another process is told of both.
        for position in {first.position, second.position}:
            follower.watch("again", NAME, kind="names", position=position)
            told = [follower.event("again"), follower.event("again")]
            assert {event.ns_name for event in told} == {NAME, OTHER}
            follower.do("unwatch", "again")
        # This one knows what it was told.
        own.regentd.kill()
        own.regentd.start()
        follower.event("w", "live")
        own.ns.set("a", 2)
        told = follower.event("w")
        assert (told.values, state.namespaces) == ({"a": 2}, {NAME: {"a": 2}, OTHER: {"b": 1}})
        kinds = [(event.kind, event.ns_name) for event in state.log]
        assert kinds.count(("change", OTHER)) == 1 and kinds.count(("change", NAME)) == 2


def test_values_that_a_signal_leaves_out_are_read(own, follower):
    begin(follower)
    large = {f"k{n}": chr(ord("a") + n) * 100000 for n in range(5)}
    revision, _ = own.ns.apply({**large, "small": 1})
    told = follower.event("w")
    assert (told.revision, told.values, told.is_merged) == (revision, {**large, "small": 1}, False)
    state = follower.states["w"]
    for n in range(10):
        own.ns.start_set("k1", f"{n}" * 100000)
    own.ns.set("k1", "x" * 100000)
    own.ns.delete("k2")
    until_same(follower, "w", own.ns)
    assert "state" not in [event.kind for event in state.log[1:]]


def test_more_than_one_answer_may_hold_is_read_by_pages(own, follower):
    for n in range(22):
        own.ns.apply({f"k{n}.{m}": "x" * 200000 for m in range(4)})
    state = begin(follower)
    assert len(state.namespaces[NAME]) == 88
    begin(follower, "all", kind="names")
    assert len(follower.states["all"].namespaces[NAME]) == 88
    own.other.set("a", 1)
    until_same(follower, "all", own.other)
    own.ns.set("k0.0", 1)
    until_same(follower, "w", own.ns)


TIGHT = "[Limits]\nWatchUnacknowledgedCommitsMax=4\nNamespaceTombstonesMax=20\n"


@pytest.mark.parametrize("own", [TIGHT], indirect=True)
@pytest.mark.parametrize("kind", ["ns", "names"])
def test_one_that_is_too_slow_is_told_what_it_comes_to(own, follower, kind):
    state = begin(follower, kind=kind)
    os.kill(follower.pid, signal.SIGSTOP)
    for n in range(50):
        own.ns.set(f"k{n % 7}", n)
    os.kill(follower.pid, signal.SIGCONT)
    until_same(follower, "w", own.ns)
    changes = [event for event in state.log if event.kind == "change"]
    assert len(changes) < 50 and changes[-1].is_merged
    own.ns.set("k", 1)
    assert not follower.event("w", "change").is_merged


@pytest.mark.parametrize("own", [TIGHT], indirect=True)
def test_who_acknowledges_is_told_no_more_until_then(own, follower):
    state = begin(follower, flags="a")
    for n in range(20):
        own.ns.set("a", n)
    told = [follower.event("w") for _ in range(4)]
    own.ns.get("a")
    for _ in range(3):
        follower.nothing("w")
    assert follower.do("ack", "w", told[-1].revision) == (0, "-")
    until_same(follower, "w", own.ns)
    assert len([event for event in state.log if event.kind == "change"]) < 12
    follower.watch("plain", NAME)
    assert follower.do("ack", "plain", 1)[0] == -22


def test_history_that_is_lost_is_told_as_all_there_is(own, follower):
    own.ns.set("a", 1)
    state = begin(follower)
    own.regentd.stop()
    for name in os.listdir(own.regentd.state_dir):
        path = os.path.join(own.regentd.state_dir, name)
        if os.path.isfile(path):
            os.unlink(path)
    own.regentd.start()
    assert follower.event("w", "gone").ns_name == NAME
    made = own.root.create(NAME)
    made.set("b", 2)
    until_same(follower, "w", made)
    assert "state" in [event.kind for event in state.log[3:]]


def test_a_restored_state_is_told(own, follower):
    own.ns.set("a", 1)
    own.root.mark_good()
    begin(follower)
    begin(follower, "all", kind="names")
    own.ns.set("b", 2)
    own.root.restore()
    own.ns.set("c", 3)
    for name in ("w", "all"):
        until_same(follower, name, own.ns)


def test_calls_in_callbacks_and_a_watch_freed_in_its_own(own, follower):
    own.ns.set("key", 1)
    follower.watch("calls", NAME, flags="c")
    for kind in ("state", "live"):
        assert follower.event("calls").kind == kind
        follower.wait_line("called", "calls", "0")
    for n in range(50):
        own.ns.start_set("key", n + 2)
    for n in range(50):
        assert follower.event("calls").values == {"key": n + 2}
    follower.watch("freed", NAME, flags="f")
    assert follower.event("freed").kind == "state"
    own.ns.set("key", 0)
    follower.event("calls")
    follower.nothing("freed")


def test_a_regent_freed_in_a_callback_ends_all(own):
    with LibFollower(own.bus, "own") as follower:
        begin(follower, "one")
        follower.watch("two", NAME, flags="F")
        follower.event("two")
        follower.wait_line("ended", "0")


def test_watches_that_are_dropped_are_so_at_regentd(own, follower):
    """Also one that is dropped before regentd has answered; 256 are what a connection may have."""
    for n in range(300):
        if n % 10 == 0:
            begin(follower, f"w{n}")
        else:
            follower.watch(f"w{n}", NAME)
        follower.do("unwatch", f"w{n}")
        if n % 50 == 0:
            follower.do("get", NAME, "key")
    for n in range(256):
        begin(follower, f"w{n}")
    follower.watch("more", NAME)
    assert follower.event("more").error == "org.freedesktop.DBus.Error.LimitsExceeded"


def test_nobody_else_can_signal_changes(own):
    with LibFollower(own.bus, "poll", "bus-only") as follower:
        begin(follower)
        stranger = own.client()
        bus = "org.freedesktop.DBus"
        listed = stranger.connection.call_sync(bus, "/", bus, "ListNames", None, None, 0, -1, None).unpack()[0]
        for name in listed:
            if name.startswith(":"):
                for number in range(4):
                    changed = (number, NAME, 0, 99, {"evil": GLib.Variant("s", "x")}, [], [])
                    send_signal(stranger.connection, name, "Changed", "(tstta{sv}asas)", *changed)
                    send_signal(stranger.connection, name, "WatchEnded", "(tss)", number, NAME, "org.example.Evil")
        stranger.connection.flush_sync()
        own.ns.set("a", 1)
        assert follower.event("w").values == {"a": 1}
