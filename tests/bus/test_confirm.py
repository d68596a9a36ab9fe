# SPDX-License-Identifier: LGPL-2.1-or-later
"""Confirmed changes: they take effect at once, and are undone by themselves unless somebody confirms them in time."""

import os
import time

import pytest
from confirming import (
    AFTER,
    BEFORE,
    HOUR,
    SECOND,
    SOON,
    UNKNOWN,
    check_undone,
    fresh,
    pend,
    pend_everything,
    values,
    wait_undone,
)
from gi.repository import GLib
from regent_testing.api import change
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import Error

ALICE, BOB = 4001, 4002
DECLARED = "[Namespace]\nMode=0644\n\n[Key a]\nType=x\nMaximum=2\n"

STACK = {"polkit": True}


def test_change_takes_effect_and_tells_token_and_deadline(root, ns):
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
    revision, result = ns.apply({"a": 1}, confirm_timeout_usec=HOUR)
    after = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
    assert values(ns) == {"a": 1}
    assert set(result) == {"changed", "removed", "token", "deadline-usec"}
    assert len(result["token"]) == 32 and int(result["token"], 16)
    assert before + HOUR <= result["deadline-usec"] <= after + HOUR
    about = root.pending_changes()[revision]
    assert HOUR - 60 * SECOND < about.pop("remaining-usec") <= HOUR
    assert about == {"namespaces": [ns.name], "uid": os.geteuid(), "deadline-usec": result["deadline-usec"]}
    root.cancel(result["token"])


def test_tokens_differ(root, ns):
    tokens = {pend(ns, {f"key{n}": n})[1] for n in range(16)}
    assert len(tokens) == 16
    for token in tokens:
        root.confirm(token)
    assert len(ns.keys()) == 16 and root.pending_changes() == {}


def test_confirmed_change_stays(fresh):
    made, ns = fresh
    revision, token = pend_everything(ns)
    log = ns.watch_values()
    assert made.root.confirm(token) == revision + 1 == made.root.revision()
    made.root.settle()
    assert not log.items  # nothing that anybody reads has changed
    assert values(ns) == AFTER
    assert made.root.pending_changes() == {}
    with refused(Error.NotConfirmed, UNKNOWN):
        made.root.confirm(token)
    with refused(Error.NotConfirmed, UNKNOWN):
        made.root.cancel(token)
    assert ns.set("a", 3) == revision + 2


def test_cancelled_change_is_undone_as_one_commit(fresh):
    made, ns = fresh
    revision, token = pend_everything(ns)
    log = ns.watch_values()
    assert made.root.cancel(token) == revision + 1 == made.root.revision()
    check_undone(ns)
    assert {ns.describe(key)["revision"].unpack() for key in BEFORE} == {revision + 1}
    (signal,) = log.wait_count(1)
    assert {key: v.unpack() for key, v in signal.changed.items()} == BEFORE
    assert sorted(signal.invalidated) == ["moved", "new"]
    with refused(Error.NotConfirmed, UNKNOWN):
        made.root.confirm(token)


def test_change_that_nobody_confirms_is_undone(fresh):
    made, ns = fresh
    log = ns.watch_values()
    revision, token = pend_everything(ns, SOON)
    log.wait_count(2)
    check_undone(ns)
    assert made.root.revision() == revision + 1
    with refused(Error.NotConfirmed, UNKNOWN):
        made.root.confirm(token)
    assert f"Revision {revision} was undone at revision {revision + 1}: not confirmed in time" in made.regentd.log()
    assert token not in made.regentd.log()


def test_many_are_undone_in_their_time(fresh):
    made, ns = fresh
    revisions = [pend(ns, {f"key{n}": n}, timeout=SOON * (1 + n % 3))[0] for n in range(12)]
    late, _ = pend(ns, {"late": 1})
    for revision in revisions:
        wait_undone(made.root, revision)
    assert values(ns) == {**BEFORE, "late": 1}
    assert list(made.root.pending_changes()) == [late]


