# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disks that are full or fail under a running regentd, and are mended without a restart."""

import errno
import os
import resource
import subprocess

import pytest
from regent_testing.api import RegentError, blob
from regent_testing.checks import refused
from regent_testing.names import MANAGER, PROPERTIES, ROOT_PATH, Error
from regent_testing.waiting import retry_until

KIB = 1024
MIB = 1024 * KIB


def mount(*arguments):
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no mounts here: {done.stderr.strip()}")


@pytest.fixture
def small_disk(stack, sandbox):
    """A factory: regentd with one of its directories on a small file system of its own; it and that directory."""
    mounted = []

    def start(which="state_dir", size="6m"):
        made = stack(start=False)
        directory = getattr(made.regentd, which)
        mount("-t", "tmpfs", "-o", f"size={size}", "regent-test", directory)
        mounted.append(directory)
        made.regentd.start()
        return made, directory

    yield start
    for directory in mounted:
        subprocess.run(["umount", "--lazy", directory], check=True)


def fill(directory):
    """Takes all the room there is; returns the file that has it."""
    path = os.path.join(directory, "ballast")
    with open(path, "wb", buffering=0) as file:
        for n_bytes in (64 * KIB, 4 * KIB):
            try:
                while True:
                    file.write(b"x" * n_bytes)
            except OSError as error:
                assert error.errno == errno.ENOSPC
    return path


def watch_state(root):
    return root.subscribe(
        interface=PROPERTIES, member="PropertiesChanged", path=ROOT_PATH, arg0=MANAGER
    )


def wait_for_state(root, log, state):
    if root.property("State") != state:
        log.wait_for(
            lambda signal: signal.changed["State"].get_string() == state, 30, f"state {state}"
        )


def restart_and_compare(made, ns, expected):
    assert {key: v.unpack() for key, v in ns.everything().items()} == expected
    made.regentd.kill()
    made.regentd.start()
    assert made.root.property("State") == "running"
    assert {key: v.unpack() for key, v in ns.everything().items()} == expected


def set_until_refused(ns, expected, n_bytes=30 * KIB):
    """Sets keys until one is refused; returns the error."""
    for number in range(2000):
        try:
            ns.set(f"big/{number % 7}", str(number) + "x" * n_bytes)
            expected[f"big/{number % 7}"] = str(number) + "x" * n_bytes
        except RegentError as error:
            return error
    raise AssertionError("the disk is never full")


def test_full_disk_lets_delete_and_recovers(small_disk):
    made, directory = small_disk()
    root, log = made.root, watch_state(made.root)
    ns = root.create("org.example.X")
    expected = {f"key/{number}": number for number in range(200)}
    ns.apply(expected)

    ballast = fill(directory)
    error = set_until_refused(ns, expected)
    assert error.name == Error.DiskFull
    assert directory in error.text
    assert "full" in error.text
    while root.property("State") != "read-only":
        set_until_refused(ns, expected, 1 * KIB)

    with refused(Error.DiskFull, directory):
        ns.set("small", 1)
    with refused(Error.DiskFull):
        root.create("org.example.Y")
    for number in range(100):
        ns.delete(f"key/{number}")
        del expected[f"key/{number}"]
    assert ns.get("key/150").unpack() == 150

    os.unlink(ballast)
    wait_for_state(root, log, "running")
    ns.set("small", 1)
    expected["small"] = 1
    assert "no room is left on the disk" in made.regentd.log()
    assert "there is room on the disk again" in made.regentd.log()
    restart_and_compare(made, ns, expected)


def test_commit_that_does_not_fit_is_called_off_whole(small_disk):
    made, directory = small_disk()
    ns = made.root.create("org.example.X")
    ns.set("kept", 1)
    fill(directory)
    revision = made.root.revision()
    with refused(Error.DiskFull, directory):
        ns.apply({f"key/{number}": "x" * 900 * KIB for number in range(3)})
    assert made.root.revision() == revision
    ns.delete("kept")
    assert ns.keys() == []
    made.regentd.kill()
    made.regentd.start()
    assert ns.keys() == []


def test_full_disk_does_not_keep_a_start_without_a_note_of_defaults_from_serving(small_disk):
    """Such a start commits before the bus opens."""
    made, directory = small_disk()
    root, ns = made.root, made.root.create("org.example.X")
    expected = {}
    fill(directory)
    while root.property("State") != "read-only":
        set_until_refused(ns, expected, 1 * KIB)
    made.regentd.kill()
    os.unlink(os.path.join(made.regentd.runtime_dir, "defaults"))
    made.regentd.start()
    values, revision = ns.get_many()
    assert {key: value.unpack() for key, value in values.items()} == expected
    ns.delete(next(iter(expected)))
    assert root.revision() == revision + 1


