# SPDX-License-Identifier: LGPL-2.1-or-later
"""The last known good state: marked, restored, and fallen back on at a start."""

import os
import subprocess

import pytest
from regent_testing.api import RegentError
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import BUS_NAME, MANAGER, PROPERTIES, ROOT_PATH, Error
from regent_testing.waiting import retry_until

STACK = {"polkit": True}


def values(ns):
    return {key: value.unpack() for key, value in ns.everything().items()}


@pytest.fixture
def fresh(stack):
    """A stack of the test's own, with a namespace in it."""
    made = stack()
    return made, made.root.create("org.example.X", mode=0o644)


def test_nothing_is_good_at_first(fresh):
    made, _ = fresh
    assert made.root.property("LastGoodRevision") == 0
    with refused(Error.FileNotFound, "good"):
        made.root.restore()


def test_mark_good_tells_the_revision(fresh):
    made, ns = fresh
    log = made.root.subscribe(
        interface=PROPERTIES, member="PropertiesChanged", path=ROOT_PATH, arg0=MANAGER
    )
    revision = ns.set("a", 1)
    assert made.root.mark_good() == revision
    assert made.root.property("LastGoodRevision") == revision
    signal = log.wait_for(lambda s: "LastGoodRevision" in s.changed)
    assert signal.changed["LastGoodRevision"].get_uint64() == revision
    assert made.root.mark_good() == revision
    assert ns.set("a", 2) == made.root.mark_good()


def test_mark_good_outlives_a_restart(fresh):
    made, ns = fresh
    ns.set("a", 1)
    revision = made.root.mark_good()
    ns.set("a", 2)
    for stop in (made.regentd.stop, made.regentd.kill):
        stop()
        made.regentd.start()
        assert made.root.property("LastGoodRevision") == revision
        assert made.root.property("LoadedReason") == ""
        assert values(ns) == {"a": 2}


def change_everything(root, ns):
    """Good: X with same, other, gone; Removed with a key. Then all of that is changed."""
    ns.apply({"same": 1, "other": "x", "gone": [str(n) for n in range(9)]})
    ns.apply({"lost": 1}, class_="runtime")
    removed = root.create("org.example.Removed", mode=0o600)
    removed.set("key", 1.5)
    root.mark_good()
    ns.apply({"other": "y", "new": 2}, unset=["gone"])
    ns.apply({"lost": 2}, class_="runtime")
    ns.set_access(mode=0o640)
    root.remove("org.example.Removed", 1)
    root.create("org.example.Added").set("key", 1)
    return removed


def check_restored(root, ns, removed):
    assert values(ns) == {"same": 1, "other": "x", "gone": [str(n) for n in range(9)], "lost": 2}
    assert ns.property("Mode") == 0o644
    assert values(removed) == {"key": 1.5}
    assert removed.property("Mode") == 0o600
    assert root.list_namespaces() == ["org.example.Removed", "org.example.X"]


def test_restore_takes_everything_back(fresh):
    made, ns = fresh
    removed = change_everything(made.root, ns)
    before = made.root.revision()
    same = ns.describe("same")["revision"].unpack()

    assert made.root.restore() == before + 1 == made.root.revision()
    check_restored(made.root, ns, removed)
    assert ns.describe("same")["revision"].unpack() == same
    assert ns.describe("other")["revision"].unpack() == before + 1
    assert made.root.property("State") == "running"
    assert f"restored the state of revision {made.root.property('LastGoodRevision')}" in made.regentd.log()

    assert made.root.restore() == before + 1  # nothing is left to change


@pytest.mark.parametrize("stop", ["stop", "kill"])
def test_restore_is_there_after_a_restart(fresh, stop):
    made, ns = fresh
    removed = change_everything(made.root, ns)
    made.root.restore()
    ns.set("after", 1)
    ns.delete("after")
    getattr(made.regentd, stop)()
    made.regentd.start()
    assert made.root.property("LoadedFrom") == "journal"
    check_restored(made.root, ns, removed)


