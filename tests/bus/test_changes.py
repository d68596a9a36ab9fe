# SPDX-License-Identifier: LGPL-2.1-or-later
"""Namespace.GetChanges: the difference to an earlier revision, over restarts too, or HistoryLost."""

import os

import pytest
from gi.repository import GLib
from regent_testing import machine
from regent_testing.api import change
from regent_testing.checks import refused
from regent_testing.names import Error

ALICE, BOB = 4001, 4002


def plain(values):
    return {key: v.unpack() for key, v in values.items()}


def changes(ns, since, **given):
    changed, removed, revision = ns.get_changes(since, **given)
    return plain(changed), removed, revision


def test_the_difference_is_net(root, ns):
    ns.apply({"kept": 1, "changed": 1, "gone": 1})
    since = root.revision()
    ns.apply({"changed": 2, "new": 1, "for-a-moment": 1})
    ns.apply({"changed": 3}, ["gone", "for-a-moment"])
    now = root.revision()
    assert changes(ns, since) == ({"changed": 3, "new": 1}, ["for-a-moment", "gone"], now)
    assert changes(ns, now - 1) == ({"changed": 3}, ["for-a-moment", "gone"], now)
    assert changes(ns, now) == ({}, [], now)


def test_what_is_set_again_is_changed_and_not_removed(root, ns):
    ns.set("a", 1)
    since = root.revision()
    ns.delete("a")
    ns.set("a", 1)
    assert changes(ns, since)[:2] == ({"a": 1}, [])


def test_only_below_a_prefix(root, ns):
    ns.apply({"net/a": 1, "net/b": 1, "disk": 1})
    since = root.revision()
    ns.apply({"net/a": 2, "disk": 2, "nets": 1}, ["net/b"])
    assert changes(ns, since, prefix="net/")[:2] == ({"net/a": 2}, ["net/b"])
    assert changes(ns, since, prefix="net/b")[:2] == ({}, ["net/b"])
    assert changes(ns, since, prefix="x")[:2] == ({}, [])
    with refused(Error.InvalidName, "begins no key"):
        ns.get_changes(since, prefix="a b")


def test_changes_elsewhere_do_not_count(root, ns, name):
    ns.set("a", 1)
    since = root.revision()
    root.create(name + "x").set("a", 2)
    assert changes(ns, since) == ({}, [], root.revision())


def test_options_and_types_are_checked(root, ns):
    since = root.revision()
    for given in ({"epoch": GLib.Variant("u", 1)}, {"prefix": GLib.Variant("u", 1)}, {"after": "a"}):
        with refused(Error.InvalidArgs):
            ns.get_changes(since, **given)


def test_what_cannot_be_known_is_lost(root, ns, name):
    made = ns.property("Revision")
    ns.set("a", 1)
    assert changes(ns, made)[0] == {"a": 1}
    with refused(Error.HistoryLost, name, str(made)):
        ns.get_changes(made - 1)
    with refused(Error.HistoryLost, "not one of this history"):
        ns.get_changes(root.revision() + 1)
    with refused(Error.HistoryLost, "epoch"):
        ns.get_changes(root.revision(), epoch="0" * 32)
    assert changes(ns, root.revision(), epoch=root.property("Epoch"))[0] == {}


def test_a_namespace_made_again_is_another_one(root, ns, name):
    ns.set("a", 1)
    since = root.revision()
    root.remove(name, 1)
    again = root.create(name)
    again.set("b", 1)
    with refused(Error.HistoryLost):
        again.get_changes(since)


def test_only_those_who_may_read(service, root, name):
    ns = root.create(name, mode=0o600, owner=ALICE)
    since = root.revision()
    ns.set("secret", 1)
    assert changes(ns.seen_by(service.user("alice")), since)[0] == {"secret": 1}
    with refused(Error.AccessDenied, name):
        ns.seen_by(service.user("bob")).get_changes(since)


def test_one_commit_over_two_namespaces(root, name):
    a, b = root.create(name + "a"), root.create(name + "b")
    a.set("x", 1)
    since = root.revision()
    root.apply_all({a.name: change({"y": 1}, ["x"]), b.name: change({"z": 1})})
    now = root.revision()
    assert (changes(a, since), changes(b, since)) == (({"y": 1}, ["x"], now), ({"z": 1}, [], now))


