# SPDX-License-Identifier: LGPL-2.1-or-later
"""mark-good, restore."""

import os
import subprocess

import pytest
from ctl import DENIED, NOT_FOUND, REFUSED, USAGE, Regentctl


@pytest.fixture
def fresh(stack):
    """A service of the test's own, regentctl on it, and a namespace."""
    made = stack()
    return made, Regentctl(made.bus), made.root.create("org.example.X", mode=0o644)


def test_mark_and_restore(fresh):
    made, ctl, ns = fresh
    revision = ns.set("a", 1)
    result = ctl("mark-good")
    assert (result.out, result.err) == ("", f"The last known good state is the one of revision {revision}.\n")
    assert ctl.json("mark-good") == {"revision": revision}
    assert ctl("mark-good", "-q").err == ""

    ns.set("a", 2)
    ns.set("b", 3)
    result = ctl("restore")
    assert (result.out, result.err) == ("", f"Everything is what was marked good, as of revision {revision + 3}.\n")
    assert {key: value.unpack() for key, value in ns.everything().items()} == {"a": 1}
    # Nothing is left to change.
    assert ctl.json("restore", "last-known-good") == {"revision": revision + 3}
    assert ctl("restore", "-q").err == ""
    assert made.root.property("LastGoodRevision") == revision


def test_arguments(fresh):
    _, ctl, _ = fresh
    failure = ctl.failure("restore", "yesterday", status=USAGE)
    assert failure["text"] == "There is no source 'yesterday'"
    assert "last-known-good" in failure["hint"]
    ctl("restore", "last-known-good", "again", status=USAGE)
    ctl("mark-good", "now", status=USAGE)
    ctl("restore", "--dry-run", status=USAGE)


def test_nothing_is_good_yet(fresh):
    _, ctl, _ = fresh
    failure = ctl.failure("restore", status=NOT_FOUND)
    assert failure["text"] == "There is no last known good state"
    assert "regentctl mark-good" in failure["hint"]


def test_not_for_everybody(ctl_as, sandbox, service):
    for verb, member in (("mark-good", "MarkGood"), ("restore", "Restore")):
        hint = ctl_as("bob").failure(verb, status=DENIED)["hint"]
        assert f"org.regentd.state1.manage with the verb {member}" in hint


def test_full_disk(fresh, sandbox):
    made, ctl, _ = fresh
    made.regentd.stop()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "regent-test", made.regentd.state_dir], check=False
    )
    if done.returncode != 0:
        pytest.skip("no mounts here")
    try:
        made.regentd.start()
        space = made.root.create("org.example.Large")
        space.set("large", "x" * 900000)
        with open(os.path.join(made.regentd.state_dir, "ballast"), "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                # So that a part of what is written still fits.
                file.truncate(file.tell() - 8192)
        failure = ctl.failure("mark-good", status=REFUSED)
        assert "The copy could not be written, the one before is still" in failure["text"]
        assert "make room" in failure["hint"]
        assert made.root.property("LastGoodRevision") == 0
        made.regentd.stop()
    finally:
        subprocess.run(["umount", "--lazy", made.regentd.state_dir], check=True)
