# SPDX-License-Identifier: LGPL-2.1-or-later
"""regentd --once: an existing state directory is brought up to date, without a bus."""

import os
import pwd
import re
import subprocess

import pytest
from regent_testing import environment
from regent_testing.waiting import SLOWNESS

WHOLE, FAILED, DAMAGED, LOCKED = 0, 1, 2, 3
NAME = "org.example.Once"


def once(made, *options, runtime=True, program=()):
    """Runs it on the directories of a Stack."""
    command = [*program, environment.regentd_program(), "--once", f"--state-dir={made.regentd.state_dir}", *options]
    if runtime:
        command.append(f"--runtime-dir={made.regentd.runtime_dir}")
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60 * SLOWNESS, check=False,
        env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus"},
    )  # fmt: skip


@pytest.fixture
def stopped(stack):
    """A regentd that was killed with lazy changes in its journal, both sides in use."""
    made = stack(config="[Store]\nSyncIntervalSec=1d\n")
    ns = made.root.create(NAME)
    ns.apply({"a": 1, "b": "two", "r": 3}, classes={"r": "runtime"})
    ns.apply({"gone": 1})
    ns.delete("gone")
    made.regentd.kill()
    return made, ns


def files(made, prefix):
    return sorted(name for name in os.listdir(made.regentd.state_dir) if name.startswith(prefix))


def check(made, ns, has_runtime=True):
    made.regentd.start()
    assert made.root.property("State") == "running"
    expected = {"a": 1, "b": "two", **({"r": 3} if has_runtime else {})}
    assert {key: v.unpack() for key, v in ns.everything().items()} == expected


def test_brings_up_to_date(stopped):
    made, ns = stopped
    assert not files(made, "checkpoint-")
    done = once(made)
    assert (done.returncode, done.stderr) == (WHOLE, "")
    assert re.fullmatch(
        re.escape(made.regentd.state_dir)
        + r": loaded from journal, written and read back as of revision \d+: 1 namespaces, 3 keys\n",
        done.stdout,
    )
    (checkpoint,) = files(made, "checkpoint-")
    (path,) = [name for name in files(made, "journal-") if name.split("-")[1] == checkpoint.split("-")[1]]
    assert path

    # A second time there is nothing to do, and nothing changes.
    before = {name: os.stat(os.path.join(made.regentd.state_dir, name)).st_ino for name in files(made, "")}
    assert once(made).returncode == WHOLE
    assert files(made, "checkpoint-") == [checkpoint]
    assert before.keys() == set(files(made, ""))
    check(made, ns)


def test_without_the_runtime_directory(stopped):
    """What is of class runtime stays out of it, and whoever has it goes on with it."""
    made, ns = stopped
    before = sorted(os.listdir(made.regentd.runtime_dir))
    done = once(made, runtime=False)
    assert done.returncode == WHOLE and "2 keys" in done.stdout
    assert sorted(os.listdir(made.regentd.runtime_dir)) == before
    check(made, ns)


def test_says_that_something_was_damaged(stopped):
    made, ns = stopped
    (path,) = [os.path.join(made.regentd.state_dir, name) for name in files(made, "MANIFEST")]
    with open(path, "r+b") as file:
        file.write(b"#")
    done = once(made)
    assert done.returncode == DAMAGED
    assert "the manifest is damaged" in done.stderr and "may be lost" in done.stdout
    assert os.listdir(os.path.join(made.regentd.state_dir, "damaged"))
    # It is whole again.
    assert once(made).returncode == WHOLE
    check(made, ns)


def test_leaves_alone_what_a_regentd_has(stopped):
    made, ns = stopped
    made.regentd.start()
    ns.set("a", 1)
    done = once(made)
    assert done.returncode == LOCKED and "another regentd is using it" in done.stderr
    assert done.stdout == ""
    assert made.root.property("State") == "running"


def test_makes_no_directory(stack, tmp_path):
    made = stack(start=False)
    done = once(made, f"--state-dir={tmp_path}/absent")
    assert done.returncode == FAILED and "there is no such directory" in done.stderr
    assert not os.path.exists(tmp_path / "absent")


def test_leaves_what_belongs_to_another_user_alone(stopped, sandbox):
    made, _ = stopped
    os.chown(made.regentd.state_dir, pwd.getpwnam("alice").pw_uid, -1)
    done = once(made)
    assert done.returncode == FAILED and "do this as that user" in done.stderr
    assert not files(made, "checkpoint-")
    os.chown(made.regentd.state_dir, 0, -1)


def test_says_that_it_could_not_write(stopped):
    made, ns = stopped
    done = once(made, program=("prlimit", "--fsize=100"))
    assert done.returncode == FAILED and made.regentd.state_dir in done.stderr
    assert done.stdout == ""
    check(made, ns)


def test_hidden_entries_and_changes_that_wait_are_read_back_too(stopped):
    made, ns = stopped
    made.regentd.start()
    for release in ("5.10", "6.1"):
        ns.apply({"a": release, "only": release}, class_="kernel", release=release)
    revision, _ = ns.apply({"b": "three"}, confirm_timeout_usec=3_600_000_000)
    made.regentd.kill()
    done = once(made)
    assert (done.returncode, done.stderr) == (WHOLE, "")
    made.regentd.start()
    assert list(made.root.pending_changes()) == [revision]
    assert {key: v.unpack() for key, v in ns.get_many(release="6.1")[0].items()} == {"a": "6.1", "only": "6.1"}
