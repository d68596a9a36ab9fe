# SPDX-License-Identifier: LGPL-2.1-or-later
"""Participants of libregent: what they are asked, what becomes of it, and restarts."""

import pytest

from lib_client import LOOPS
from lib_follower import LibFollower
from regent_testing import environment
from regent_testing.api import RegentError
from regent_testing.names import PARTICIPANT

ERROR = "org.regentd.State1.Error."
NAME, OTHER = "org.example.Asked", "org.example.Other"


@pytest.fixture
def own(stack):
    made = stack()
    made.ns = made.root.create(NAME)
    made.other = made.root.create(OTHER)
    return made


@pytest.fixture(params=["channel", "bus-only"])
def follower(own, request):
    flags = ["bus-only"] if request.param == "bus-only" else []
    with LibFollower(own.bus, "poll", *flags) as made:
        yield made


def begin(follower, name="p", target=NAME, **how):
    assert follower.participate(name, target, **how) == (0, "-")
    registered = follower.event(name)
    assert registered.kind == "registered"
    return registered


@pytest.mark.parametrize("loop", LOOPS)
def test_agrees_and_hears_that_it_was_made(own, loop):
    own.ns.apply({"a": 1, "b": 1})
    with LibFollower(own.bus, loop) as follower:
        registered = begin(follower)
        assert (registered.ns_name, registered.values) == (NAME, {"a": 1, "b": 1})
        call = own.ns.start_apply({"a": 2, "c": 3}, ["b"])
        asked = follower.event("p")
        assert (asked.kind, asked.values, asked.removed, asked.current) == (
            "prepare", {"a": 2, "c": 3}, ["b"], {"a": 1, "b": 1})  # fmt: skip
        assert asked.timeout_usec == 5000000
        assert follower.do("agree", "p", asked.transaction) == (0, "-")
        revision = call.result()[0]
        made = follower.event("p")
        assert (made.kind, made.transaction, made.revision) == ("commit", asked.transaction, revision)
        assert follower.do("agree", "p", asked.transaction)[0] == -2


def test_objects_with_a_text_that_reaches_the_writer(own, follower):
    begin(follower)
    call = own.ns.start_set("a", 1)
    asked = follower.event("p", "prepare")
    assert follower.do("object", "p", asked.transaction, "not on a Sunday, \u00fc" + "x" * 2000) == (0, "-")
    with pytest.raises(RegentError, match="not on a Sunday, \u00fc") as raised:
        call.result()
    assert raised.value.name == ERROR + "Vetoed"
    assert follower.do("object", "p", asked.transaction, "again")[0] == -2
    assert own.ns.keys() == []
    # It is asked again as before.
    call = own.ns.start_set("a", 1)
    follower.do("agree", "p", follower.event("p", "prepare").transaction)
    call.result()


def test_several_of_one_connection(own, follower):
    begin(follower, "one", prefix="a.", flags="y")
    begin(follower, "two", prefix="b.", flags="y")
    begin(follower, "three", target=OTHER, flags="n")
    own.ns.apply({"a.1": 1, "b.1": 1, "c": 1})
    assert follower.event("one", "prepare").values == {"a.1": 1}
    assert follower.event("two", "prepare").values == {"b.1": 1}
    follower.event("one", "commit")
    follower.event("two", "commit")
    with pytest.raises(RegentError, match="no"):
        own.other.set("x", 1)
    follower.do("leave", "two")
    follower.do("get", NAME, "a")  # regentd has heard it
    own.ns.set("b.1", 2)
    follower.nothing("one")


def test_another_objects_and_the_change_is_off(own, follower):
    begin(follower, "agrees", flags="y")
    begin(follower, "objects")
    call = own.ns.start_set("a", 1)
    transaction = follower.event("agrees", "prepare").transaction
    follower.do("object", "objects", follower.event("objects", "prepare").transaction, "no")
    with pytest.raises(RegentError):
        call.result()
    aborted = follower.event("agrees", "abort")
    assert aborted.transaction == transaction
    # It is still registered, and was so all the time.
    call = own.ns.start_set("a", 1)
    assert follower.event("agrees").kind == "prepare"
    follower.do("agree", "objects", follower.event("objects", "prepare").transaction)
    call.result()


