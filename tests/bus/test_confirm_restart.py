# SPDX-License-Identifier: LGPL-2.1-or-later
"""Confirmed changes over restarts, reboots, checkpoints, and disks that fail, are full or read-only."""

import errno
import os
import resource
import shutil
import subprocess
import time
import uuid

import pytest
from confirming import AFTER, SECOND, SOON, UNKNOWN, check_undone, fresh, pend, pend_everything, values, wait_undone
from regent_testing.api import RegentError
from regent_testing.checks import refused
from regent_testing.names import Error
from regent_testing.waiting import retry_until

STACK = {"polkit": True}


@pytest.mark.parametrize("stop", ["stop", "kill"])
def test_deadline_goes_on_over_a_restart(fresh, stop):
    made, ns = fresh
    revision, token = pend_everything(ns)
    before = made.root.pending_changes()[revision]
    getattr(made.regentd, stop)()
    made.regentd.start()
    after = made.root.pending_changes()[revision]
    assert 0 < after.pop("remaining-usec") < before.pop("remaining-usec")
    assert after == before
    assert values(ns) == AFTER
    with refused(Error.Busy, f"revision {revision}"):
        ns.set("a", 3)
    made.root.cancel(token)
    check_undone(ns)
    made.regentd.kill()
    made.regentd.start()
    check_undone(ns)
    assert made.root.pending_changes() == {}


@pytest.mark.parametrize("stop", ["stop", "kill"])
def test_confirmed_before_a_restart_stays(fresh, stop):
    made, ns = fresh
    _, token = pend_everything(ns)
    made.root.confirm(token)
    for _ in range(2):
        getattr(made.regentd, stop)()
        made.regentd.start()
        assert made.root.pending_changes() == {}
        assert values(ns) == AFTER


@pytest.mark.parametrize("stop", ["stop", "kill"])
def test_time_that_is_up_while_it_is_down(fresh, stop):
    made, ns = fresh
    revision, result = ns.apply({"a": 2}, confirm_timeout_usec=SOON)
    getattr(made.regentd, stop)()
    end = result["deadline-usec"]
    retry_until(lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000 > end, 20, "the time to be up")
    made.regentd.start()
    check_undone(ns)  # before the first reply
    assert made.root.revision() == revision + 1


def preload_fixture(name):
    @pytest.fixture(scope="module")
    def library(tmp_path_factory):
        """See the file of that name."""
        path = str(tmp_path_factory.mktemp("preload") / f"{name}.so")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", path, source, "-ldl", "-lsystemd"], check=True)
        return path

    return library


other_boot = preload_fixture("other-boot")
failing_disk = preload_fixture("failing-disk")


def reboot(regentd, other_boot, stop):
    """What is in memory goes, and the boot has another id."""
    getattr(regentd, stop)()
    for entry in os.scandir(regentd.runtime_dir):
        shutil.rmtree(entry.path) if entry.is_dir() else os.unlink(entry.path)
    regentd.environ.update(
        LD_PRELOAD=other_boot, REGENT_TEST_BOOT=uuid.uuid4().hex, ASAN_OPTIONS="verify_asan_link_order=0"
    )
    regentd.start()


@pytest.mark.parametrize("stop", ["stop", "kill"])
def test_reboot_undoes_before_the_first_reply(fresh, other_boot, stop):
    made, ns = fresh
    _, token = pend_everything(ns)
    reboot(made.regentd, other_boot, stop)
    # What was in memory only is gone, from before the change too.
    assert values(ns) == {"a": 1, "gone": "kept"}
    assert made.root.pending_changes() == {}
    with refused(Error.NotConfirmed, UNKNOWN):
        made.root.confirm(token)
    made.regentd.kill()
    made.regentd.start()
    assert values(ns) == {"a": 1, "gone": "kept"}


def test_reboot_of_a_change_in_memory(fresh, other_boot):
    made, ns = fresh
    pend(ns, {"memory": "n", "gone": "in memory"}, class_="runtime")
    reboot(made.regentd, other_boot, "kill")
    assert values(ns) == {"a": 1, "gone": "kept"}
    assert made.root.pending_changes() == {}


