# SPDX-License-Identifier: LGPL-2.1-or-later
"""watch against a service that leaves out, resynchronizes, ends and lies, and beside one that pretends to be it."""

import json

import pytest
from ctl import DENIED, OTHER, Regentctl
from regent_testing.pretender import EPOCH, NS, Pretender, send_signal, values
from regent_testing.stack import Stack

NO_SUCH_NAMESPACE = "org.regentd.State1.Error.NoSuchNamespace"


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
def ctl(pretender_stack):
    return Regentctl(pretender_stack.bus)


def event(running):
    document = json.loads(running.line())
    del document["time"]
    return document


def begin(ctl, pretender, *arguments):
    pretender.answers = [(7, values(k=1), [], 10)]
    running = ctl.watch("watch", "--json=short", NS, *arguments)
    assert event(running)["values"] == {"k": {"type": "u", "data": 1}}
    assert event(running)["event"] == "watching"
    return running


def test_a_gap_is_filled(ctl, pretender):
    with begin(ctl, pretender) as running:
        pretender.changed(7, 10, 11, k=2)
        assert event(running)["revision"] == 11
        pretender.answers = [(8, values(k=5), ["gone"], 14)]
        pretender.changed(7, 13, 14, k=5)
        assert event(running)["event"] == "behind"
        merged = event(running)
        assert merged["merged"] and (merged["previous"], merged["revision"]) == (11, 14)
        assert merged["changed"] == {"k": {"type": "u", "data": 5}} and merged["removed"] == ["gone"]
        assert pretender.options_of_watch(1) == {"since": 11, "epoch": EPOCH}
        assert event(running)["event"] == "watching"
        pretender.changed(7, 14, 15, k=6)  # of the watch that was given up
        pretender.changed(8, 14, 16, k=7)
        assert event(running)["revision"] == 16
        pretender.wait_for(("Unwatch", (7,)))


def test_resynchronize_goes_on_under_its_number(ctl, pretender):
    with begin(ctl, pretender) as running:
        pretender.answers = [(7, values(k=9), [], 20)]
        pretender.signal("Resynchronize", "(tst)", 7, NS, 20)
        assert event(running)["event"] == "behind"
        assert event(running)["revision"] == 20
        assert pretender.options_of_watch(1) == {"since": 10, "epoch": EPOCH, "resume": 7}
        assert event(running)["event"] == "watching"
        pretender.changed(7, 20, 21, k=1)
        assert event(running)["revision"] == 21


def test_history_that_is_lost_on_the_way(ctl, pretender):
    with begin(ctl, pretender) as running:
        pretender.answers = ["org.regentd.State1.Error.HistoryLost", (9, values(l=1), [], 30)]
        pretender.signal("Resynchronize", "(tst)", 7, NS, 30)
        assert [event(running)["event"] for _ in range(2)] == ["behind", "history-lost"]
        state = event(running)
        assert state["event"] == "state" and state["values"] == {"l": {"type": "u", "data": 1}}
        assert state["position"] == EPOCH + ":30"


def test_a_restart_in_the_same_place_is_seen(ctl, pretender, pretender_stack):
    """Another one has the name at once, and numbers its watches alike."""
    with begin(ctl, pretender) as running:
        other = Pretender(pretender_stack)  # waits in line
        other.answers = [(7, {}, [], 10)]
        pretender.close()
        assert [event(running)["event"] for _ in range(3)] == ["away", "back", "watching"]
        assert other.options_of_watch(0) == {"since": 10, "epoch": EPOCH}
        other.changed(7, 10, 11, k=2)
        assert event(running)["revision"] == 11
        other.close()


def test_an_end(ctl, pretender):
    with begin(ctl, pretender) as running:
        pretender.signal("WatchEnded", "(tss)", 7, NS, "org.freedesktop.DBus.Error.AccessDenied")
        assert json.loads(running.finish(DENIED))["error"]["status"] == "denied"
    with begin(ctl, pretender) as running:
        pretender.signal("WatchEnded", "(tss)", 7, NS, "com.example.\u202eStrange")
        assert "\u202e" not in running.finish(OTHER)


def test_others_are_not_believed(ctl, pretender, pretender_stack):
    stranger = pretender_stack.client()
    with begin(ctl, pretender) as running:
        arguments = ("Changed", "(tstta{sv}asas)", 7, NS, 10, 11, values(k=666), [], [])
        send_signal(stranger.connection, pretender.watcher, *arguments)
        send_signal(stranger.connection, pretender.watcher, "WatchEnded", "(tss)", 7, NS, NO_SUCH_NAMESPACE)
        stranger.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId", destination="org.freedesktop.DBus")
        pretender.changed(7, 10, 11, k=2)
        assert event(running)["changed"]["k"]["data"] == 2


def test_signals_of_other_shapes(ctl, pretender):
    with begin(ctl, pretender) as running:
        pretender.signal("Changed", "(s)", "what")
        pretender.signal("Changed", "(tsttasasas)", 7, NS, 10, 11, [], [], [])
        pretender.signal("Unheard", "(t)", 7)
        pretender.changed(7, 10, 11, k=2)
        assert event(running)["changed"]["k"]["data"] == 2


def test_a_burst_is_acknowledged(ctl, pretender):
    with begin(ctl, pretender) as running:
        for number in range(1000):
            pretender.changed(7, 10 + number, 11 + number, k=number)
        for number in range(1000):
            assert event(running)["revision"] == 11 + number
        pretender.wait_for(("Acknowledge", (7, 1010)))
    acknowledged = [arguments[1] for member, arguments in pretender.calls if member == "Acknowledge"]
    assert acknowledged == sorted(set(acknowledged)) and len(acknowledged) >= 1000 // 64