def test_one_that_is_late_is_off_and_registers_again(own, follower):
    begin(follower, timeout=200000)
    call = own.ns.start_set("a", 1)
    asked = follower.event("p", "prepare")
    with pytest.raises(RegentError) as raised:
        call.result()
    assert raised.value.name == ERROR + "Timeout"
    assert follower.event("p").kind == "abort"
    assert follower.do("agree", "p", asked.transaction)[0] == -2
    assert follower.event("p").kind == "away"
    registered = follower.event("p")
    assert (registered.kind, registered.values) == ("registered", {})
    call = own.ns.start_set("a", 1)
    follower.do("agree", "p", follower.event("p", "prepare").transaction)
    call.result()


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_registers_again_over_restarts_and_has_what_there_is(own, follower, how):
    begin(follower, "p", flags="y")
    begin(follower, "waits", target=OTHER)
    own.ns.set("a", 1)
    follower.event("p", "commit")
    for n in range(3):
        call = own.other.start_set("b", n)
        follower.event("waits", "prepare")
        getattr(own.regentd, how)()
        with pytest.raises(RegentError):
            call.result()
        follower.event("waits", "away")
        follower.event("p", "away")
        own.regentd.start()
        registered = follower.event("p")
        assert (registered.kind, registered.values) == ("registered", {"a": n + 1})
        assert follower.event("waits", "registered").values == {}
        own.ns.set("a", n + 2)
        assert follower.event("p", "prepare").values == {"a": n + 2}
        follower.event("p", "commit")


def test_a_change_that_it_was_not_asked_about_has_no_transaction(own, follower):
    own.ns.set("a", 1)
    own.root.mark_good()
    begin(follower, flags="y")
    own.ns.set("a", 2)
    follower.event("p", "commit")
    own.root.restore()
    assert follower.event("p").transaction == "-"
    assert own.ns.get("a").unpack() == 1
    own.ns.set("a", 3)
    assert follower.event("p", "prepare").current == {"a": 1}


def test_a_namespace_that_is_removed_and_made_again(own, follower):
    begin(follower)
    own.root.remove(NAME, 1)
    follower.event("p", "away")
    refused = follower.event("p")
    assert (refused.kind, refused.result, refused.error) == ("refused", -2, ERROR + "NoSuchNamespace")
    own.root.create(NAME).set("a", 1)
    assert follower.event("p").kind in ("registered",)


def test_one_that_may_not_take_part_is_told_and_goes_on_trying(own):
    if environment.without_sandbox():
        pytest.skip(environment.without_sandbox())
    own.ns.set_access(mode=0o644)
    with LibFollower(own.bus, "poll", user="bob") as follower:
        follower.participate("p", NAME)
        refused = follower.event("p")
        assert (refused.kind, refused.result) == ("refused", -13)
        own.ns.set_access(mode=0o664, owner=environment.ids_of("bob")[0])
        assert follower.event("p").kind == "registered"


def test_more_values_than_a_reply_may_hold(own, follower):
    for n in range(22):
        own.ns.apply({f"k{n}.{m}": "x" * 200000 for m in range(4)})
    registered = begin(follower, flags="y")
    assert len(registered.values) == 88
    own.ns.set("k", 1)
    assert follower.event("p").kind == "prepare"


def test_one_that_leaves_while_it_is_asked(own, follower):
    begin(follower, "must")
    begin(follower, "may", flags="o")
    call = own.ns.start_set("a", 1)
    follower.event("may", "prepare")
    asked = follower.event("must", "prepare")
    follower.do("leave", "may")
    follower.do("agree", "must", asked.transaction)
    call.result()
    call = own.ns.start_set("a", 2)
    follower.event("must", "prepare")
    follower.do("leave", "must")
    with pytest.raises(RegentError) as raised:
        call.result()
    assert raised.value.name == ERROR + "Vetoed"
    own.ns.set("a", 3)


def test_freed_in_its_own_callback(own, follower):
    begin(follower, "p", flags="f")
    follower.do("get", NAME, "a")  # regentd has heard it
    own.ns.set("a", 1)
    begin(follower, "again", flags="y")
    own.ns.set("a", 2)
    follower.event("again", "commit")


def test_writes_of_its_own_are_refused_while_it_is_asked(own, follower):
    """Nothing else of it is: reads go on."""
    begin(follower)
    call = own.ns.start_set("a", 1)
    asked = follower.event("p", "prepare")
    own.other.set("key", 1)
    assert follower.do("get", OTHER, "key") == (0, "-")
    follower.do("agree", "p", asked.transaction)
    call.result()


def test_what_is_given_wrongly_is_refused_at_once(own, follower):
    assert follower.participate("a", "no-name") == (-22, ERROR + "InvalidName")
    assert follower.participate("b", NAME, timeout=10000001)[0] == -22
    assert follower.participate("c", NAME, timeout=0)[0] == -22


def test_nobody_else_can_ask(own):
    with LibFollower(own.bus, "poll", "bus-only") as follower:
        begin(follower)
        stranger = own.client()
        bus = "org.freedesktop.DBus"
        listed = stranger.connection.call_sync(bus, "/", bus, "ListNames", None, None, 0, -1, None).unpack()[0]
        for name in listed:
            if name.startswith(":") and name != stranger.unique_name:
                stranger.start("/org/regentd/Participant/1", PARTICIPANT, "Commit", "(st)", ("x", 5), destination=name)
        own.root.ping()
        follower.nothing("p")
