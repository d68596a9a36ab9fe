# SPDX-License-Identifier: LGPL-2.1-or-later
"""Watches and participants of libregent, of a service whose every word is chosen."""

import pytest
from gi.repository import GLib

from lib_follower import LibFollower
from regent_testing.pretender import NS, Pretender, values
from regent_testing.stack import Stack

LIMITS_EXCEEDED = "org.freedesktop.DBus.Error.LimitsExceeded"


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
def follower(pretender_stack, pretender):
    with LibFollower(pretender_stack.bus) as made:
        yield made


def begin(follower, pretender, name, number, **how):
    pretender.answers = [(number, values(k=1), [], 10)]
    assert follower.watch(name, NS, **how) == (0, "-")
    follower.event(name, "live")


def test_what_is_acknowledged_while_regentd_does_not_listen_is_told_it_later(follower, pretender):
    begin(follower, pretender, "w", 7, flags="a")
    begin(follower, pretender, "plain", 8)
    pretender.changed(7, 10, 11, k=2)
    pretender.changed(7, 11, 12, k=3)
    pretender.signal("Resynchronize", "(tst)", 7, NS, 12)
    pretender.changed(8, 10, 12, k=3)
    follower.event("plain", "change")
    assert follower.do("ack", "w", 11) == (0, "-")

    # What comes later of another watch is acknowledged: the time for the first is over.
    pretender.changed(8, 12, 13, k=4)
    pretender.wait_for(("Acknowledge", (8, 13)))
    assert ("Acknowledge", (7, 11)) not in pretender.calls
    pretender.answers = [(7, values(k=4), [], 13)]
    assert follower.do("ack", "w", 12) == (0, "-")
    follower.event("w", "live")
    pretender.wait_for(("Acknowledge", (7, 12)))


def test_much_that_is_acknowledged_is_told_at_once(follower, pretender):
    begin(follower, pretender, "w", 7, flags="a")
    large = {"k": GLib.Variant("s", "x" * 300000)}
    pretender.signal("Changed", "(tstta{sv}asas)", 7, NS, 10, 11, large, [], [])
    follower.event("w", "change")

    follower.send("ack", "w", 11)
    follower.do("get", NS, "key")
    members = [member for member, _ in pretender.calls]
    assert members.index("Acknowledge") < members.index("Get")


def test_time_for_which_a_question_was_held_is_taken_off(follower, pretender):
    pretender.replies = {
        "RegisterParticipant": [LIMITS_EXCEEDED, ("(a{sv}t)", ({}, 10))],
        "GetMany": [("(a{sv}t)", (values(k=1), 10))],
        "GetChanges": [("(a{sv}ast)", ({}, [], 10))],
    }

    def ask_early(message):
        if message.get_member() == "GetMany":
            pretender.prepare("/org/regentd/Participant/1", "early", k=2)

    pretender.before_reply = ask_early
    assert follower.participate("p", NS) == (0, "-")
    assert follower.event("p").kind == "registered"
    early = follower.event("p")
    assert (early.kind, early.transaction, early.values) == ("prepare", "early", {"k": 2})
    assert 0 < early.timeout_usec < 5000000

    pretender.prepare("/org/regentd/Participant/1", "now", k=3)
    assert follower.event("p").timeout_usec == 5000000


def test_one_that_cannot_be_read_whole_ends_with_what_was_the_matter(follower, pretender):
    unknown = {"org.example.B": GLib.Variant("a{sv}", values(k=1))}
    pretender.answers = [LIMITS_EXCEEDED, *[(7, unknown, {}, [], 100)] * 5]
    pretender.replies = {"ListNamespaces": [("(as)", ([],))] * 5}

    assert follower.watch("w", "org.", kind="names") == (0, "-")
    ended = follower.event("w", "ended")
    assert (ended.result, ended.error) == (-110, "org.freedesktop.DBus.Error.Timeout")
