# SPDX-License-Identifier: LGPL-2.1-or-later
"""Watches of libregent against a service that leaves out, resynchronizes, and is cut off within a commit."""

import pytest
from gi.repository import GLib

from lib_follower import LibFollower
from regent_testing.pretender import EPOCH, NS, Pretender, values
from regent_testing.stack import Stack

B = "org.example.B"


@pytest.fixture(scope="module")
def pretender_stack():
    with Stack(start=False) as stack:
        yield stack


@pytest.fixture
def pretender(pretender_stack):
    made = Pretender(pretender_stack)
    yield made
    made.close()


@pytest.fixture
def follower(pretender_stack):
    with LibFollower(pretender_stack.bus, "poll", "bus-only") as made:
        yield made


def of_names(number, revision, complete=(), removed=(), **namespaces):
    """An answer of the Manager's Watch; namespaces by their last label."""
    each = {f"org.example.{name}": GLib.Variant("a{sv}", values(**keys)) for name, keys in namespaces.items()}
    gone = {f"org.example.{name}": GLib.Variant("as", keys) for name, keys in dict(removed).items()}
    return (number, each, gone, [f"org.example.{name}" for name in complete], revision)


def begin(follower, pretender):
    pretender.answers = [(7, values(k=1), [], 10)]
    follower.watch("w", NS)
    follower.event("w", "live")


def begin_names(follower, pretender):
    pretender.answers = [of_names(7, 10, A={"k": 1}, B={"l": 1})]
    follower.watch("w", "", kind="names")
    follower.event("w", "live")


def resynchronize(pretender, answer):
    pretender.answers = [answer]
    pretender.resynchronize_names(7, 99)


def test_a_gap_is_filled(follower, pretender):
    begin(follower, pretender)
    pretender.changed(7, 10, 11, k=2)
    assert follower.event("w").revision == 11
    pretender.answers = [(8, values(k=5), ["gone"], 14)]
    pretender.changed(7, 13, 14, k=5)
    told = follower.event("w")
    assert told.is_merged and (told.previous, told.revision) == (11, 14)
    assert (told.values, told.removed) == ({"k": 5}, ["gone"])
    assert pretender.options_of_watch(1) == {"since": 11, "epoch": EPOCH}
    assert follower.event("w").kind == "live"
    pretender.changed(7, 14, 15, k=6)  # of the watch that was given up
    pretender.changed(8, 14, 16, k=7)
    assert follower.event("w").revision == 16
    pretender.wait_for(("Unwatch", (7,)))


def test_resynchronize_goes_on_under_its_number(follower, pretender):
    begin(follower, pretender)
    pretender.answers = [(7, values(k=9), [], 20)]
    pretender.signal("Resynchronize", "(tst)", 7, NS, 20)
    assert follower.event("w").revision == 20
    assert pretender.options_of_watch(1) == {"since": 10, "epoch": EPOCH, "resume": 7}
    follower.event("w", "live")
    pretender.changed(7, 20, 21, k=1)
    assert follower.event("w").revision == 21


def test_one_that_cannot_be_resumed_is_begun_anew(follower, pretender):
    begin(follower, pretender)
    pretender.answers = ["org.freedesktop.DBus.Error.InvalidArgs", (8, values(k=9), [], 20)]
    pretender.signal("Resynchronize", "(tst)", 7, NS, 20)
    assert follower.event("w").revision == 20
    assert pretender.options_of_watch(2) == {"since": 10, "epoch": EPOCH}


def test_history_that_is_lost_on_the_way(follower, pretender):
    begin(follower, pretender)
    pretender.answers = ["org.regentd.State1.Error.HistoryLost", (9, values(l=1), [], 30)]
    pretender.signal("Resynchronize", "(tst)", 7, NS, 30)
    told = follower.event("w")
    assert (told.kind, told.values, told.position) == ("state", {"l": 1}, EPOCH + ":30")
    pretender.wait_for(("Unwatch", (7,)))


def test_a_restart_in_the_same_place_is_seen(follower, pretender, pretender_stack):
    """Another one has the name at once, and numbers its watches alike."""
    begin(follower, pretender)
    other = Pretender(pretender_stack)  # waits in line
    other.answers = [(7, {}, [], 10)]
    pretender.close()
    assert [follower.event("w").kind for _ in range(2)] == ["away", "live"]
    assert other.options_of_watch(0) == {"since": 10, "epoch": EPOCH}
    other.changed(7, 10, 11, k=2)
    assert follower.event("w").revision == 11
    other.close()