# over restarts


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_restart_in_the_same_boot_keeps_history(stack, end):
    made = stack(config="[Store]\nCheckpointJournalBytes=64K\n")
    ns = made.root.create("org.example.X")
    ns.apply({"a": 1, "b": 1, "c": 1})
    ns.apply({"r": 1, "s": 1}, class_="runtime")
    epoch, since = made.root.property("Epoch"), made.root.revision()
    expected = {}, []
    for n in range(3):
        ns.apply({"a": n + 10, "new": n}, ["b"] if n == 0 else [])
        ns.apply({"r": n + 10}, ["s"] if n == 1 else [], class_="runtime")
        for filler in range(20):
            ns.set("filler", f"{filler}" + "x" * 8000)
        getattr(made.regentd, end)()
        made.regentd.start()
        expected = changes(ns, since, epoch=epoch, prefix="")[:2]
        assert {key: v for key, v in expected[0].items() if key != "filler"} == {"a": n + 10, "new": n, "r": n + 10}
        assert expected[1] == ["b"] + ["s"] * (n > 0)


def test_reboot_loses_it(stack, tmp_path):
    made = stack(environ=machine.environ(machine.build(tmp_path), "6.1"))
    ns = made.root.create("org.example.X")
    ns.set("a", 1)
    since = made.root.revision()
    machine.reboot(made)
    with refused(Error.HistoryLost):
        ns.get_changes(since)
    first = made.root.revision()
    ns.delete("a")
    made.regentd.restart()
    assert changes(ns, first)[:2] == ({}, ["a"])
    with refused(Error.HistoryLost):
        ns.get_changes(first - 1)


def test_restoration_is_a_change_like_any_other(stack):
    made = stack()
    ns = made.root.create("org.example.X")
    ns.apply({"a": 1, "b": 1})
    made.root.mark_good()
    ns.apply({"a": 2, "c": 1}, ["b"])
    since = made.root.revision()
    made.root.restore()
    for _ in range(2):
        assert changes(ns, since)[:2] == ({"a": 1, "b": 1}, ["c"])
        made.regentd.kill()
        made.regentd.start()


# bounds


def test_tombstones_of_a_namespace_are_bounded(stack):
    made = stack(config="[Limits]\nNamespaceTombstonesMax=3\n")
    ns = made.root.create("org.example.X")
    ns.apply({f"k{n}": n for n in range(5)})
    before = [made.root.revision()]
    for n in range(5):
        before.append(ns.delete(f"k{n}"))
    for end in (lambda: None, made.regentd.restart, lambda: (made.regentd.kill(), made.regentd.start())):
        end()
        assert changes(ns, before[2])[:2] == ({}, ["k2", "k3", "k4"])
        with refused(Error.HistoryLost, str(before[2])):
            ns.get_changes(before[1])


def test_nobody_pushes_out_the_history_of_another_owner(stack):
    made = stack(config="[Limits]\nUidTombstoneBytesMax=2K\n")
    mine, hers = (made.root.create(f"org.example.N{uid}", owner=uid) for uid in (ALICE, BOB))
    for ns in (mine, hers):
        ns.apply({f"k{n}": n for n in range(100)})
    since = made.root.revision()
    mine.delete("k1")
    hers.apply({}, [f"k{n}" for n in range(100)])
    assert changes(mine, since)[:2] == ({}, ["k1"])
    with refused(Error.HistoryLost):
        hers.get_changes(since)
    assert changes(hers, made.root.revision())[:2] == ({}, [])


def test_too_much_for_a_reply_says_what_to_do(stack):
    made = stack(config="[Limits]\nReplyBytesMax=8K\n")
    ns = made.root.create("org.example.X")
    since = made.root.revision()
    ns.apply({f"k{n}": "x" * 100 for n in range(100)})
    with refused(Error.LimitsExceeded, "GetMany"):
        ns.get_changes(since)
    assert len(changes(ns, since, prefix="k1")[0]) == 11
    revision = made.root.revision()
    ns.apply({}, [f"k{n}" for n in range(100)])
    assert len(changes(ns, revision)[1]) == 100


# declared defaults

DECLARED = "[Namespace]\nMode=0644\n\n[Key mtu]\nType=u\nDefault=1500\n\n[Key name]\nType=s\nDefault='router'\n"


def test_deleting_uncovers_the_default(stack):
    made = stack(namespaces={"org.example.R": DECLARED})
    ns = made.root.ns("org.example.R")
    ns.set("mtu", GLib.Variant("u", 9000))
    since = made.root.revision()
    ns.delete("mtu")
    assert changes(ns, since)[:2] == ({"mtu": 1500}, [])


OTHER = DECLARED.replace("1500", "1400").replace("'router'", "'router'\n\n[Key new]\nType=i\nDefault=1")


def declare(made, text):
    made.regentd.declare("org.example.R", text)
    made.root.reload()


def test_a_reload_that_changes_defaults_changes_their_keys(stack):
    made = stack(namespaces={"org.example.R": DECLARED})
    ns = made.root.ns("org.example.R")
    first = made.root.revision()
    assert changes(ns, first)[:2] == ({}, [])
    declare(made, OTHER)
    assert changes(ns, first)[:2] == ({"mtu": 1400, "new": 1}, [])
    ns.set("mtu", GLib.Variant("u", 9000))
    second = made.root.revision()
    assert changes(ns, second)[:2] == ({}, [])
    declare(made, None)
    assert changes(ns, second)[:2] == ({}, ["name", "new"])
    assert changes(ns, first)[:2] == ({"mtu": 9000}, ["name", "new"])


