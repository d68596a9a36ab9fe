# SPDX-License-Identifier: LGPL-2.1-or-later
"""backup and recover: a state goes into a file, and from files into a state directory, and nothing is ever lost."""

import ctypes
import hashlib
import json
import os
import re
import shutil
import signal
import stat
import struct
import subprocess
import sys

import pytest
from ctl import CONFLICT, DENIED, INVALID, NOT_FOUND, REFUSED, USAGE, Regentctl
from regent_testing import environment
from regent_testing.waiting import retry_until

sys.path.insert(0, os.path.join(environment.source_root(), "tests", "old-stores"))

# pylint: disable=wrong-import-position
import old_store


@pytest.fixture
def fresh(stack):
    made = stack(polkit=True)
    ns = made.root.create("org.example.A", mode=0o640)
    ns.apply({"mtu": 1500, "hostile": "\x1b[31m\n", "blob": b"\x00\xff"})
    ns.apply({"up": 7}, class_="runtime")
    made.root.create("org.example.B").set("x", [str(n) for n in range(300)])
    return made, ns, Regentctl(made.bus)


def directories(made):
    return (f"--state-dir={made.regentd.state_dir}", f"--runtime-dir={made.regentd.runtime_dir}")


def contents(directory):
    """The bytes of every checkpoint, journal and manifest below, whatever its name is."""
    found = set()
    for path, _, names in os.walk(directory):
        for name in names:
            if name == "MANIFEST" or name.startswith(("checkpoint-", "journal-")):
                with open(os.path.join(path, name), "rb") as file:
                    found.add(hashlib.sha256(file.read()).hexdigest())
    return found


def values(ns):
    return {key: value.unpack() for key, value in ns.everything().items()}


# backup


def test_backup_holds_all_that_is_persistent(fresh, tmp_path):
    made, ns, ctl = fresh
    path = tmp_path / "backup"
    revision = made.root.revision()
    text = ctl("backup", str(path)).err
    assert f"revision {revision}, 2 namespaces, 4 keys" in text and "verified" in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.stat().st_nlink == 1
    file = ctl.json("verify", str(path))["files"][0]
    assert (file["kind"], file["verdict"], file["last-revision"]) == ("checkpoint", "whole", revision)
    assert (file["namespaces"], file["entries"], file["bytes"]) == (2, 4, path.stat().st_size)
    assert os.listdir(tmp_path) == ["backup"]
    assert os.listdir(os.path.join(made.regentd.state_dir, "tmp")) == []


def test_backup_replaces_nothing_unless_told(fresh, tmp_path):
    made, ns, ctl = fresh
    path = tmp_path / "backup"
    path.write_text("mine")
    assert "--force" in ctl.failure("backup", str(path), status=CONFLICT)["hint"]
    assert path.read_text() == "mine"
    assert ctl.json("backup", "--force", str(path))["keys"] == 4
    first = path.read_bytes()
    ns.set("mtu", 1)
    ctl("backup", "--force", str(path))
    assert path.read_bytes() != first
    os.symlink(tmp_path / "nowhere", tmp_path / "link")
    ctl("backup", str(tmp_path / "link"), status=CONFLICT)
    assert not (tmp_path / "nowhere").exists()
    assert sorted(os.listdir(tmp_path)) == ["backup", "link"]


def test_backup_that_fails_leaves_nothing(fresh, tmp_path):
    made, _, ctl = fresh
    ctl("backup", str(tmp_path / "no" / "such"), status=NOT_FOUND)
    ctl("backup", "--host=somewhere", str(tmp_path / "backup"), status=USAGE)
    denied = ctl.with_(user="alice")
    shared = os.path.join(made.directory, "shared")
    os.mkdir(shared)
    os.chmod(shared, 0o777)
    assert "manage" in denied("backup", os.path.join(shared, "backup"), status=DENIED).err
    assert os.listdir(tmp_path) == [] and os.listdir(shared) == []


def test_backup_that_does_not_read_back_is_none(fresh, tmp_path, monkeypatch):
    """A regent-store that finds fault with it: the file does not get its name."""
    made, _, ctl = fresh
    lying = tmp_path / "bin"
    lying.mkdir()
    shutil.copy("/bin/false", lying / "regent-store")
    path = tmp_path / "backup"
    failure = ctl.with_(environ={"REGENTD": str(lying / "regentd")}).run("backup", str(path))
    assert failure.status == 11 and "ended early" in failure.err
    assert os.listdir(tmp_path) == ["bin"]