def test_a_commit_that_is_cut_off_between_two_namespaces(follower, pretender):
    begin_names(follower, pretender)
    pretender.changed_of(NS, 7, 10, 11, k=2)
    first = follower.event("w")
    assert (first.revision, first.position) == (11, EPOCH + ":10")
    # The other half has been lost. The answer repeats what was told.
    resynchronize(pretender, of_names(7, 11, A={"k": 2}, B={"l": 2}))
    told = follower.event("w")
    assert (told.ns_name, told.values, told.revision) == (B, {"l": 2}, 11)
    assert follower.event("w").kind == "live"
    assert pretender.options_of_watch(1) == {"since": 10, "epoch": EPOCH, "resume": 7}


def test_what_came_after_a_commit_that_was_cut_off(follower, pretender):
    begin_names(follower, pretender)
    pretender.changed_of(NS, 7, 10, 11, removed=["gone"], k=2, m=3)
    follower.event("w")
    resynchronize(pretender, of_names(7, 15, removed={"A": ["gone", "more"]}, A={"k": 2, "m": 4}, B={"l": 2}))
    told = {event.ns_name: event for event in (follower.event("w"), follower.event("w"))}
    assert (told[NS].values, told[NS].removed, told[NS].previous) == ({"m": 4}, ["more"], 11)
    assert (told[B].values, told[B].previous) == ({"l": 2}, 10)


def test_a_namespace_made_by_the_commit_that_was_cut_off(follower, pretender):
    begin_names(follower, pretender)
    pretender.changed_of("org.example.C", 7, 10, 11, n=1)
    follower.event("w")
    resynchronize(pretender, of_names(7, 11, complete=["C"], A={}, B={"l": 2}, C={"n": 1}))
    assert follower.event("w").ns_name == B
    assert follower.event("w").kind == "live"
    resynchronize(pretender, of_names(7, 12, complete=["C"], A={}, B={}, C={"n": 2}))
    assert follower.event("w").kind == "state"


def test_nothing_of_a_commit_before_is_left_out(follower, pretender):
    """A value that is as it was told, of a commit that was told whole, was written again."""
    begin_names(follower, pretender)
    pretender.changed_of(NS, 7, 10, 11, k=2)
    pretender.changed_of(B, 7, 11, 12, l=2)
    follower.event("w")
    assert follower.event("w").position == EPOCH + ":11"
    resynchronize(pretender, of_names(7, 14, A={"k": 2}, B={"l": 2}))
    told = follower.event("w")
    assert (told.ns_name, told.values) == (NS, {"k": 2})
    assert follower.event("w").kind == "live"


def test_one_that_has_gone_meanwhile(follower, pretender):
    begin_names(follower, pretender)
    resynchronize(pretender, of_names(7, 12, A={}))
    assert (follower.event("w").kind, follower.states["w"].namespaces) == ("gone", {NS: {"k": 1}})


def test_signals_of_other_shapes(follower, pretender):
    begin(follower, pretender)
    pretender.signal("Changed", "(s)", "what")
    pretender.signal("Changed", "(tsttasasas)", 7, NS, 10, 11, [], [], [])
    pretender.signal("Unheard", "(t)", 7)
    pretender.signal("Changed", "(tstta{sv}asas)", 99, NS, 10, 11, {}, [], [])
    pretender.wait_for(("Unwatch", (99,)))
    pretender.changed(7, 10, 11, k=2)
    assert follower.event("w").values == {"k": 2}


def test_a_burst_is_acknowledged_in_lots(follower, pretender):
    begin(follower, pretender)
    for number in range(1000):
        pretender.changed(7, 10 + number, 11 + number, k=number)
    for number in range(1000):
        assert follower.event("w").revision == 11 + number
    pretender.wait_for(("Acknowledge", (7, 1010)))
    acknowledged = [arguments[1] for member, arguments in pretender.calls if member == "Acknowledge"]
    assert acknowledged == sorted(set(acknowledged)) and len(acknowledged) >= 1000 // 64
