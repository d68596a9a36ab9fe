# SPDX-License-Identifier: LGPL-2.1-or-later
"""Things in a state directory that are no files: they are told of, and keep nobody from the rest."""

import json
import os
import stat

import pytest
from ctl import CONFLICT, USAGE, Regentctl

NAME = "org.example.A"


@pytest.fixture
def stopped(stack, tmp_path):
    made = stack()
    made.root.create(NAME).set("a", 1)
    ctl = Regentctl(made.bus)
    ctl("backup", str(tmp_path / "backup"))
    made.regentd.stop()
    return made, ctl, tmp_path / "backup"


def make_directory(path):
    os.makedirs(os.path.join(path, "below"))


def verified(ctl, state):
    """What is told of each file, whatever that comes to."""
    document = json.loads(ctl.run("verify", state, "--json=short").out)
    return {file["path"]: file for file in document["files"]}


@pytest.mark.parametrize("thing", [make_directory, os.mkfifo])
@pytest.mark.parametrize("place", ["journal-77", "last-known-good/checkpoint-77", "damaged/then/journal-77"])
def test_verify_tells_and_recover_goes_on(stopped, place, thing):
    made, ctl, backup = stopped
    state = f"--state-dir={made.regentd.state_dir}"
    path = os.path.join(made.regentd.state_dir, place)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    thing(path)
    files = verified(ctl, state)
    assert files[path]["verdict"] == "damaged" and "no file" in files[path]["reason"]
    assert files[os.path.join(made.regentd.state_dir, "MANIFEST")]["verdict"] == "whole"

    ctl("recover", f"--from={backup}", state)
    made.regentd.start()
    assert made.root.ns(NAME).get("a").unpack() == 1
    made.regentd.stop()
    files = verified(ctl, state)
    assert any(name.endswith("-77") and file["verdict"] == "damaged" for name, file in files.items())


def test_backup_replaces_nothing_but_files(stopped, tmp_path):
    made, ctl, backup = stopped
    made.regentd.start()
    os.mknod(tmp_path / "device", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.symlink(backup, tmp_path / "link")
    for name in ("device", "link"):
        assert "no file" in ctl("backup", "--force", str(tmp_path / name), status=CONFLICT).err
    assert stat.S_ISCHR(os.lstat(tmp_path / "device").st_mode) and os.path.islink(tmp_path / "link")
    assert "standard output" in ctl("backup", "-", status=USAGE).err
    ctl("backup", "--force", str(backup))