def test_touched_keys_are_busy_and_others_are_not(root, ns):
    ns.apply({"a": 1, "b": 1, "c": 1})
    revision, token = pend(ns, {"a": 2, "absent": 1}, ["b"])
    with nothing_changed(root, ns):
        for busy in (
            lambda: ns.set("a", 3),
            lambda: ns.set("a", 2),  # for it would go with the change
            lambda: ns.delete("a"),
            lambda: ns.set("b", 1),
            lambda: ns.apply({"c": 5}, ["b"]),
            lambda: ns.apply({"absent": 2}, flags=1),
            lambda: ns.value_set("a", 3),
            lambda: pend(ns, {"a": 4}),
            lambda: root.apply_all({ns.name: change({"a": 4})}),
        ):
            with refused(Error.Busy, ns.name, f"revision {revision}"):
                busy()
    ns.set("c", 2)
    other = root.create(ns.name + "b")
    other.set("a", 1)
    root.confirm(token)
    ns.set("a", 3)
    ns.set("b", 1)


def test_conflict_comes_before_busy(ns, root):
    _, token = pend(ns, {"a": 2})
    with refused(Error.Conflict):
        ns.apply({"a": 3}, expect={"a": 0})
    root.cancel(token)


def test_several_wait_at_once_and_end_each_for_itself(root, ns):
    ns.apply({key: 0 for key in "abc"})
    pending = {key: pend(ns, {key: 1}) for key in "abc"}
    assert sorted(root.pending_changes()) == sorted(revision for revision, _ in pending.values())
    root.cancel(pending["b"][1])
    root.confirm(pending["a"][1])
    assert values(ns) == {"a": 1, "b": 0, "c": 1}
    root.cancel(pending["c"][1])
    assert values(ns) == {"a": 1, "b": 0, "c": 0}


def test_over_several_namespaces(root, ns):
    other = root.create(ns.name + "b")
    ns.set("a", 1)
    revision, result = root.apply_all(
        {ns.name: change({"a": 2}), other.name: change({"b": 2})}, confirm_timeout_usec=HOUR
    )
    assert root.pending_changes()[revision]["namespaces"] == [ns.name, other.name]
    with refused(Error.Busy):
        other.set("b", 3)
    root.cancel(result["token"])
    assert (values(ns), values(other)) == ({"a": 1}, {})


def test_option_is_of_the_commit(root, ns):
    inner = GLib.Variant("a{sv}", {"set": GLib.Variant("a{sv}", {}), "confirm-timeout-usec": GLib.Variant("t", 1)})
    with refused(Error.InvalidArgs, "confirm-timeout-usec"):
        root.apply_all({ns.name: inner})


@pytest.mark.parametrize("timeout", [0, HOUR + 1, 2**64 - 1])
def test_timeout_is_bounded(root, ns, timeout):
    with nothing_changed(root, ns), refused(Error.InvalidArgs, "confirm-timeout-usec", HOUR):
        pend(ns, {"a": 1}, timeout=timeout)


def test_timeout_of_another_type(root, ns):
    with nothing_changed(root, ns), refused(Error.InvalidArgs, "type"):
        ns.apply({"a": 1}, confirm_timeout_usec=GLib.Variant("u", 5))


def test_dry_run_gives_no_token(root, ns):
    ns.set("a", 1)
    with nothing_changed(root, ns):
        _, result = ns.apply({"a": 2}, flags=1, confirm_timeout_usec=HOUR)
    assert result == {"changed": 1, "removed": 0, "changed-keys": ["a"], "removed-keys": []}
    assert root.pending_changes() == {}


def test_nothing_to_change_needs_no_confirmation(root, ns):
    revision = ns.set("a", 1)
    assert ns.apply({"a": 1}, ["b"], confirm_timeout_usec=HOUR) == (revision, {"changed": 0, "removed": 0})
    _, token = pend(ns, {"a": 1, "b": 1})
    ns.set("a", 2)  # it is no part of the change
    root.cancel(token)
    assert values(ns) == {"a": 2}