# recover


def test_recover_from_a_backup(fresh, tmp_path):
    made, ns, ctl = fresh
    path = tmp_path / "backup"
    ctl("backup", str(path))
    ns.apply({"mtu": 9000, "later": 1})
    made.root.remove("org.example.B", 1)
    epoch, revision = made.root.property("Epoch"), made.root.revision()
    held = ctl.failure("recover", f"--from={path}", *directories(made), status=CONFLICT)
    assert "a running regentd has it" in held["text"]
    made.regentd.stop()
    evidence = contents(made.regentd.state_dir) | contents(made.regentd.runtime_dir)

    before = contents(made.regentd.state_dir)
    dry = ctl.json("recover", "--dry-run", f"--from={path}", *directories(made))
    assert dry["keys"] == 4 and "set-aside" not in dry
    assert contents(made.regentd.state_dir) == before
    done = ctl.json("recover", f"--from={path}", *directories(made))
    assert (done["namespaces"], done["keys"]) == (2, 4)
    assert done["revision"] > revision > done["source-revision"]
    assert contents(done["set-aside"]) == before
    assert evidence <= contents(made.regentd.state_dir) | contents(made.regentd.runtime_dir)
    assert ctl.json("verify", *directories(made))["verdict"] == "whole"

    made.regentd.start()
    assert made.root.property("Epoch") != epoch
    assert made.root.property("State") == "running"
    assert made.root.revision() >= done["revision"]
    assert values(ns)["mtu"] == 1500 and set(values(ns)) == {"mtu", "hostile", "blob"}
    assert len(made.root.list_namespaces()) == 2
    assert ns.property("Mode") == 0o640
    assert ns.set("mtu", 1) > done["revision"]

    made.regentd.stop()
    assert ctl.json("recover", f"--from={path}", *directories(made))["revision"] > done["revision"] + 1


def test_recover_from_the_last_known_good(fresh):
    made, ns, ctl = fresh
    made.regentd.stop()
    assert "there is no last known good state" in ctl("recover", "--from=last-known-good", *directories(made), status=NOT_FOUND).err
    made.regentd.start()
    good = made.root.mark_good()
    ns.set("mtu", 1)
    made.regentd.stop()
    assert ctl.json("recover", "--from=last-known-good", *directories(made))["source-revision"] == good
    made.regentd.start()
    assert values(ns)["mtu"] == 1500
    assert made.root.property("LastGoodRevision") == good
    made.root.restore()


def test_recover_from_what_was_set_aside_again_and_again(fresh, tmp_path):
    """Back and forth between two states; each time all that was there stays."""
    made, ns, ctl = fresh
    path = tmp_path / "backup"
    ctl("backup", str(path))
    made.root.mark_good()
    ns.set("mtu", 9000)
    made.root.restore()
    ns.set("mtu", 9001)
    made.regentd.kill()
    evidence, revision = contents(made.regentd.state_dir), 0
    aside = ctl.json("recover", f"--from={path}", *directories(made))["set-aside"]
    for expected in (9001, 1500) * 3:
        source = f"--from={aside}"
        done = ctl.json("recover", source, *directories(made))
        assert done["revision"] > revision
        revision, aside = done["revision"], done["set-aside"]
        evidence |= contents(made.regentd.state_dir)
        dumped = ctl("dump", directories(made)[0]).out
        assert f'"mtu": {{"type":"x","data":{expected}}}' in dumped
    assert evidence <= contents(made.regentd.state_dir)
    assert ctl.json("verify", *directories(made))["verdict"] == "whole"


def test_recover_from_another_directory(fresh, tmp_path):
    made, ns, ctl = fresh
    made.regentd.stop()
    copy = tmp_path / "copy"
    shutil.copytree(made.regentd.state_dir, copy)
    new = tmp_path / "new"
    new.mkdir()
    done = ctl.json("recover", f"--from={copy}", f"--state-dir={new}")
    assert "set-aside" not in done
    # Nobody knows how far the other has gone on, so this one begins far away.
    assert done["revision"] > done["source-revision"] + 2**32
    assert '"mtu"' in ctl("dump", f"--state-dir={new}").out
    assert "no state in it" in ctl("recover", f"--from={new}/tmp", f"--state-dir={new}", status=INVALID).err