def test_restored_copy_stays_as_long_as_the_journal_names_it(fresh):
    made, ns = fresh
    removed = change_everything(made.root, ns)
    made.root.restore()
    ns.set("new", 3)
    made.root.mark_good()
    copies = os.path.join(made.regentd.state_dir, "last-known-good")
    assert len(os.listdir(copies)) == 2
    made.regentd.kill()
    made.regentd.start()
    assert made.root.property("LoadedFrom") == "journal"
    ns.delete("new")
    check_restored(made.root, ns, removed)

    # Each clean stop is a generation; the older copy goes with the one that could name it.
    for number in range(3):
        ns.set("again", number)
        made.regentd.restart()
    assert len(os.listdir(copies)) == 1


def test_restore_is_announced_as_any_commit(fresh):
    made, ns = fresh
    ns.apply({"a": 1, "b": 2})
    made.root.mark_good()
    ns.apply({"a": 3, "c": 4}, unset=["b"])
    log = ns.watch_values()
    made.root.restore()
    signal = log.wait_for()
    assert {key: value.unpack() for key, value in signal.changed.items()} == {"a": 1, "b": 2}
    assert signal.invalidated == ["c"]


def test_restore_keeps_its_place_among_writes(fresh):
    made, ns = fresh
    ns.set("a", 1)
    made.root.mark_good()
    before = ns.start_set("a", 2)
    restored = made.root.start(ROOT_PATH, MANAGER, "Restore", "(st)", ("last-known-good", 0))
    after = ns.start_set("b", 3)
    revisions = [call.result()[0] for call in (before, restored, after)]
    assert revisions == sorted(revisions) and len(set(revisions)) == 3
    assert values(ns) == {"a": 1, "b": 3}


def test_restore_is_exempt_from_limits(stack):
    made = stack(config="[Limits]\nCommitChangesMax=16\n")
    ns = made.root.create("org.example.X")
    expected = {f"key/{n}": n for n in range(100)}
    for key, value in expected.items():
        ns.set(key, value)
    made.root.mark_good()
    made.root.remove("org.example.X", 1)
    made.root.restore()
    assert values(ns) == expected


@pytest.mark.parametrize("arguments", [("nonsense", 0), ("", 0), ("last-known-good", 1)])
def test_wrong_arguments(root, arguments):
    with nothing_changed(root), refused(Error.InvalidArgs):
        root.restore(*arguments)


@pytest.mark.parametrize("member", ["mark_good", "restore"])
def test_needs_manage(root, alice, polkitd, ns, member):
    ns.set("a", 1)
    root.mark_good()
    ns.set("a", 2)
    good = root.property("LastGoodRevision")
    with nothing_changed(root, ns), refused(Error.InteractiveAuthorizationRequired):
        getattr(alice, member)()
    assert root.property("LastGoodRevision") == good

    verb = {"mark_good": "MarkGood", "restore": "Restore"}[member]
    polkitd.set_rules(f"""
        polkit.addRule(function(action, subject) {{
            if (action.id == "org.regentd.state1.manage" && action.lookup("verb") == "{verb}" &&
                action.lookup("namespace") == "")
                return polkit.Result.YES;
        }});
    """)
    assert getattr(alice, member)() == root.revision()


def test_two_at_a_time_are_one_too_many(fresh):
    made, ns = fresh
    for number in range(40):
        ns.set(f"key/{number}", "x" * 900000)
    calls = [made.root.start(ROOT_PATH, MANAGER, "MarkGood") for _ in range(4)]
    results = []
    for call in calls:
        try:
            results.append(call.result()[0])
        except RegentError as error:
            assert error.name == Error.Busy
    assert results and set(results) == {made.root.revision()}


def damage(directory, *prefixes):
    for name in os.listdir(directory):
        if name.startswith(prefixes):
            with open(os.path.join(directory, name), "r+b") as file:
                file.seek(40)
                file.write(b"\xff" * 16)