def test_full_runtime_directory_stops_runtime_entries_alone(small_disk):
    made, directory = small_disk("runtime_dir", "1m")
    ns = made.root.create("org.example.X")
    ballast = fill(directory)
    with refused(Error.DiskFull, directory):
        for number in range(100):
            ns.apply({"lost": str(number) + "x" * 10 * KIB}, class_="runtime")
    assert made.root.property("State") == "running"
    ns.set("kept", 1)
    os.unlink(ballast)
    ns.apply({"lost": 2}, class_="runtime")
    restart_and_compare(made, ns, {"kept": 1, "lost": 2})


def limit(made, which, soft):
    """Sets a limit of the running regentd; None lifts it."""
    hard = resource.prlimit(made.regentd.process.pid, which)[1]
    resource.prlimit(made.regentd.process.pid, which, (hard if soft is None else soft, hard))


def test_file_size_limit_is_a_failure_that_passes(stack):
    made = stack()
    root, log = made.root, watch_state(made.root)
    ns = root.create("org.example.X")
    expected = {"kept": 1}
    ns.apply(expected)
    root.flush()

    limit(made, resource.RLIMIT_FSIZE, 100)
    with refused(Error.OutcomeUnknown):
        ns.set("lost", 2)
    wait_for_state(root, log, "read-only")
    with refused(Error.ReadOnly):
        ns.set("lost", 3)
    with refused(Error.ReadOnly):
        ns.delete("kept")
    assert {key: v.unpack() for key, v in ns.everything().items()} == expected
    log.clear()

    limit(made, resource.RLIMIT_FSIZE, None)
    wait_for_state(root, log, "running")
    ns.set("after", 4)
    expected["after"] = 4
    assert root.flush() == root.revision()
    restart_and_compare(made, ns, expected)


@pytest.fixture(scope="module")
def failing_disk(tmp_path_factory):
    """See failing-disk.c."""
    library = str(tmp_path_factory.mktemp("preload") / "failing-disk.so")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "failing-disk.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC], ids=errno.errorcode.get)
def test_disk_that_fails_for_a_while(stack, failing_disk, tmp_path, number):
    failure = tmp_path / "failure"
    made = stack(
        environ={
            "LD_PRELOAD": failing_disk,
            "REGENT_TEST_DISK_FAILURE": str(failure),
            "ASAN_OPTIONS": "verify_asan_link_order=0",
        }
    )
    root, log = made.root, watch_state(made.root)
    ns = root.create("org.example.X")
    ns.apply({"kept": 1, "too": 2}, classes={"too": "runtime"})
    expected = {"kept": 1, "too": 2}

    failure.write_text(str(number))
    with refused(Error.OutcomeUnknown):
        ns.apply({"kept": 2, "too": 3}, classes={"too": "runtime"})
    wait_for_state(root, log, "read-only")
    for _ in range(2):
        with refused(Error.ReadOnly):
            ns.set("kept", 3)
    assert root.flush() == root.revision()  # nothing that was acknowledged is missing
    assert {key: v.unpack() for key, v in ns.everything().items()} == expected
    retry_until(
        lambda: root.statistics()["checkpoint-failures"].unpack() > 0, 20, "an attempt to write anew",
        between=lambda _: root.ping(),
    )  # fmt: skip
    log.clear()

    failure.unlink()
    wait_for_state(root, log, "running")
    assert {key: v.unpack() for key, v in ns.everything().items()} == expected
    ns.set("after", 4)
    expected["after"] = 4
    restart_and_compare(made, ns, expected)


def test_no_descriptors_left_stops_checkpoints_alone(stack):
    made = stack(config="[Store]\nCheckpointJournalBytes=64K\n")
    root = made.root
    ns = root.create("org.example.X")
    expected = {}
    fds = {int(fd) for fd in os.listdir(f"/proc/{made.regentd.process.pid}/fd")}
    limit(made, resource.RLIMIT_NOFILE, min(set(range(len(fds) + 1)) - fds))

    for number in range(200):
        ns.set(f"key/{number % 5}", "x" * 2000 + str(number))
        expected[f"key/{number % 5}"] = "x" * 2000 + str(number)
    assert root.property("State") == "running"
    statistics = {key: v.unpack() for key, v in root.statistics().items()}
    assert statistics["checkpoint-failures"] > 0
    assert statistics["journal-bytes"] > 200 * 2000

    limit(made, resource.RLIMIT_NOFILE, None)
    made.regentd.restart()
    assert {key: v.unpack() for key, v in ns.everything().items()} == expected
    assert root.property("LoadedFrom") == "journal"


def test_write_that_fails_before_a_stop_is_not_hidden(stack):
    """A stop while nothing can be written says so in the exit status; the next start has what was acknowledged."""
    made = stack()
    ns = made.root.create("org.example.X")
    ns.set("kept", blob(b"\0" * 1000))
    limit(made, resource.RLIMIT_FSIZE, 100)
    with refused(Error.OutcomeUnknown):
        ns.set("lost", 2)
    made.regentd.process.terminate()
    assert made.regentd.wait_exit() != 0
    made.regentd.start()
    assert ns.get("kept").unpack() == [0] * 1000
    assert made.root.property("State") == "running"