@pytest.mark.parametrize(
    "token", ["", "0", "1", "x", "0" * 32, "f" * 32, "é" * 16, "0" * 33, "18446744073709551616", "-1", "9" * 32, "a" * (1 << 20)],
    ids=range(12),
)  # fmt: skip
def test_wrong_token(root, ns, alice, token):
    _, right = pend(ns, {"a": 1})
    for caller in (root, alice):
        for way in (caller.confirm, caller.cancel):
            with nothing_changed(root, ns), refused(Error.NotConfirmed) as refusal:
                way(token)
            assert refusal.text.startswith(UNKNOWN) and "1" not in refusal.text
    root.cancel(right)


def test_revision_confirms_nothing(root, ns):
    revision, token = pend(ns, {"a": 1})
    with refused(Error.NotConfirmed, UNKNOWN):
        root.confirm(str(revision))
    root.cancel(token)


def test_token_is_all_it_takes(root, ns, alice, bob):
    _, token = pend(ns, {"a": 1})
    alice.confirm(token)
    _, token = pend(ns, {"a": 2})
    bob.cancel(token)
    assert values(ns) == {"a": 1}


def test_owner_and_root_cancel_by_revision(root, name, alice, bob):
    space = root.create(name, owner=ALICE, group=BOB, mode=0o664)
    other = root.create(name + "b", owner=BOB)
    for canceller in (alice, root):
        revision, _ = pend(space.seen_by(alice), {"a": 1})
        with refused(Error.NotConfirmed, UNKNOWN):
            bob.cancel(str(revision))
        canceller.cancel(str(revision))
        assert values(space) == {}

    # Who owns a part only may not, and does not learn of it if there is something he may not read.
    revision, result = root.apply_all(
        {name: change({"a": 1}), other.name: change({"a": 1})}, confirm_timeout_usec=HOUR
    )
    for owner in (alice, bob):
        with refused(Error.NotConfirmed, UNKNOWN):
            owner.cancel(str(revision))
    other.set_access(mode=0o600)
    assert alice.pending_changes() == {}
    assert list(bob.pending_changes()) == list(root.pending_changes()) == [revision]
    root.cancel(result["token"])


def test_list_is_paged(root, ns):
    pending = [pend(ns, {f"key{n}": n}) for n in range(5)]
    revisions = [revision for revision, _ in pending]
    page = root.pending_changes(limit=GLib.Variant("u", 2))
    assert sorted(page) == revisions[:2]
    assert sorted(root.pending_changes(after=GLib.Variant("t", revisions[1]))) == revisions[2:]
    with refused(Error.InvalidArgs, "only"):
        root.pending_changes(only=GLib.Variant("s", "x"))
    for _, token in pending:
        root.cancel(token)


def test_list_too_long_for_a_reply(stack):
    made = stack(config="[Limits]\nReplyBytesMax=4K\nUidPendingChangesMax=100\n")
    ns = made.root.create("org.example.X")
    revisions = [pend(ns, {f"key{n}": n})[0] for n in range(30)]
    with refused(Error.LimitsExceeded, "limit", "after"):
        made.root.pending_changes()
    assert sorted(made.root.pending_changes(limit=GLib.Variant("u", 10))) == revisions[:10]


def test_good_restore_and_removal_wait(fresh):
    made, ns = fresh
    made.root.mark_good()
    _, token = pend(ns, {"a": 2})
    other = made.root.create("org.example.Y")
    with nothing_changed(made.root, ns):
        with refused(Error.Busy, "confirmation"):
            made.root.mark_good()
        with refused(Error.Busy, "confirmation"):
            made.root.restore()
        with refused(Error.Busy, "confirmation"):
            made.root.remove(ns.name, 1)
    made.root.remove(other.name)
    ns.set_access(mode=0o600)
    made.root.cancel(token)
    assert made.root.restore() == made.root.revision()
    made.root.mark_good()
    made.root.remove(ns.name, 1)


def test_writer_that_leaves_changes_nothing(service, root, ns):
    writer = service.client()
    revision, _ = pend(ns.seen_by(writer), {"a": 1})
    writer.close()
    ns.set("b", 1)
    assert list(root.pending_changes()) == [revision]
    root.cancel(str(revision))