def test_recover_refuses_a_damaged_source_unless_told(fresh, tmp_path):
    made, ns, ctl = fresh
    path = tmp_path / "backup"
    ctl("backup", str(path))
    made.regentd.kill()
    before = contents(made.regentd.state_dir)
    whole = path.read_bytes()
    for offset in range(0, len(whole), 37):
        path.write_bytes(whole[:offset] + bytes([whole[offset] ^ 1]) + whole[offset + 1 :])
        assert ctl.run("recover", f"--from={path}", *directories(made)).status in (INVALID, REFUSED)
    for length in (0, 1, 95, 96, len(whole) - 8):
        path.write_bytes(whole[:length])
        ctl("recover", f"--from={path}", *directories(made), status=INVALID)
    assert contents(made.regentd.state_dir) == before

    copy = tmp_path / "copy"
    shutil.copytree(made.regentd.state_dir, copy)
    with open(copy / "journal-0", "r+b") as file:
        file.seek(200)
        file.write(b"junk")
    assert "--force" in ctl("recover", f"--from={copy}", *directories(made), status=INVALID).err
    assert contents(made.regentd.state_dir) == before
    assert ctl.json("recover", "--force", f"--from={copy}", *directories(made))["damage"]


def xxh3(content):
    """What regentd puts under its files."""
    library = ctypes.CDLL("libxxhash.so.0")
    library.XXH3_64bits.restype = ctypes.c_uint64
    return library.XXH3_64bits(content, ctypes.c_size_t(len(content)))


def make_newer(path):
    """The same file, as a version that is to come may write it."""
    with open(path, "r+b") as file:
        content = file.read()
        if content.startswith(b"[Manifest]"):
            body = re.sub(rb"Format=\d+", b"Format=99", content[: content.rindex(b"# XXH3")])
            content = body + b"# XXH3 %016x\n" % xxh3(body)
        else:
            header = content[:8] + struct.pack("<I", 99) + content[12:88]
            content = header + struct.pack("<Q", xxh3(header)) + content[96:]
        file.seek(0)
        file.write(content)
        file.truncate()


@pytest.mark.parametrize("which", ["MANIFEST", "checkpoint-", "journal-", "last-known-good/checkpoint-"])
def test_nothing_is_done_to_files_of_a_later_version(fresh, tmp_path, which):
    made, ns, ctl = fresh
    path = tmp_path / "backup"
    ctl("backup", str(path))
    made.root.mark_good()
    ns.set("mtu", 1)
    made.regentd.restart()
    made.regentd.stop()
    state = made.regentd.state_dir
    below = os.path.join(state, os.path.dirname(which))
    name = max(name for name in os.listdir(below) if name.startswith(os.path.basename(which)) and "good" not in name)
    dump = tmp_path / "dump.json"
    dump.write_text('{"regent-dump": 1, "namespaces": {"org.example.A": {"entries": {}}}}')
    make_newer(os.path.join(below, name))
    before = contents(state)

    document = ctl.json("verify", *directories(made), status=REFUSED)
    assert document["verdict"] == "newer"
    assert [file["path"] for file in document["files"] if file["verdict"] == "newer"] == [os.path.join(below, name)]
    assert "later version" in ctl("verify", *directories(made), status=REFUSED).out
    assert "later version" in ctl("dump", *directories(made), status=REFUSED).err
    ctl("load", *directories(made), str(dump), status=REFUSED)
    sources = [path, os.path.join(below, name) if "checkpoint" in which else state]
    if which.startswith("last-known-good"):
        assert {file["role"] for file in document["files"]} >= {"newest", "manifest"}
        sources += [state, "last-known-good"]
    for source in sources:
        assert "later version" in ctl("recover", f"--from={source}", *directories(made), status=REFUSED).err
    assert contents(state) == before


def test_recover_over_damage(fresh, tmp_path):
    """What is damaged stays as it is, and what it may have had of revisions is not used again."""
    made, ns, ctl = fresh
    path = tmp_path / "backup"
    ctl("backup", str(path))
    made.regentd.kill()
    manifest = os.path.join(made.regentd.state_dir, "MANIFEST")
    with open(manifest, "r+b") as file:
        file.write(b"[Nothing]")
    evidence = contents(made.regentd.state_dir)
    done = ctl.json("recover", f"--from={path}", *directories(made))
    assert done["revision"] > 2**32
    assert evidence <= contents(made.regentd.state_dir)
    made.regentd.start()
    assert made.root.property("LoadedReason") == "" and values(ns)["mtu"] == 1500


