# SPDX-License-Identifier: LGPL-2.1-or-later
"""A polkitd that is slow, stopped, gone or restarted: it holds up whoever asked it, and nobody else."""

import time

import pytest
from polkit_rules import CACHE_SECONDS, SLOW, no_if, rule, secret, yes_if
from regent_testing.api import RegentError
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import BUS_NAME, Error
from regent_testing.waiting import retry_until

STACK = {"polkit": True}


def test_slow_polkit_delays_only_the_call_that_asked(root, polkitd, secret, alice, carol):
    polkitd.set_rules(rule(f"if (subject.user == 'carol') {{ {SLOW} return polkit.Result.YES; }}"))
    slow = secret.seen_by(carol).start_set("b", 1)
    carol.ping()
    for n in range(100):
        secret.seen_by(alice).set("a", n)
        assert secret.seen_by(alice).get("a").unpack() == n
        secret.set("c", n)
    assert not slow.is_done()
    slow.result(10)
    assert secret.get("b").unpack() == 1


def test_slow_polkit_does_not_delay_the_callers_own_other_calls(root, polkitd, secret, name, carol):
    polkitd.set_rules(rule(f"{SLOW} return polkit.Result.YES;"))
    public = root.create(name + ".Public")
    public.set("a", 1)
    slow = secret.seen_by(carol).start_set("b", 1)
    assert public.seen_by(carol).get("a").unpack() == 1
    assert not slow.is_done()
    slow.result(10)


def test_writes_of_one_connection_stay_in_order(root, polkitd, secret, carol):
    """The second is settled first, out of what regentd remembers, and still comes second."""
    polkitd.set_rules(
        rule(
            f"""if (subject.user != "carol") return polkit.Result.NO;
            if (verb == "Set") {SLOW}
            return polkit.Result.YES;"""
        )
    )
    space = secret.seen_by(carol)
    space.apply({"primed": 1})
    first = space.start_set("a", "first")
    second = space.start_apply({"a": "second"})
    third = space.start_apply({"b": "third"})
    revisions = [pending.result(15).get_child_value(0).get_uint64() for pending in (first, second, third)]
    assert revisions == sorted(set(revisions))
    assert secret.get("a").unpack() == "second"


def test_a_refused_write_does_not_hold_up_the_later_ones(root, polkitd, secret, carol):
    polkitd.set_rules(rule(f'if (verb == "Set") {{ {SLOW} return polkit.Result.NO; }} return polkit.Result.YES;'))
    space = secret.seen_by(carol)
    space.apply({"primed": 1})
    first = space.start_set("a", "first")
    second = space.start_apply({"a": "second"})
    with refused(Error.AccessDenied):
        first.result(15)
    second.result(15)
    assert secret.get("a").unpack() == "second"


def test_order_holds_between_namespaces_only_where_it_must(root, polkitd, secret, name, carol):
    """A write to another namespace does not wait for polkit's thoughts about this one."""
    own = root.create(name + ".Own", owner=4003)
    polkitd.set_rules(rule(f"{SLOW} return polkit.Result.YES;"))
    first = secret.seen_by(carol).start_set("a", "first")
    own.seen_by(carol).set("a", "x")
    assert not first.is_done()
    first.result(10)


def test_caller_that_dies_while_polkit_thinks(service, root, polkitd, secret, erin):
    polkitd.set_rules(rule(f'if (subject.user == "carol") {SLOW} return polkit.Result.YES;'))
    doomed = service.user("carol")
    with nothing_changed(root, secret):
        doomed.ns(secret.name).start_set("a", "from the grave")
        doomed.ns(secret.name).start_apply({"b": "from the grave"})
        doomed.ping()
        doomed.kill()
        # polkitd takes one question after another, so with this answer the dead caller's is over too.
        secret.seen_by(erin).get("a")
        root.ping()


def test_namespace_removed_while_polkit_thinks(root, polkitd, secret, carol):
    """The handler looks everything up afresh: it neither writes into the void nor into a namesake."""
    polkitd.set_rules(
        rule(f'if (action.lookup("owner") == "4001") {{ {SLOW} return polkit.Result.YES; }} return polkit.Result.NO;')
    )
    pending = secret.seen_by(carol).start_set("a", 2)
    carol.ping()
    root.remove(secret.name, 1)
    again = root.create(secret.name, owner=4005, mode=0o600)
    with nothing_changed(root, again):
        with refused(Error.AccessDenied):
            pending.result(15)


def test_mode_opened_while_polkit_thinks(polkitd, secret, carol):
    polkitd.set_rules(rule(f"{SLOW} return polkit.Result.NO;"))
    pending = secret.seen_by(carol).start("Get", "(s)", ("a",))
    carol.ping()
    secret.set_access(mode=0o644)
    try:
        pending.result(15)
    except RegentError as error:
        assert error.name == Error.AccessDenied
    assert secret.seen_by(carol).get("a").unpack() == 1


def test_stopped_polkitd_denies_in_time_and_holds_up_nobody(root, polkitd, secret, alice, carol):
    """It has ten seconds. Everyone whom uid and mode admit goes on meanwhile."""
    polkitd.stop()
    start = time.monotonic()
    pending = secret.seen_by(carol).start_set("b", 1)
    carol.ping()
    for n in range(100):
        secret.seen_by(alice).set("a", n)
        secret.get("a")
    assert not pending.is_done()
    with refused(Error.AccessDenied, "polkit"):
        pending.result(20)
    assert 8 < time.monotonic() - start < 15
    polkitd.cont()
    with pytest.raises(RegentError):
        secret.get("b")