def end_by(made, end):
    getattr(made.regentd, end)()
    assert os.path.exists(os.path.join(made.regentd.runtime_dir, "defaults"))


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_restart_with_the_same_declarations_keeps_history(stack, end):
    made = stack(namespaces={"org.example.R": DECLARED})
    ns, plain_one = made.root.ns("org.example.R"), made.root.create("org.example.P")
    first = made.root.revision()
    ns.set("mtu", GLib.Variant("u", 9000))
    for _ in range(2):
        end_by(made, end)
        made.regentd.start()
        assert changes(ns, first)[:2] == ({"mtu": 9000}, [])
        assert changes(plain_one, first)[:2] == ({}, [])


@pytest.mark.parametrize("end", ["kill", "stop"])
@pytest.mark.parametrize("how", ["other", "none", "reloaded before", "back again"])
def test_restart_with_other_defaults_loses_what_was_before(stack, end, how):
    made = stack(namespaces={"org.example.R": DECLARED})
    ns, plain_one = made.root.ns("org.example.R"), made.root.create("org.example.P")
    first = made.root.revision()
    if how in ("reloaded before", "back again"):
        declare(made, OTHER)
    end_by(made, end)
    texts = {"other": OTHER, "none": None, "reloaded before": OTHER, "back again": DECLARED}
    made.regentd.declare("org.example.R", texts[how])
    made.regentd.start()
    with refused(Error.HistoryLost):
        ns.get_changes(first)
    assert changes(plain_one, first)[:2] == ({}, [])
    plain_one.set("a", 1)
    second = made.root.revision()
    for _ in range(2):
        assert changes(ns, second)[:2] == ({}, [])
        end_by(made, end)
        made.regentd.start()


@pytest.mark.parametrize("end", ["kill", "stop"])
@pytest.mark.parametrize("how", ["other", "none", "reloaded before", "no note"])
def test_what_is_read_after_such_a_restart_can_be_gone_on_from(stack, end, how):
    """Nobody commits in between, and no later start gives the revision to something else."""
    made = stack(namespaces={"org.example.R": DECLARED})
    ns, plain_one = made.root.ns("org.example.R"), made.root.create("org.example.P")
    first = made.root.revision()
    if how == "reloaded before":
        declare(made, OTHER)
    end_by(made, end)
    made.regentd.declare("org.example.R", {"other": OTHER, "none": None, "reloaded before": OTHER}.get(how, DECLARED))
    if how == "no note":
        os.unlink(os.path.join(made.regentd.runtime_dir, "defaults"))
    made.regentd.start()
    values, read = ns.get_many()
    assert read == made.root.revision() == made.root.property("DurableRevision") == first + 1
    with refused(Error.HistoryLost):
        ns.get_changes(first)
    for _ in range(2):
        assert changes(ns, read)[:2] == changes(plain_one, read)[:2] == ({}, [])
        assert ns.get_many() == (values, read)
        end_by(made, end)
        made.regentd.start()
    assert plain_one.set("a", 1) == read + 1


@pytest.mark.parametrize("n_ahead", [1, 9])
def test_a_start_that_died_before_that_revision_was_in_use(stack, n_ahead):
    """The note is ahead of the journal."""
    made = stack(namespaces={"org.example.R": DECLARED})
    revision = made.root.revision()
    made.regentd.kill()
    with open(os.path.join(made.regentd.runtime_dir, "defaults"), "r+", encoding="ascii") as file:
        checksum = file.read().split("org.example.R ")[-1].split()[0]
        file.write(f"org.example.R {checksum} {revision + n_ahead}\n")
    made.regentd.start()
    assert made.root.revision() == revision + 1
    assert changes(made.root.ns("org.example.R"), revision + 1)[:2] == ({}, [])


@pytest.mark.parametrize("harm", ["missing", "cut", "nonsense"])
def test_a_note_that_is_not_whole_tells_nothing(stack, harm):
    made = stack(namespaces={"org.example.R": DECLARED})
    ns = made.root.ns("org.example.R")
    first = made.root.revision()
    made.regentd.stop()
    path = os.path.join(made.regentd.runtime_dir, "defaults")
    if harm == "missing":
        os.unlink(path)
    else:
        with open(path, "r+b") as file:
            file.truncate(os.path.getsize(path) - 1 if harm == "cut" else 0)
            file.write(b"" if harm == "cut" else b"\xff" * 100)
    made.regentd.start()
    with refused(Error.HistoryLost):
        ns.get_changes(first)
