# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lazy changes: visible at once, on disk later; what waits for the disk, and what tells how far it is.

Syncs are counted by regentd itself (GetStatistics), and what a power cut leaves is what the crash explorer is about.
Where nothing is to be synced by itself the interval is a day.
"""

import itertools
import os

import pytest
from gi.repository import GLib
from regent_testing.api import blob, change
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import MANAGER, PROPERTIES, ROOT_PATH, Error
from regent_testing.waiting import retry_until
from test_disk import failing_disk  # pylint: disable=unused-import

NAME = "org.example.Lazy"
DAY = "[Store]\nSyncIntervalSec=1d\n"


def count(root, name="flushes"):
    return root.statistics()[name].unpack()


def is_dirty(root):
    found = root.get_all(ROOT_PATH, MANAGER)
    assert found["Dirty"].unpack() == (found["DurableRevision"].unpack() < found["Revision"].unpack())
    assert found["Dirty"].unpack() == (count(root, "unsynced-bytes") > 0)
    return found["Dirty"].unpack()


def wait_until_clean(root):
    retry_until(lambda: not root.property("Dirty"), 30, "a sync", between=lambda _: root.ping())
    assert root.property("DurableRevision") == root.property("Revision")


@pytest.fixture
def lazy(stack):
    """Everything is lazy, and nothing is synced by itself."""
    made = stack(config=DAY)
    return made, made.root, made.root.create(NAME)


def test_lazy_when_asked_for(root, ns):
    root.flush()
    before = count(root)
    revision, result = ns.apply({"a": 1}, durability="lazy")
    assert result == {"changed": 1, "removed": 0}
    assert ns.get("a").unpack() == 1 and root.revision() == revision
    assert root.property("DurableRevision") < revision and is_dirty(root)
    assert count(root) == before
    assert root.flush() == revision
    assert not is_dirty(root) and root.property("DurableRevision") == revision
    assert count(root) == before + 1


def test_interval_ends_it_and_nothing_more_is_synced(stack):
    made = stack(config="[Store]\nSyncIntervalSec=20ms\n")
    root = made.root
    ns = root.create(NAME)
    for number in range(3):
        ns.set("k", number)
        wait_until_clean(root)
    assert count(root, "lazy-syncs") >= 1
    # Nothing has changed since: only marks are written.
    syncs, marks = count(root), count(root, "journal-marks")
    # A mark is counted when it is begun, and its sync when that is done.
    retry_until(lambda: count(root, "journal-marks") > marks, 30, "a mark", between=lambda _: root.ping())
    retry_until(lambda: count(root) > syncs, 30, "its sync", between=lambda _: root.ping())
    assert count(root) - syncs == count(root, "journal-marks") - marks


def test_sync_takes_all_before_it_along(root, ns):
    for number in range(20):
        ns.apply({f"k{number}": number}, durability="lazy")
    before = count(root)
    ns.apply({"last": 1}, durability="sync")
    assert not is_dirty(root)
    assert count(root) == before + 1


def test_whole_service_is_lazy(lazy):
    made, root, ns = lazy
    before = count(root)
    ns.set("a", 1)
    ns.value_set("b", 2)
    ns.apply({"c": 3, "d": 4})
    ns.delete("d")
    root.apply_all({NAME: change({"e": 5})})
    assert is_dirty(root) and count(root) == before
    root.apply_all({NAME: change({"f": 6})}, durability="sync")
    assert not is_dirty(root) and count(root) == before + 1
    root.apply_all({NAME: change({"f": 7})}, durability="lazy")
    assert is_dirty(root)
    made.regentd.restart()
    assert not is_dirty(root)
    assert {key: v.unpack() for key, v in ns.everything().items()} == {"a": 1, "b": 2, "c": 3, "e": 5, "f": 7}


def test_answers_that_change_nothing_promise_the_same(root, ns):
    ns.apply({"a": 1}, durability="lazy")
    assert ns.apply({"a": 1}, durability="lazy")[1]["changed"] == 0
    assert is_dirty(root)
    ns.set("a", 1)
    assert not is_dirty(root)

    ns.apply({"a": 2}, durability="lazy")
    with refused(Error.Conflict):
        ns.apply({"a": 3}, expect={"a": 0})
    assert not is_dirty(root)

    ns.apply({"a": 3}, durability="lazy")
    ns.apply({"a": 4}, flags=1)
    assert is_dirty(root)


def test_namespaces_are_never_lazy(lazy):
    _, root, ns = lazy
    for change_it in (
        lambda: root.create("org.example.Other"),
        lambda: ns.set_access(mode=0o600),
        lambda: root.remove("org.example.Other"),
    ):
        ns.set("k", str(root.revision()))
        assert is_dirty(root)
        change_it()
        assert not is_dirty(root)


def test_good_copy_and_restore_are_on_disk(lazy):
    _, root, ns = lazy
    ns.set("a", 1)
    assert root.mark_good() == root.revision()
    assert not is_dirty(root)
    ns.set("a", 2)
    root.restore()
    assert not is_dirty(root) and ns.get("a").unpack() == 1


def test_runtime_entries_sync_nothing(root, ns):
    ns.apply({"a": 1}, durability="lazy")
    before = count(root)
    ns.apply({"r": 1}, class_="runtime")
    ns.apply({"r": 1}, class_="runtime")
    assert is_dirty(root) and count(root) == before
    ns.apply({"r": 2, "b": 1}, classes={"r": "runtime"})
    assert not is_dirty(root) and count(root) == before + 1


def test_it_is_announced_like_any_other(ns):
    log = ns.watch_values()
    ns.apply({"a": 1}, durability="lazy")
    log.wait_for(lambda signal: signal.changed["a"].unpack() == 1)
    log.close()


@pytest.mark.parametrize("wrong", ["later", "", "SYNC", "lazy\n"])
def test_what_is_neither_is_refused(root, ns, wrong):
    with nothing_changed(root, ns), refused(Error.InvalidArgs, "durability"):
        ns.apply({"a": 1}, durability=wrong)
    with nothing_changed(root, ns), refused(Error.InvalidArgs, "durability"):
        root.apply_all({ns.name: change({"a": 1})}, durability=wrong)


@pytest.mark.parametrize("wrong", [GLib.Variant("b", True), GLib.Variant("u", 1), GLib.Variant("as", ["lazy"])])
def test_option_of_another_type_is_refused(root, ns, wrong):
    with nothing_changed(root, ns), refused(Error.InvalidArgs, "durability"):
        ns.apply({"a": 1}, durability=wrong)


def test_commit_has_one_durability(root, ns):
    """Not one for each of its namespaces."""
    wrong = GLib.Variant("a{sv}", {"set": GLib.Variant("a{sv}", {"a": GLib.Variant("x", 1)}),
                                   "durability": GLib.Variant("s", "lazy")})
    with nothing_changed(root, ns), refused(Error.InvalidArgs, "durability"):
        root.apply_all({ns.name: wrong})


def test_reload_changes_it(stack):
    made = stack(config="")
    root, regentd = made.root, made.regentd
    ns = root.create(NAME)
    ns.set("a", 1)
    assert not is_dirty(root)
    regentd.write_config(DAY)
    root.reload()
    ns.set("a", 2)
    assert is_dirty(root)
    # What waits already waits no longer than is said now.
    regentd.write_config("[Store]\nSyncIntervalSec=10ms\n")
    root.reload()
    wait_until_clean(root)
    regentd.write_config("[Store]\nSyncIntervalSec=soon\n")
    root.reload()
    assert "SyncIntervalSec cannot be 'soon'" in regentd.log()
    ns.set("a", 3)
    assert not is_dirty(root)


def test_much_of_it_is_synced_early(lazy):
    _, root, ns = lazy
    for number in range(12):
        ns.set("k", blob(bytes([number]) * 900000))
        assert count(root, "unsynced-bytes") < 6 << 20
    assert count(root, "lazy-syncs") >= 1


def test_kill_loses_nothing_and_no_revision_means_two_things(lazy):
    made, root, ns = lazy
    for number in range(100):
        ns.apply({"k": number, "r": number}, classes={"r": "runtime"})
    revision = root.revision()
    made.regentd.kill()
    made.regentd.start()
    assert root.property("State") == "running"
    assert ns.get("k").unpack() == ns.get("r").unpack() == 99
    assert root.revision() > revision
    assert not is_dirty(root)


def lose_the_end(state_dir):
    """As a power cut may leave it: what was not synced, the last records of the journal, is not there."""
    (path,) = [os.path.join(state_dir, name) for name in os.listdir(state_dir) if name.startswith("journal-")]
    with open(path, "r+b") as file:
        content = file.read()
        at = content.rindex(b"RGRC")
        file.seek(at)
        file.write(bytes(len(content) - at))


def test_what_is_lost_was_said_not_to_be_on_disk(lazy):
    """In the same boot, and where regentd finds nothing else missing."""
    made, root, ns = lazy
    ns.set("a", 1)
    durable = root.flush()
    ns.apply({"r": 1}, class_="runtime")
    ns.set("a", 2)
    ns.apply({"r": 2}, class_="runtime")
    revision = root.revision()
    assert root.property("DurableRevision") < revision
    made.regentd.kill()
    lose_the_end(made.regentd.state_dir)
    made.regentd.start()
    assert root.property("State") == "running"
    assert ns.get("a").unpack() == 1
    assert ns.get("r").unpack() == 1  # what came after it in memory alone goes with it: order is kept
    assert root.revision() > revision > durable
    assert ns.set("a", 3) > revision + 1


def test_disk_that_fails_loses_nothing(stack, failing_disk, tmp_path):  # pylint: disable=redefined-outer-name
    failure = tmp_path / "failure"
    made = stack(
        config=DAY,
        environ={
            "LD_PRELOAD": failing_disk,
            "REGENT_TEST_DISK_FAILURE": str(failure),
            "ASAN_OPTIONS": "verify_asan_link_order=0",
        },
    )
    root = made.root
    ns = root.create(NAME)
    log = root.subscribe(interface=PROPERTIES, member="PropertiesChanged", path=ROOT_PATH, arg0=MANAGER)
    ns.set("a", 1)
    failure.write_text("5")
    with refused(Error.OutcomeUnknown):
        root.flush()
    assert is_dirty(root) and ns.get("a").unpack() == 1
    with refused(Error.ReadOnly):
        root.flush()
    with refused(Error.ReadOnly):
        ns.set("a", 2)

    failure.unlink()
    log.wait_for(lambda signal: "State" in signal.changed and signal.changed["State"].get_string() == "running",
                 30, "a disk that works again")  # fmt: skip
    log.close()
    assert not is_dirty(root) and root.flush() == root.revision()
    # The service is lazy again; while it still mends, a change may be synced before its time.
    revisions = itertools.count()
    retry_until(lambda: ns.set("b", next(revisions)) and root.property("Dirty"), 30, "a lazy change")
    ns.set("b", "last")
    made.regentd.restart()
    assert {key: v.unpack() for key, v in ns.everything().items()} == {"a": 1, "b": "last"}


def test_many_lazy_ones_hold_nobody_up(lazy):
    """Several write as fast as they may, one of them with a sync each time, and all flush in between."""
    made, root, ns = lazy
    clients = [made.client() for _ in range(4)]
    pending = []
    for number in range(40):
        for client in clients:
            durability = "sync" if client is clients[0] else "lazy"
            pending.append(ns.seen_by(client).start_apply({f"k{number % 5}": number}, durability=durability))
            if number % 10 == 9:
                pending.append(client.start(ROOT_PATH, MANAGER, "Flush"))
    for each in pending:
        each.result()
    assert root.flush() == root.revision()
    assert not is_dirty(root)


def test_client_that_goes_leaves_what_was_acknowledged(lazy):
    made, root, ns = lazy
    client = made.client()
    ns.seen_by(client).set("a", 1)
    client.start(ROOT_PATH, MANAGER, "Flush")
    client.close()
    assert ns.get("a").unpack() == 1
    root.flush()
    assert not is_dirty(root)