def test_stopped_polkitd_uses_up_a_bounded_number_of_calls(root, polkitd, secret, alice, carol, erin):
    """Eight questions a uid are open at most, and another uid has its own eight."""
    polkitd.stop()
    pending = [secret.seen_by(carol).start("Get", "(s)", ("a",)) for _ in range(8)]
    carol.ping()
    with refused(Error.LimitsExceeded):
        secret.seen_by(carol).get("a", timeout=5)
    other = secret.seen_by(erin).start("Get", "(s)", ("a",))
    erin.ping()
    assert not other.is_done()
    secret.seen_by(alice).set("a", 2)
    polkitd.cont()
    for call in [*pending, other]:
        with refused(Error.InteractiveAuthorizationRequired):
            call.result(20)
    with refused(Error.InteractiveAuthorizationRequired):
        secret.seen_by(carol).get("a")


def test_questions_are_bounded_in_all(stack, sandbox):
    """48 by default; 10 here, so that two uids reach it."""
    made = stack(polkit=True, config="[Limits]\nPolkitChecksMax=10\n")
    space = made.root.create("org.example.X", owner=4001, mode=0o600)
    space.set("a", 1)
    alice, carol, erin = (made.user(user) for user in ("alice", "carol", "erin"))
    made.polkitd.stop()
    pending = [space.seen_by(carol).start("Get", "(s)", ("a",)) for _ in range(8)]
    carol.ping()
    pending += [space.seen_by(erin).start("Get", "(s)", ("a",)) for _ in range(2)]
    erin.ping()
    with refused(Error.LimitsExceeded):
        space.seen_by(erin).get("a", timeout=5)
    assert space.seen_by(alice).get("a").unpack() == 1
    made.polkitd.cont()
    for call in pending:
        with refused(Error.InteractiveAuthorizationRequired):
            call.result(20)


def test_slots_stay_taken_after_the_time_out_until_polkit_answers(root, polkitd, secret, alice, carol):
    polkitd.stop()
    pending = [secret.seen_by(carol).start("Get", "(s)", ("a",)) for _ in range(8)]
    for call in pending:
        with refused(Error.AccessDenied):
            call.result(20)
    with refused(Error.LimitsExceeded):
        secret.seen_by(carol).get("a", timeout=5)
    secret.seen_by(alice).set("a", 2)
    polkitd.cont()

    def is_asked_again():
        try:
            secret.seen_by(carol).get("a")
        except RegentError as error:
            return error.name == Error.InteractiveAuthorizationRequired
        return False

    retry_until(is_asked_again, 10, "the slots to be free again")


def test_polkitd_that_leaves_frees_its_questions(root, polkitd, secret, alice, carol):
    polkitd.stop()
    pending = [secret.seen_by(carol).start("Get", "(s)", ("a",)) for _ in range(8)]
    carol.ping()
    polkitd.kill()
    for call in pending:
        with refused(Error.AccessDenied):
            call.result(5)
    with refused(Error.AccessDenied):
        secret.seen_by(carol).get("a", timeout=5)
    secret.seen_by(alice).set("a", 2)


def test_no_polkitd_denies_at_once(root, polkitd, secret, alice, bob, carol):
    polkitd.kill()
    with nothing_changed(root, secret):
        start = time.monotonic()
        with refused(Error.AccessDenied):
            secret.seen_by(carol).set("a", 2)
        assert time.monotonic() - start < 5
    secret.seen_by(alice).set("a", 3)
    assert secret.seen_by(bob).get("a").unpack() == 3


def test_polkitd_that_comes_back_decides_again(polkitd, secret, carol):
    space = secret.seen_by(carol)
    polkitd.set_rules(yes_if('subject.user == "carol"'))
    space.set("a", 2)
    polkitd.kill()
    with refused(Error.AccessDenied):
        space.apply({"a": 3})

    def is_forgotten():
        """What it granted before it left may be remembered a while."""
        try:
            space.set("a", 3)
            return False
        except RegentError as error:
            return error.name == Error.AccessDenied

    retry_until(is_forgotten, CACHE_SECONDS + 3, "the grant of a polkitd that left to end")
    polkitd.start()
    space.set("a", 4)


def test_polkitd_restarted_with_other_rules(polkitd, secret, carol):
    polkitd.set_rules(yes_if('subject.user == "carol"'))
    secret.seen_by(carol).set("a", 2)
    polkitd.kill()
    polkitd.start()
    polkitd.set_rules(no_if("true"))
    with refused(Error.AccessDenied):
        secret.seen_by(carol).set("a", 3)


def test_service_restarted_while_polkit_thinks(stack, sandbox):
    made = stack(polkit=True)
    space = made.root.create("org.example.X", owner=4001, mode=0o600)
    made.polkitd.set_rules(rule(f"{SLOW} return polkit.Result.YES;"))
    carol = made.user("carol")
    pending = carol.ns(space.name).start_set("a", 1)
    carol.ping()
    made.regentd.restart()
    with pytest.raises(RegentError):
        pending.result(10)
    assert space.keys() == []
    carol.ns(space.name).set("a", 2)
    assert made.root.name_owner(BUS_NAME) == made.regentd.name
