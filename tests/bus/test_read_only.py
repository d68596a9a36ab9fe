# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts on disks that cannot be written: what is there is served, and all goes on once they can be."""

import errno
import os
import subprocess

import pytest
from regent_testing.checks import refused
from regent_testing.names import MANAGER, PROPERTIES, ROOT_PATH, Error

NS = "org.example.X"


def mount(*arguments):
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no mounts here: {done.stderr.strip()}")


def remount(directory, option):
    return subprocess.run(
        ["mount", "-o", f"remount,{option}", directory], capture_output=True, text=True, check=False
    )


@pytest.fixture
def disk(stack, sandbox):
    """A factory: a stopped regentd with some state, one of its directories a file system of its own."""
    mounted = []

    def make(which="state_dir", size="8m", **how):
        made = stack(start=False, **how)
        directory = getattr(made.regentd, which)
        mount("-t", "tmpfs", "-o", f"size={size},mode=0755", "regent-test", directory)
        mounted.append(directory)
        made.regentd.start()
        ns = made.root.create(NS)
        ns.apply({"kept": 1, "too": "x" * 1000})
        ns.apply({"lost": 2}, class_="runtime")
        made.regentd.kill()
        return made, directory

    yield make
    for directory in mounted:
        subprocess.run(["umount", "--lazy", directory], check=True)


def values(made):
    return {key: value.unpack() for key, value in made.root.ns(NS).everything().items()}


def watch_state(root):
    return root.subscribe(
        interface=PROPERTIES, member="PropertiesChanged", path=ROOT_PATH, arg0=MANAGER
    )


def wait_for_state(root, log, state):
    if root.property("State") != state:
        log.wait_for(
            lambda signal: "State" in signal.changed and signal.changed["State"].get_string() == state,
            70, f"state {state}",
        )  # fmt: skip


EXPECTED = {"kept": 1, "too": "x" * 1000, "lost": 2}


def check_refusals(made, why):
    ns = made.root.ns(NS)
    with refused(Error.ReadOnly, why):
        ns.set("kept", 2)
    assert why in made.root.statistics()["read-only-reason"].unpack()
    with refused(Error.ReadOnly):
        ns.apply({"lost": 3}, class_="runtime")
    with refused(Error.ReadOnly):
        ns.delete("kept")
    with refused(Error.ReadOnly):
        made.root.mark_good()


def check_going_on(made, state, log=None):
    wait_for_state(made.root, log or watch_state(made.root), state)
    assert "read-only-reason" not in made.root.statistics()
    made.root.ns(NS).set("after", 4)
    assert values(made) == {**EXPECTED, "after": 4}
    assert made.root.flush() == made.root.revision()
    made.regentd.kill()
    made.regentd.start()
    assert made.root.property("State") == "running"
    assert values(made) == {**EXPECTED, "after": 4}


@pytest.mark.parametrize("which", ["state_dir", "runtime_dir"])
def test_read_only_directory_is_served_and_written_later(disk, which):
    made, directory = disk(which)
    before = sorted(os.listdir(directory))
    assert remount(directory, "ro").returncode == 0
    made.regentd.start()
    root = made.root
    assert root.property("State") == "read-only"
    assert root.property("LoadedFrom") == "journal"
    assert values(made) == EXPECTED
    check_refusals(made, f"cannot write to {directory}, on a read-only file system")
    assert f"{directory}: cannot be written: {os.strerror(errno.EROFS)}" in made.regentd.log()
    assert "beginning to write failed" in made.regentd.log()
    assert sorted(os.listdir(directory)) == before

    assert remount(directory, "rw").returncode == 0
    check_going_on(made, "running")


def test_killed_while_read_only_changes_nothing(disk):
    made, directory = disk()
    assert remount(directory, "ro").returncode == 0
    for _ in range(2):
        made.regentd.start()
        assert values(made) == EXPECTED
        made.regentd.kill()
    assert remount(directory, "rw").returncode == 0
    made.regentd.start()
    check_going_on(made, "running")


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 4]))


def evidence(directory):
    damaged = os.path.join(directory, "damaged")
    (label,) = os.listdir(damaged)
    return os.path.join(damaged, label)


