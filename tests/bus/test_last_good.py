# SPDX-License-Identifier: LGPL-2.1-or-later
"""The last known good state: marked, restored, and fallen back on at a start."""

import errno
import os
import subprocess

import pytest
from regent_testing.api import RegentError
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import BUS_NAME, MANAGER, PROPERTIES, ROOT_PATH, Error
from regent_testing.waiting import retry_until
from test_disk import failing_disk  # pylint: disable=unused-import

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


def test_damage_of_the_runtime_side_alone_is_said_too(fresh):
    made, ns = fresh
    ns.apply({"a": 1})
    ns.apply({"gone": 2}, **{"class": "runtime"})
    made.regentd.kill()
    damage(made.regentd.runtime_dir, "MANIFEST", "journal-")
    made.regentd.start()

    assert ns.get("a").unpack() == 1
    assert made.root.property("State") == "degraded"
    assert made.root.property("LoadedReason")


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
    copies = os.path.join(made.regentd.state_dir, "last-known-good")
    damage(copies, "checkpoint-")
    with refused(Error.FileNotFound, "copy is damaged"):
        made.root.restore()
    made.regentd.restart()
    assert values(ns) == {"a": 1}
    assert made.root.property("LastGoodRevision") == 0
    assert "the last known good copy is damaged" in made.regentd.log()
    assert os.listdir(os.path.join(made.regentd.state_dir, "damaged"))
    assert not os.listdir(copies)
    assert made.root.property("State") == "running"
    assert made.root.property("LoadedReason") == "the last known good copy is damaged"
    with refused(Error.FileNotFound, "damaged/"):
        made.root.restore()
    made.regentd.restart()
    assert made.root.property("LoadedReason") == ""
    with refused(Error.FileNotFound, "There is no last known good state"):
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


def test_others_learn_nothing_of_what_they_may_not_read(fresh, sandbox):
    """Not from the signals either: neither of one that stays closed, nor of one that was closed then."""
    made, public = fresh
    root = made.root
    secret = root.create("org.example.Secret", mode=0o600)
    closed = root.create("org.example.Closed", mode=0o600)
    opened = root.create("org.example.Opened", mode=0o644)
    for ns in (public, secret, closed, opened):
        ns.set("key", "then")
    root.mark_good()
    for ns in (public, secret, closed, opened):
        ns.set("key", "now")
    root.create("org.example.SecretToo", mode=0o600).set("key", "now")
    closed.set_access(mode=0o644)
    opened.set_access(mode=0o600)

    alice = made.user("alice")
    log = alice.subscribe()
    root.restore()
    alice.settle()
    told = {}
    for signal in log.items:
        if signal.path != ROOT_PATH:
            told.setdefault(signal.path, []).append(signal.parameters.print_(False))
        else:
            told.setdefault(signal.member, []).append(signal.parameters.print_(False))
    assert "then" in str(told[public.path]) and "now" not in str(told)
    assert opened.path in str(told["InterfacesAdded"]) and closed.path in str(told["InterfacesRemoved"])
    assert closed.path not in told
    assert "Secret" not in str(told)
    with refused(Error.AccessDenied):
        alice.ns(closed.name).get("key")
    assert alice.ns(opened.name).get("key").unpack() == "then"


def test_old_access_is_in_force_at_once(fresh, sandbox):
    """A write that was allowed a moment ago has its turn behind a Restore that takes the right away."""
    made, _ = fresh
    root = made.root
    ns = root.create("org.example.Mine", mode=0o644)
    ns.set("key", "then")
    root.mark_good()
    ns.set_access(owner=4001)
    alice = made.user("alice")
    ns.seen_by(alice).set("key", "now")
    root.restore()
    with refused(Error.AccessDenied):
        ns.seen_by(alice).set("key", "again")
    assert (ns.property("Owner"), ns.get("key").unpack()) == (0, "then")


def test_caller_that_leaves_holds_nothing_up(fresh):
    """Neither the copy that is being written or read for it, nor the next one to call."""
    made, ns = fresh
    for number in range(20):
        ns.set(f"key/{number}", "x" * 900000)
    made.root.mark_good()
    ns.set("key/0", "other")
    for member, signature, arguments in (("MarkGood", "()", ()), ("Restore", "(st)", ("last-known-good", 0))):
        for _ in range(5):
            leaving = made.client()
            leaving.start(ROOT_PATH, MANAGER, member, signature, arguments)
            leaving.close()

            def is_free():
                try:
                    return made.root.mark_good() > 0
                except RegentError as error:
                    assert error.name == Error.Busy
                    return False

            retry_until(is_free, 20, "the last known good state is nobody's any more")
    assert made.root.property("State") == "running"


def test_a_flood_of_restores_lets_others_through(fresh):
    made, ns = fresh
    ns.apply({f"key/{number}": number for number in range(2000)})
    other = made.root.create("org.example.Other")
    made.root.mark_good()
    ns.set("key/0", "other")
    flooding = made.client()
    calls = [flooding.start(ROOT_PATH, MANAGER, "Restore", "(st)", ("last-known-good", 0)) for _ in range(2000)]
    for number in range(50):
        other.set("key", number)
    names = set()
    for call in calls:
        try:
            call.result()
            names.add("done")
        except RegentError as error:
            names.add(error.name)
    assert "done" in names and names <= {"done", Error.Busy, Error.LimitsExceeded}
    assert ns.get("key/0").unpack() == 0


def test_read_only_service_restores_nothing(stack, failing_disk, tmp_path):
    failure = tmp_path / "failure"
    made = stack(environ={"LD_PRELOAD": failing_disk, "REGENT_TEST_DISK_FAILURE": str(failure)})
    ns = made.root.create("org.example.X")
    ns.set("a", 1)
    good = made.root.mark_good()
    ns.set("a", 2)
    failure.write_text(str(errno.EIO))
    with refused(Error.OutcomeUnknown):
        ns.set("a", 3)
    with nothing_changed(made.root, ns), refused(Error.ReadOnly):
        made.root.restore()
    with nothing_changed(made.root, ns), refused(Error.ReadOnly):
        made.root.mark_good()
    failure.unlink()
    retry_until(lambda: made.root.property("State") == "running", 30, "a disk that works again")
    assert made.root.property("LastGoodRevision") == good
    made.root.restore()
    assert values(ns) == {"a": 1}


def test_restore_is_not_left_to_the_next_start(fresh):
    """The whole copy would be read for each that the journal holds: so each has a checkpoint follow."""
    made, ns = fresh
    ns.set("key", "then")
    made.root.mark_good()
    for number in range(3):
        n_before = made.root.statistics()["checkpoints"].unpack()
        ns.set("key", number)
        made.root.restore()
        retry_until(lambda n=n_before: made.root.statistics()["checkpoints"].unpack() > n, 20, "a checkpoint")
    n_before = made.root.statistics()["checkpoints"].unpack()
    made.root.restore()  # of which nothing is written
    assert made.root.statistics()["checkpoints"].unpack() == n_before