def test_regentd_does_not_start_while_files_are_changed(fresh, tmp_path):
    made, _, ctl = fresh
    file = tmp_path / "dump.json"
    file.write_text(ctl("dump").out)
    made.regentd.stop()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    # regent-store by hand: it keeps the lock until its standard input ends.
    store = os.path.join(os.path.dirname(made.regentd.command()[0]), "regent-store")
    with open(tmp_path / "out", "wb") as out:
        process = subprocess.Popen([store, *directories(made), "load"], stdin=subprocess.PIPE, stdout=out)
        try:
            retry_until(lambda: b"loaded" in (tmp_path / "out").read_bytes(), 20, "regent-store to have it")
            ctl("load", *directories(made), str(file), status=CONFLICT)
            ctl("recover", "--from=last-known-good", *directories(made), status=NOT_FOUND)
            made.regentd.spawn()
            made.regentd.wait_exit(1)
            assert "another regentd is using it" in made.regentd.log()
            assert ctl.json("verify", *directories(made))["held"] is True
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    made.regentd.start()
    assert made.root.property("LoadedReason") == ""


def test_recover_confirms_nothing(fresh, tmp_path):
    """What was waiting when the backup was made is undone by the next start, also where its time is not up."""
    made, ns, ctl = fresh
    path = tmp_path / "backup"
    _, result = ns.apply({"mtu": 9000, "new": 1}, confirm_timeout_usec=3_600_000_000)
    ctl("backup", str(path))
    made.root.confirm(result["token"])
    made.regentd.kill()
    assert ctl.json("verify", *directories(made))["verdict"] == "whole"
    assert ctl.json("recover", "--dry-run", f"--from={path}", *directories(made))["pending-changes"] == 1
    assert "which the next start undoes: 1" in ctl("recover", f"--from={path}", *directories(made)).out
    assert ctl.json("verify", *directories(made))["pending-changes"] == 1
    made.regentd.start()
    retry_until(lambda: "new" not in values(ns) and values(ns)["mtu"] == 1500, 10, "the change is undone")
    assert made.root.property("State") == "running"
    made.regentd.restart()
    assert values(ns)["mtu"] == 1500 and "pending-changes" not in ctl.json("verify", *directories(made))


def test_recover_leaves_a_runtime_directory_that_it_was_not_told_of(fresh, tmp_path):
    """The next start knows that it belongs to what was there before."""
    made, ns, ctl = fresh
    path = tmp_path / "backup"
    ctl("backup", str(path))
    made.regentd.stop()
    ctl("recover", f"--from={path}", directories(made)[0])
    assert ctl.json("verify", *directories(made))["verdict"] == "whole"
    made.regentd.start()
    assert (made.root.property("State"), made.root.property("LoadedReason")) == ("running", "")
    assert set(values(ns)) == {"mtu", "hostile", "blob"}


def keys_of(namespaces):
    """Those that are not of class runtime, of a dump or as old_store tells of them."""
    return {
        space: {key for key, told in seen["entries"].items() if "class=runtime" not in told}
        for space, seen in namespaces.items()
    }


@pytest.mark.parametrize("name", ["killed", "stopped"])
def test_files_of_an_older_format(fresh, tmp_path, name):
    """They are verified, dumped and recovered from as those of today, and not changed by that."""
    made, _, ctl = fresh
    expected = old_store.unpack(str(tmp_path))
    state, new = tmp_path / name / "state", tmp_path / "new"
    before = contents(state)
    new.mkdir()
    assert ctl.json("verify", f"--state-dir={state}")["verdict"] == "whole"
    dumped = json.loads(ctl("dump", f"--state-dir={state}").out)["namespaces"]
    assert keys_of(dumped) == keys_of(expected[name]["namespaces"])
    ctl("recover", f"--from={state}", f"--state-dir={new}")
    assert json.loads(ctl("dump", f"--state-dir={new}").out)["namespaces"] == dumped
    assert contents(state) == before
    ctl("recover", "--from=last-known-good", f"--state-dir={state}")
    assert ctl.json("verify", f"--state-dir={state}")["verdict"] == "whole"
    good = json.loads(ctl("dump", f"--state-dir={state}").out)["namespaces"]
    assert keys_of(good) == keys_of(expected["good"])
    assert before <= contents(state)