def test_checkpoints_hold_the_way_back(stack, other_boot):
    made = stack(config="[Store]\nCheckpointJournalBytes=64K\n")
    ns = made.root.create("org.example.X")
    ns.apply({"a": 1, "b": "before"})
    n_before = made.root.statistics()["checkpoints"].unpack()
    revision, token = pend(ns, {"a": 2}, ["b"])

    def write():
        ns.set("load", os.urandom(3000).hex())
        return made.root.statistics()["checkpoints"].unpack() > n_before + 3

    retry_until(write, 60, "checkpoints")
    made.regentd.kill()
    made.regentd.start()
    assert list(made.root.pending_changes()) == [revision]
    with refused(Error.Busy):
        ns.set("b", 1)
    ns.delete("load")
    made.root.confirm(token)
    second, _ = pend(ns, {"a": 3})
    made.regentd.restart()  # with a checkpoint
    assert list(made.root.pending_changes()) == [second]
    reboot(made.regentd, other_boot, "kill")
    assert values(ns) == {"a": 2}


def test_failed_disk_undoes_later(stack, failing_disk, tmp_path):
    """What cannot be written stays as it is, keys locked, and is undone when the disk works again."""
    failure = tmp_path / "failure"
    made = stack(
        environ={
            "LD_PRELOAD": failing_disk, "REGENT_TEST_DISK_FAILURE": str(failure),
            "ASAN_OPTIONS": "verify_asan_link_order=0",
        }
    )  # fmt: skip
    ns = made.root.create("org.example.X")
    ns.set("a", 1)
    revision, token = pend(ns, {"a": 2}, timeout=2 * SECOND)  # before which the disk fails
    failure.write_text(str(errno.EIO))
    retry_until(
        lambda: "cannot be undone yet" in made.regentd.log(), 20, "an attempt", between=lambda _: made.root.ping()
    )
    assert made.root.property("State") == "read-only"
    assert ns.get("a").unpack() == 2
    with refused(Error.NotConfirmed, UNKNOWN):
        made.root.confirm(token)  # the time was up
    with refused(Error.ReadOnly):
        made.root.cancel(token)
    with refused(Error.ReadOnly):
        ns.set("b", 3)
    assert list(made.root.pending_changes()) == [revision]

    failure.unlink()
    wait_undone(made.root, revision)
    assert values(ns) == {"a": 1}
    assert made.root.property("State") == "running"


def try_to_cancel(root, token):
    try:
        return root.cancel(token)
    except RegentError as error:
        assert error.name == Error.DiskFull
        return None


def test_full_disk_lets_undo_what_needs_no_room(stack, sandbox):
    """A way back that needs room has to wait for it; one that only deletes has not."""
    made = stack(start=False)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "regent-test", made.regentd.state_dir], check=True)
    try:
        made.regentd.start()
        ns = made.root.create("org.example.X")
        ns.set("a", 1)
        ballast = os.path.join(made.regentd.state_dir, "ballast")
        _, larger = pend(ns, {"a": 2})
        _, smaller = pend(ns, {"b": 2})
        _, confirmed = pend(ns, {"c": 2})
        with open(ballast, "wb", buffering=0) as file, pytest.raises(OSError):
            while True:
                file.write(b"x" * 4096)
        with pytest.raises(RegentError) as caught:
            for number in range(1000):
                ns.set(f"load/{number}", b"x" * 4000)
        assert caught.value.name == Error.DiskFull
        made.root.cancel(smaller)
        made.root.confirm(confirmed)
        with refused(Error.DiskFull):
            made.root.cancel(larger)
        assert ns.get("a").unpack() == 2
        os.unlink(ballast)
        retry_until(lambda: try_to_cancel(made.root, larger), 20, "room", between=lambda _: made.root.ping())
        assert (ns.get("a").unpack(), ns.get("c").unpack()) == (1, 2)
        assert "b" not in ns.keys()
        made.regentd.stop()
    finally:
        subprocess.run(["umount", "--lazy", made.regentd.state_dir], check=True)


def test_read_only_refuses_both_ways(fresh):
    made, ns = fresh
    revision, token = pend(ns, {"a": 2})
    process = made.regentd.process.pid
    before = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (100, before[1]))
    with refused(Error.OutcomeUnknown):
        made.root.confirm(token)
    with refused(Error.ReadOnly):
        made.root.cancel(token)
    assert list(made.root.pending_changes()) == [revision]
    resource.prlimit(process, resource.RLIMIT_FSIZE, before)
    retry_until(lambda: made.root.property("State") == "running", 30, "the disk to work", between=lambda _: made.root.ping())
    made.root.confirm(token)
    made.regentd.kill()
    made.regentd.start()
    assert values(ns)["a"] == 2