def test_start_falls_back_when_all_else_is_damaged(fresh):
    made, ns = fresh
    ns.apply({"a": 1, "b": 2})
    good = made.root.mark_good()
    ns.set("a", 3)
    revision = ns.set("c", 4)
    made.regentd.restart()
    made.regentd.stop()
    damage(made.regentd.state_dir, "checkpoint-", "journal-")
    made.regentd.start()

    root = made.root
    assert values(ns) == {"a": 1, "b": 2}
    assert root.property("LoadedFrom") == "last-known-good"
    assert root.property("State") == "degraded"
    assert root.property("LoadedReason")
    assert root.property("LastGoodRevision") == good
    assert root.revision() > revision
    assert "last-known-good" in made.regentd.log()
    assert os.listdir(os.path.join(made.regentd.state_dir, "damaged"))
    with refused(Error.NotSupported, "damaged"):
        root.mark_good()
    assert root.property("LastGoodRevision") == good

    ns.set("d", 5)
    made.regentd.restart()
    assert values(ns) == {"a": 1, "b": 2, "d": 5}
    assert root.property("LoadedFrom") == "journal"
    assert root.property("State") == "running"
    assert root.mark_good() == root.revision()


def test_start_falls_back_when_all_else_is_missing(fresh):
    made, ns = fresh
    ns.set("a", 1)
    made.root.mark_good()
    made.regentd.stop()
    for name in os.listdir(made.regentd.state_dir):
        path = os.path.join(made.regentd.state_dir, name)
        if os.path.isfile(path):
            os.unlink(path)
    made.regentd.start()
    assert values(ns) == {"a": 1}
    assert made.root.property("LoadedFrom") == "last-known-good"
    assert made.root.property("State") == "degraded"


def test_newer_prefix_is_preferred(fresh):
    made, ns = fresh
    ns.set("a", 1)
    made.root.mark_good()
    ns.set("b", 2)
    made.regentd.restart()
    ns.set("c", 3)
    made.root.flush()
    made.regentd.kill()
    damage(made.regentd.state_dir, "checkpoint-")
    made.regentd.start()
    assert values(ns) == {"a": 1, "b": 2, "c": 3}
    assert made.root.property("LoadedFrom") != "last-known-good"


def test_damaged_copy_is_set_aside_and_reported(fresh):
    made, ns = fresh
    ns.set("a", 1)
    made.root.mark_good()
    made.regentd.stop()
    copies = os.path.join(made.regentd.state_dir, "last-known-good")
    damage(copies, "checkpoint-")
    made.regentd.start()
    assert values(ns) == {"a": 1}
    assert made.root.property("LastGoodRevision") == 0
    assert "the last known good copy is damaged" in made.regentd.log()
    assert os.listdir(os.path.join(made.regentd.state_dir, "damaged"))
    assert not os.listdir(copies)
    with refused(Error.FileNotFound):
        made.root.restore()
    assert made.root.mark_good() == made.root.revision()


def test_command_of_the_unit_works(fresh):
    made, ns = fresh
    ns.set("a", 1)
    done = subprocess.run(
        ["busctl", "call", "--quiet", BUS_NAME, ROOT_PATH, MANAGER, "MarkGood"],
        env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": made.bus.address},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert made.root.property("LastGoodRevision") == made.root.revision()


def test_what_files_declare_holds_after_a_restore_too(stack):
    """One that was declared since, and one whose access was another then."""
    made = stack()
    other = made.root.create("org.example.Other", mode=0o644)
    made.root.mark_good()
    made.regentd.declare("org.example.New", "[Namespace]\nMode=0640\n[Key a]\nDefault=7\nType=u\n")
    made.regentd.declare("org.example.Other", "[Namespace]\nMode=0600\n")
    made.root.reload()
    new = made.root.ns("org.example.New")
    new.set("b", 1)

    made.root.restore()

    retry_until(lambda: other.property("Mode") == 0o600, 20, "the declared mode")
    assert (new.property("Mode"), values(new)) == (0o640, {"a": 7})
