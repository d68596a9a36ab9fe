# SPDX-License-Identifier: LGPL-2.1-or-later
"""Participants: who is asked about what, in which order, and what becomes of a change by their answers."""

import pytest
from gi.repository import GLib
from joining import join  # pylint: disable=unused-import
from regent_testing import names
from regent_testing.api import blob, change
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import Error
from regent_testing.participant import OPTIONAL, PATH
from regent_testing.waiting import retry_until

DRY_RUN = 1
MIB = 1 << 20


def revision_of(pending):
    return pending.result().get_child_value(0).get_uint64()


def test_all_agree_and_hear_of_the_commit(root, ns, join):
    ns.apply({"a": "old", "b": "gone", "other": 1})
    one = join()
    found, revision = one.register(ns)
    assert found == {"a": "old", "b": "gone", "other": 1}
    assert revision == root.revision()

    pending = ns.start_apply({"a": "new", "c": "made", "other": 1}, ["b"])
    asked = one.expect("Prepare")
    assert (asked.name, asked.set, asked.unset) == (ns.name, {"a": "new", "c": "made"}, ["b"])
    assert asked.current == {"a": "old", "b": "gone"}
    assert ns.get("a").unpack() == "old" and not pending.is_done()
    asked.agree()
    assert revision_of(pending) == root.revision()
    told = one.expect("Commit")
    assert (told.transaction, told.revision) == (asked.transaction, root.revision())
    assert told.is_answer_wanted
    assert ns.get("a").unpack() == "new"


def test_a_veto_changes_nothing(root, ns, join):
    one, two = join(), join()
    one.register(ns)
    two.register(ns)
    with nothing_changed(root, ns):
        pending = ns.start_set("a", 1)
        first, second = one.expect("Prepare"), two.expect("Prepare")
        first.veto("not today")
        with refused(Error.Vetoed, "not today", one.name, "uid 0", "'a'", ns.name):
            pending.result()
        assert two.expect("Abort").transaction == second.transaction
        one.expect_nothing()


def test_only_what_is_below_the_prefix_is_asked_about(root, ns, join):
    one = join()
    ns.apply({"in/a": 1, "out": 1})
    assert one.register(ns, "in/")[0] == {"in/a": 1}
    ns.set("out", 2)
    ns.set("in/a", 1)  # is so already
    one.expect_nothing()
    pending = ns.start_apply({"in/a": 2, "out": 3})
    asked = one.expect("Prepare")
    assert (asked.set, asked.unset, asked.current) == ({"in/a": 2}, [], {"in/a": 1})
    asked.agree()
    pending.result()


def test_a_refused_write_is_asked_of_nobody(root, ns, join):
    one = join()
    ns.set("a", 1)
    one.register(ns)
    with refused(Error.Conflict):
        ns.apply({"a": 2}, expect={"a": 1})
    with refused(Error.NoSuchKey):
        ns.delete("b")
    one.expect_nothing()


def test_reads_and_other_namespaces_go_on_and_later_writes_keep_their_order(root, ns, name, join):
    other = root.create(name + ".Other")
    one = join()
    one.register(ns, "a")
    first = ns.start_set("a", 1)
    asked = one.expect("Prepare")
    later = [ns.start_set("z", n) for n in range(20)]
    for n in range(20):
        other.set("k", n)
    assert not any(pending.is_done() for pending in [first] + later)
    with refused(Error.NoSuchKey):
        ns.get("a")
    asked.agree()
    revisions = [revision_of(pending) for pending in [first] + later]
    assert revisions == sorted(set(revisions))
    assert ns.get("z").unpack() == 19


def test_the_next_one_is_asked_about_what_has_become_of_the_one_before(root, ns, join):
    one = join()
    one.register(ns)
    first, second = ns.start_set("a", 1), ns.start_set("a", 2)
    asked = one.expect("Prepare")
    assert (asked.set, asked.current) == ({"a": 1}, {})
    asked.agree()
    told = one.expect("Commit")
    told.agree()
    asked = one.expect("Prepare")
    assert (asked.set, asked.current) == ({"a": 2}, {"a": 1})
    asked.agree()
    assert revision_of(first) == told.revision < revision_of(second)