def test_undoing_is_exempt_from_quotas(stack, sandbox):
    made = stack(config="[Limits]\nUidKeysMax=3\nUidBytesMax=100\n")
    root, alice = made.root, made.user("alice")
    full = root.create("org.example.Full", owner=ALICE)
    full.seen_by(alice).apply({"a": "x" * 30, "b": "y" * 30})
    _, token = pend(full.seen_by(alice), {"a": ""}, ["b"])
    root.create("org.example.More", owner=ALICE).seen_by(alice).apply({"c": "z" * 60, "d": ""})
    full.set_access(quota_keys=1, quota_bytes=5)
    with refused(Error.QuotaExceeded):
        full.seen_by(alice).set("e", 1)
    alice.cancel(token)
    assert values(full) == {"a": "x" * 30, "b": "y" * 30}
    full.delete("b")


def test_undoing_is_exempt_from_declarations(stack):
    made = stack()
    ns = made.root.create("org.example.X")
    ns.set("a", 7)
    _, token = pend(ns, {"a": 1})
    made.regentd.declare("org.example.X", DECLARED)
    made.root.reload()
    made.root.cancel(token)
    assert values(ns) == {"a": 7}
    ns.set("a", 1)
    with refused(Error.InvalidValue):
        ns.set("a", 7)


def test_how_many_a_uid_may_have(stack, sandbox):
    made = stack(config="[Limits]\nUidPendingChangesMax=2\nUidPendingBytesMax=4000\nPendingChangesMax=3\n")
    root, alice, bob = made.root, made.user("alice"), made.user("bob")
    of_alice = root.create("org.example.A", owner=ALICE).seen_by(alice)
    of_bob = root.create("org.example.B", owner=BOB).seen_by(bob)
    tokens = [pend(of_alice, {f"key{n}": n})[1] for n in range(2)]
    with nothing_changed(root, of_alice), refused(Error.QuotaExceeded, ALICE):
        pend(of_alice, {"more": 1})
    assert alice.statistics()["uid-pending-changes"].unpack() == 2
    assert root.statistics()["pending-changes"].unpack() == 2

    pend(of_bob, {"a": 1})
    with refused(Error.QuotaExceeded, "3 changes"):
        pend(of_bob, {"b": 1})
    pend(root.ns("org.example.A"), {"c": 1})  # nothing of that bounds uid 0
    alice.confirm(tokens[0])
    root.cancel(tokens[1])
    root.cancel(str(min(root.pending_changes())))

    of_alice.set("large", "x" * 5000)
    with refused(Error.QuotaExceeded, "4000"):
        pend(of_alice, {"large": ""})
    assert alice.statistics()["uid-pending-bytes"].unpack() == 0


def test_way_back_is_bounded(stack):
    made = stack(config="[Limits]\nCommitBytesMax=4K\n")
    ns = made.root.create("org.example.X")
    for n in range(3):
        ns.set(f"key{n}", "x" * 2000)
    with nothing_changed(made.root, ns), refused(Error.TooBig, "way back", 4096):
        pend(ns, unset=[f"key{n}" for n in range(3)])


def test_writes_sent_behind_a_confirmation_are_taken_behind_it(root, ns):
    """In one batch or not: what one connection asks for happens in its order."""
    for way in ("ConfirmChange", "CancelChange"):
        _, token = pend(ns, {"a": way})
        first = root.start("/org/regentd/State1", "org.regentd.State1.Manager", way, "(s)", (token,))
        second = ns.start_set("a", 5)
        first.result(10)
        second.result(10)
        assert values(ns) == {"a": 5}
        ns.delete("a")


def test_two_confirmations_at_once(root, ns):
    _, token = pend(ns, {"a": 1})
    calls = [
        root.start("/org/regentd/State1", "org.regentd.State1.Manager", way, "(s)", (token,))
        for way in ("ConfirmChange", "CancelChange", "ConfirmChange")
    ]
    calls[0].result(10)
    for call in calls[1:]:
        with refused(Error.NotConfirmed, UNKNOWN):
            call.result(10)
    assert values(ns) == {"a": 1}