def test_read_only_and_damaged_keeps_the_evidence_later(disk):
    made, directory = disk()
    flip(os.path.join(directory, "MANIFEST"), 40)
    with open(os.path.join(directory, "MANIFEST"), "rb") as file:
        damaged = file.read()
    assert remount(directory, "ro").returncode == 0
    made.regentd.start()
    assert made.root.property("State") == "read-only"
    assert made.root.property("LoadedReason") == "the manifest is damaged"
    assert values(made) == EXPECTED

    assert remount(directory, "rw").returncode == 0
    check_going_on(made, "degraded")
    with open(os.path.join(evidence(directory), "MANIFEST"), "rb") as file:
        assert file.read() == damaged


def test_full_and_damaged_keeps_the_evidence_later(disk):
    made, directory = disk()
    flip(os.path.join(directory, "MANIFEST"), 40)
    ballast = os.path.join(directory, "ballast")
    with open(ballast, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 65536)
        except OSError as error:
            assert error.errno == errno.ENOSPC
    made.regentd.start()
    assert made.root.property("State") == "read-only"
    assert values(made) == EXPECTED
    check_refusals(made, "The disk was full")
    os.unlink(ballast)
    check_going_on(made, "degraded")
    assert os.path.exists(os.path.join(evidence(directory), "MANIFEST"))


def test_second_regentd_is_refused_on_a_read_only_directory_too(disk, stack):
    made, directory = disk()
    assert remount(directory, "ro").returncode == 0
    made.regentd.start()
    other = stack(start=False)
    other.regentd.state_dir = directory
    other.regentd.spawn()
    assert other.regentd.wait_exit() != 0
    assert f"{directory}: another regentd is using it" in other.regentd.log()
    assert remount(directory, "rw").returncode == 0
    wait_for_state(made.root, watch_state(made.root), "running")
    other.regentd.spawn()
    assert other.regentd.wait_exit() != 0


def test_mount_in_use_cannot_become_read_only_behind_its_back(disk):
    """The kernel refuses, as long as the journal is open; and regentd does not notice."""
    made, directory = disk()
    made.regentd.start()
    done = remount(directory, "ro")
    assert done.returncode != 0 and "busy" in done.stderr
    made.root.ns(NS).set("after", 4)
    assert made.root.property("State") == "running"


def give_all(directory, uid, file_mode, directory_mode):
    for path, directories, files in os.walk(directory):
        for name in directories + files:
            os.chown(os.path.join(path, name), uid, -1)
            os.chmod(os.path.join(path, name), directory_mode if name in directories else file_mode)
    os.chown(directory, uid, -1)
    os.chmod(directory, directory_mode)


def test_directory_without_write_permission_is_read(stack):
    made = stack(user="regent")
    made.root.create(NS, owner=0, mode=0o644).apply({"kept": 1, "too": "x" * 1000})
    made.root.ns(NS).apply({"lost": 2}, class_="runtime")
    made.regentd.kill()
    directory = made.regentd.state_dir
    uid = os.stat(directory).st_uid
    give_all(directory, 0, 0o644, 0o755)
    made.regentd.start()
    assert made.root.property("State") == "read-only"
    assert f"{directory}: cannot be written: Permission denied" in made.regentd.log()
    assert values(made) == EXPECTED
    check_refusals(made, f"no permission to write to {directory}")
    give_all(directory, uid, 0o600, 0o700)
    check_going_on(made, "running")


@pytest.mark.parametrize("name", ["MANIFEST", "journal-0"])
def test_file_that_may_not_be_read_ends_the_start(stack, name):
    """It is there, and what is in it is not known: nothing else may be taken for the state."""
    made = stack(user="regent")
    made.root.create(NS, owner=0, mode=0o644).set("kept", 1)
    made.regentd.kill()
    path = os.path.join(made.regentd.state_dir, name)
    owner = os.stat(path).st_uid
    os.chown(path, 0, 0)
    made.regentd.spawn()
    assert made.regentd.wait_exit() != 0
    message = f"{made.regentd.state_dir}: cannot be recovered: {path} cannot be read: Permission denied"
    assert message in made.regentd.log()
    assert not os.path.exists(os.path.join(made.regentd.state_dir, "damaged"))
    os.chown(path, owner, -1)
    made.regentd.start()
    assert values(made) == {"kept": 1}
    assert made.root.property("State") == "running"