def test_an_expectation_holds_to_the_end(root, ns, join, alice):
    one = join()
    at = ns.set("a", 1)
    one.register(ns, "b")
    first = ns.start_apply({"b": 1}, expect={"a": at})
    asked = one.expect("Prepare")
    second = ns.start_set("a", 2)
    asked.agree()
    assert revision_of(first) < revision_of(second)


def test_a_commit_over_namespaces_asks_all_of_them_and_happens_in_all_or_none(root, ns, name, join):
    other, third = root.create(name + ".Other"), root.create(name + ".Third")
    one, two = join(), join()
    one.register(ns)
    two.register(other)
    everywhere = {each.name: change({"k": 1}) for each in (ns, other, third)}

    def start():
        return root.start(
            names.ROOT_PATH, names.MANAGER, "Apply", "(a{sv}ta{sv})", (everywhere, 0, {})
        )

    with nothing_changed(root, ns, other, third):
        pending = start()
        asked = [one.expect("Prepare"), two.expect("Prepare")]
        assert [each.name for each in asked] == [ns.name, other.name]
        assert asked[0].transaction == asked[1].transaction
        asked[0].agree()
        asked[1].veto()
        with refused(Error.Vetoed, two.name, other.name):
            pending.result()
        one.expect("Abort")

    pending = start()
    blocked = third.start_set("z", 1)
    asked = [one.expect("Prepare"), two.expect("Prepare")]
    assert not blocked.is_done()
    for each in asked:
        each.agree()
    revision = revision_of(pending)
    assert [one.expect("Commit").revision, two.expect("Commit").revision] == [revision, revision]
    assert [each.get("k").unpack() for each in (ns, other, third)] == [1, 1, 1]
    assert revision_of(blocked) > revision


def test_sixteen_at_once_and_no_more(root, ns, join):
    many = [join() for _ in range(16)]
    for each in many:
        each.register(ns)
    with refused(Error.LimitsExceeded, "16"):
        join().register(ns)
    assert ns.property("Participants") == 16
    for _ in range(3):
        pending = ns.start_set("a", str(root.revision()))
        asked = [each.expect("Prepare") for each in many]
        assert len({each.transaction for each in asked}) == 1
        for each in asked:
            each.agree()
        revision = revision_of(pending)
        for each in many:
            told = each.expect("Commit")
            assert told.revision == revision
            told.agree()


def test_a_dry_run_asks_all_and_reports_every_veto(root, ns, join):
    many = [join() for _ in range(4)]
    for each in many:
        each.register(ns)
    with nothing_changed(root, ns):
        pending = ns.start_apply({"a": 1}, flags=DRY_RUN)
        asked = [each.expect("Prepare") for each in many]
        asked[0].veto("first")
        asked[1].agree()
        asked[2].veto("second")
        assert not pending.is_done()
        asked[3].agree()
        result = pending.result().unpack()[1]
    assert list(result["vetoes"].values()) == [
        {"participant": each.name, "path": PATH, "uid": 0, "ns_name": ns.name, "key": "a", "reason": reason}
        for each, reason in ((many[0], "first"), (many[2], "second"))
    ]
    assert [each.expect("Abort").transaction for each in (many[1], many[3])] == [asked[1].transaction] * 2
    many[0].expect_nothing()

    pending = ns.start_apply({"a": 1}, flags=DRY_RUN)
    for each in many:
        each.next().agree()
    assert "vetoes" not in pending.result().unpack()[1]


