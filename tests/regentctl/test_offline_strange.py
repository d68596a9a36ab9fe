# SPDX-License-Identifier: LGPL-2.1-or-later
"""Things in a state directory that are no files: they are told of, and keep nobody from the rest."""

import json
import os
import stat

import pytest
from ctl import CONFLICT, INVALID, NOT_FOUND, USAGE, Regentctl

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


def make_socket(path):
    os.mknod(path, stat.S_IFSOCK | 0o600)


def verified(ctl, state):
    """What is told of each file, whatever that comes to."""
    document = json.loads(ctl.run("verify", state, "--json=short").out)
    return {file["path"]: file for file in document["files"]}


@pytest.mark.parametrize("thing", [make_directory, os.mkfifo, make_socket])
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


def test_verify_and_a_start_follow_no_link(stopped, tmp_path):
    """In the place of a file it is damage to both."""
    made, ctl, _ = stopped
    state = f"--state-dir={made.regentd.state_dir}"
    assert ctl.json("verify", state)["loaded-from"] == "journal"
    for name in [name for name in os.listdir(made.regentd.state_dir) if name.startswith(("journal-", "checkpoint-"))]:
        path = os.path.join(made.regentd.state_dir, name)
        os.rename(path, tmp_path / name)
        os.symlink(tmp_path / name, path)
    found = ctl.json("verify", state, status=INVALID)
    made.regentd.start()
    root = made.root
    assert (root.property("State"), root.property("LoadedFrom")) == ("degraded", found["loaded-from"])
    assert root.property("LoadedReason") == found["reason"]
    assert NAME not in root.list_namespaces()


def test_verify_and_a_start_follow_no_link_to_a_directory(stopped, tmp_path):
    made, ctl, _ = stopped
    made.regentd.start()
    made.root.mark_good()
    made.regentd.stop()
    path = os.path.join(made.regentd.state_dir, "last-known-good")
    os.rename(path, tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", path)
    copies = os.listdir(tmp_path / "elsewhere")
    state = f"--state-dir={made.regentd.state_dir}"
    files = verified(ctl, state)
    assert files[path]["verdict"] == "damaged" and "last-good-revision" not in ctl.json("verify", state)
    assert f"{path}: Not a directory" in ctl("recover", "--from=last-known-good", state, status=NOT_FOUND).err
    made.regentd.start()
    assert (made.root.property("State"), made.root.property("LastGoodRevision")) == ("running", 0)
    made.root.mark_good()
    assert os.listdir(tmp_path / "elsewhere") == copies and not os.path.islink(path)


@pytest.mark.parametrize("name", ["journal-77", "checkpoint-77", "journal-18446744073709551615"])
@pytest.mark.parametrize("is_whole", [False, True])
def test_verify_tells_what_a_start_sets_aside(stopped, name, is_whole):
    made, ctl, backup = stopped
    path = os.path.join(made.regentd.state_dir, name)
    source = backup if name.startswith("checkpoint") else os.path.join(made.regentd.state_dir, "journal-0")
    with open(source, "rb") as file:
        content = file.read()
    with open(path, "wb") as file:
        file.write(content if is_whole else b"garbage")
    os.chmod(path, 0o644)
    document = ctl.json("verify", f"--state-dir={made.regentd.state_dir}", status=INVALID)
    found = next(file for file in document["files"] if file["path"] == path)
    assert (found["role"], found["verdict"]) == ("stranger", "damaged")
    assert (found["reason"] == "it is not what it is called") is is_whole
    assert document["loaded-from"] == "journal" and "reason" not in document
    made.regentd.start()
    assert made.root.property("State") == "running"
    assert made.regentd.log().count(f"{path}: it is not what it is called") == 1
    assert ctl.json("verify", f"--state-dir={made.regentd.state_dir}")["verdict"] == "whole"


def test_files_that_are_named_have_to_be_files(stopped, tmp_path):
    made, ctl, _ = stopped
    os.mkfifo(tmp_path / "fifo")
    make_socket(tmp_path / "socket")
    for path in (tmp_path / "fifo", tmp_path / "socket", "/dev/zero"):
        assert f"{path}: it is no file" in ctl("verify", str(path), status=INVALID).err
        told = ctl("recover", f"--state-dir={made.regentd.state_dir}", f"--from={path}", status=INVALID)
        assert f"{path}: it is no file" in told.err


def test_load_refuses_what_is_larger_than_any_value_before_it_changes_anything(stopped, tmp_path):
    made, ctl, _ = stopped
    state = f"--state-dir={made.regentd.state_dir}"
    entries = {"a": {"type": "x", "data": 7}, "huge": {"type": "s", "data": "x" * (70 << 20)}}
    dump = tmp_path / "dump.json"
    dump.write_text(json.dumps({"regent-dump": 1, "namespaces": {NAME: {"entries": entries}, "org.example.New": {}}}))
    told = ctl("load", state, str(dump), status=INVALID)
    assert f"{NAME}: 'huge' is larger than any value" in told.err
    document = json.loads(ctl("dump", state).out)["namespaces"]
    assert list(document) == [NAME] and document[NAME]["entries"]["a"]["data"] == 1


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
