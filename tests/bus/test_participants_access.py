# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may become a participant, and what becomes of one that may not write any more."""

import pytest
from joining import join  # pylint: disable=unused-import
from polkit_rules import SLOW, rule, secret, yes_if  # pylint: disable=unused-import
from regent_testing.checks import refused
from regent_testing.names import Error

STACK = {"polkit": True}


def test_who_reads_and_writes_may(root, polkitd, secret, join):
    alice = join("alice")
    assert alice.register(secret)[0] == {"a": 1}
    pending = secret.start_set("a", 2)
    asked = alice.expect("Prepare")
    asked.veto("alice says no")
    with refused(Error.Vetoed, "uid 4001", alice.name, "alice says no"):
        pending.result()


@pytest.mark.parametrize("user", ["bob", "carol"])
def test_others_need_polkit(root, polkitd, secret, join, user):
    """bob reads by his group, and that is not enough."""
    one = join(user)
    with refused(Error.InteractiveAuthorizationRequired):
        one.register(secret)
    polkitd.set_rules(yes_if('kind == "write" || kind == "read" || kind == "manage"'))
    with refused(Error.InteractiveAuthorizationRequired):
        one.register(secret)
    polkitd.set_rules(yes_if(f'kind == "participate" && verb == "RegisterParticipant" && ns == "{secret.name}"'))
    assert one.register(secret)[0] == {"a": 1}
    pending = secret.start_set("a", 2)
    one.expect("Prepare").agree()
    pending.result()
    one.expect("Commit").agree()


def test_an_absent_namespace_is_like_one_that_may_not_be_read(root, polkitd, secret, name, join):
    carol = join("carol")
    texts = []
    for space in (secret, root.ns(name + ".Absent")):
        with refused(Error.InteractiveAuthorizationRequired) as refusal:
            carol.register(space)
        texts.append(refusal.text.replace(space.name, "N"))
        with refused(Error.InvalidArgs) as refusal:
            carol.unregister(space)
        texts.append(refusal.text)
    assert texts[:2] == texts[2:]
    polkitd.set_rules(yes_if("true"))
    with refused(Error.NoSuchNamespace):
        carol.register(root.ns(name + ".Absent"))


def test_whose_right_is_withdrawn_is_asked_no_more(root, polkitd, secret, join):
    alice = join("alice")
    alice.register(secret)
    dropped = root.statistics()["participants-dropped"].unpack()
    secret.set_access(owner=4003)
    secret.set("a", 2)
    assert secret.property("Participants") == 0
    assert root.statistics()["participants-dropped"].unpack() == dropped + 1
    alice.expect("Abort").agree()  # of nothing that it was asked about: it is to register again
    alice.expect_nothing()


def test_writes_overtaken_by_a_slow_polkit_keep_their_order(root, polkitd, secret, join, carol):
    alice = join("alice")
    alice.register(secret)
    polkitd.set_rules(
        rule(
            f"""if (subject.user != "carol") return polkit.Result.NO;
            if (verb == "Set") {SLOW}
            return polkit.Result.YES;"""
        )
    )
    space = secret.seen_by(carol)
    first = space.start_set("a", "first")
    second = space.start_apply({"a": "second"})
    for text in ("first", "second"):
        asked = alice.expect("Prepare")
        assert asked.set == {"a": text}
        asked.agree()
        alice.expect("Commit").agree()
    assert first.result(15).get_child_value(0).get_uint64() < second.result(15).get_child_value(0).get_uint64()


def test_a_refused_writer_gets_nobody_asked(root, polkitd, secret, join, carol):
    alice = join("alice")
    alice.register(secret)
    with refused(Error.InteractiveAuthorizationRequired):
        secret.seen_by(carol).set("a", 2)
    alice.expect_nothing()


def test_access_that_changes_while_others_are_asked(root, polkitd, secret, join, bob):
    """A write waits behind a preparation, and behind it comes a change of the access that would allow it."""
    alice = join("alice")
    alice.register(secret)
    secret.set_access(mode=0o660)
    blocking = secret.start_set("a", 1.5)
    asked = alice.expect("Prepare")
    withdrawn = root.start(secret.path, "org.regentd.State1.Namespace", "SetAccess", "(a{sv})", ({"mode": _mode(0o640)},))
    waiting = secret.seen_by(bob).start_set("b", 1)
    root.ping()
    assert not waiting.is_done()
    asked.agree()
    blocking.result()
    withdrawn.result()
    with refused(Error.InteractiveAuthorizationRequired):
        waiting.result()


def _mode(mode):
    from gi.repository import GLib  # pylint: disable=import-outside-toplevel

    return GLib.Variant("u", mode)