def test_a_dry_run_reports_each_objection_of_a_connection(root, ns, name, join):
    """One object in two namespaces, and two in one."""
    other = root.create(name + ".Other")
    one = join()
    registered = {(ns.name, PATH), (ns.name, PATH + "/2"), (other.name, PATH)}
    for space, path in ((ns, PATH), (ns, PATH + "/2"), (other, PATH)):
        one.register(space, path=path)

    changes = {ns.name: change({"a": 1}), other.name: change({"b": 1})}
    pending = root.start(names.ROOT_PATH, names.MANAGER, "Apply", "(a{sv}ta{sv})", (changes, DRY_RUN, {}))
    for _ in registered:
        asked = one.expect("Prepare")
        asked.veto(f"{asked.name} {asked.path}")

    vetoes = pending.result().unpack()[1]["vetoes"].values()
    assert {(veto["ns_name"], veto["path"]) for veto in vetoes} == registered
    assert all(veto["reason"] == f"{veto['ns_name']} {veto['path']}" for veto in vetoes)
    assert {veto["participant"] for veto in vetoes} == {one.name}


@pytest.mark.parametrize(
    "text, shown",
    [
        ("x\x1b[31m\r\ny\x07\u202ez\u2028", "x?[31m??y??z?"),
        ("€" * (MIB // 3), "€" * 100),
        ("", "org.example.Error.Unwilling"),
    ],
    ids=["control", "huge", "empty"],
)
def test_a_reason_is_hostile_text(root, ns, join, text, shown):
    one = join()
    one.register(ns)
    pending = ns.start_set("a", 1)
    one.expect("Prepare").veto(text)
    with refused(Error.Vetoed, shown) as refusal:
        pending.result()
    assert refusal.text.isprintable()
    assert len(refusal.text.encode()) < 1024
    ns.property("Participants")


def test_writes_from_within_prepare_are_busy(root, ns, name, join):
    other = root.create(name + ".Other")
    one = join()
    one.register(ns)
    pending = ns.start_set("a", 1)
    asked = one.expect("Prepare")
    for space in (ns, other):
        with refused(Error.Busy, "asked"):
            one.set(space, "b", "1")
    with refused(Error.Busy, "asked"):
        one.raw.call(names.ROOT_PATH, names.MANAGER, "CreateNamespace", "sa{sv}", (name + ".Made", {}))
    with refused(Error.Busy, "asked"):
        one.raw.call(other.path, names.NAMESPACE, "SetAccess", "a{sv}", ({"mode": ("u", 0o600)},))
    asked.agree()
    pending.result()
    assert one.set(other, "b", "1")


def test_what_a_participant_had_waiting_is_busy_when_it_is_asked(root, ns, join):
    one, two = join(), join()
    one.register(ns, "a")
    two.register(ns, "b")
    first = ns.start_set("a", 1)
    asked = one.expect("Prepare")
    waiting = two.start_set(ns, "z", "1")
    two.raw.call(names.ROOT_PATH, names.PEER, "Ping")
    second = ns.start_set("b", 1)
    asked.agree()
    first.result()
    two.raw.reply(waiting)  # had its turn before it was asked
    two.expect("Prepare").agree()
    second.result()


def wait_for_either(*participants):
    """The participant that is called first, and the call."""

    def look():
        for each in participants:
            asked = each.look()
            if asked:
                return each, asked
        return None

    return retry_until(look, 20, "one of them to be asked")


def test_two_whose_participants_write_each_others(root, ns, name, join):
    """Each waits for its write before it answers, as a program with synchronous calls does."""
    other = root.create(name + ".Other")
    one, two = join(), join()
    one.register(ns)
    two.register(other)
    of_one = one.start_set(other, "k", "1")
    asked_two = two.expect("Prepare")
    of_two = two.start_set(ns, "k", "1")
    with refused(Error.Busy):
        two.raw.reply(of_two)
    asked_two.agree()
    one.raw.reply(of_one)
    two.expect("Commit").agree()
    one.expect_nothing()


def test_two_that_write_each_others_at_once(root, ns, name, join):
    """Whatever comes first, one of them is told Busy, and what the other one wants goes on."""
    other = root.create(name + ".Other")
    one, two = join(), join()
    one.register(ns)
    two.register(other)
    for n in range(20):
        serials = {one: one.start_set(other, "k", str(n)), two: two.start_set(ns, "k", str(n))}
        asked = wait_for_either(one, two)
        loser, winner = (one, two) if asked[0] is one else (two, one)
        with refused(Error.Busy):
            loser.raw.reply(serials[loser])
        asked[1].agree()
        winner.raw.reply(serials[winner])
        loser.expect("Commit").agree()
        winner.expect_nothing()


def test_a_participant_hears_of_what_it_was_not_asked_about(root, ns, join):
    ns.set("a", 1)
    one = join()
    one.register(ns, "a")
    pending = ns.start_apply({"a": 2}, confirm_timeout_usec=60 * 1000000)
    one.expect("Prepare").agree()
    revision, result = pending.result().unpack()
    assert one.expect("Commit").revision == revision
    root.cancel(result["token"])
    told = one.expect("Commit")
    assert told.revision == root.revision()
    assert ns.get("a").unpack() == 1
    root.remove(ns.name, 1)
    assert one.expect("Commit").revision == root.revision()
    assert root.statistics()["participants"].unpack() == 0


def test_a_lazy_change_is_asked_about_too(root, ns, join):
    one = join()
    one.register(ns)
    pending = ns.start_apply({"a": 1}, durability="lazy")
    one.expect("Prepare").agree()
    revision = pending.result().unpack()[0]
    assert one.expect("Commit").revision == revision


def test_no_values_is_a_boolean_that_is_obeyed(root, ns, join):
    ns.set("a", 1)
    assert join().register(ns, no_values=True)[0] == {}
    assert join().register(ns, no_values=False)[0] == {"a": 1}
    with refused(Error.InvalidArgs, "no-values"):
        root.call(
            ns.path, names.NAMESPACE, "RegisterParticipant", "(sota{sv})",
            ("", PATH, 0, {"no-values": GLib.Variant("s", "no")}),
        )  # fmt: skip


def test_large_values_reach_participants(root, ns, join):
    one = join()
    ns.set("a", blob(bytes(MIB - 100)))
    one.register(ns)
    pending = ns.start_set("a", blob(b"x" * (MIB - 100)))
    asked = one.expect("Prepare")
    assert len(asked.set["a"]) == len(asked.current["a"]) == MIB - 100
    asked.agree()
    pending.result()


def test_present_values_that_are_too_many_to_show(root, ns, join):
    for n in range(9):
        ns.set(f"k{n}", blob(bytes(MIB - 100)))
    one = join()
    with refused(Error.LimitsExceeded, "no-values"):
        one.register(ns)
    assert one.register(ns, no_values=True)[0] == {}
    with refused(Error.TooBig, "participants"):
        ns.apply(unset=[f"k{n}" for n in range(9)])
    pending = ns.start_apply(unset=["k0", "k1"])
    one.expect("Prepare").agree()
    pending.result()


def test_registration_is_bounded_and_checked(root, ns, name, join):
    one = join()
    for prefix, path, flags, options, error, text in (
        ("a b", PATH, 0, {}, Error.InvalidName, "a b"),
        ("", "/" + "x" * 255, 0, {}, Error.InvalidArgs, "255"),
        ("", PATH, 2, {}, Error.InvalidArgs, "2"),
        ("", PATH, 0, {"timeout_usec": 0}, Error.InvalidArgs, "timeout-usec"),
        ("", PATH, 0, {"timeout_usec": 10000001}, Error.InvalidArgs, "timeout-usec"),
        ("", PATH, 0, {"color": "red"}, Error.InvalidArgs, "color"),
    ):
        with refused(error, text):
            one.register(ns, prefix, path, flags, **options)
    with refused(Error.NoSuchNamespace):
        one.register(root.ns(name + ".Absent"))
    with refused(Error.InvalidArgs, PATH):
        one.unregister(ns)
    one.register(ns)
    with refused(Error.InvalidArgs, "already"):
        one.register(ns)
    one.register(ns, path=PATH + "2", flags=OPTIONAL)
    one.unregister(ns)
    assert ns.property("Participants") == 1
    one.close()
    retry_until(lambda: ns.property("Participants") == 0, 20, "the participant to be gone")
