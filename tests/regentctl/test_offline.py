# SPDX-License-Identifier: LGPL-2.1-or-later
"""verify, recover, backup, and dump and load of a state directory: what they do, and to whom."""

import hashlib
import json
import os
import shutil
import stat

import golden
import pytest
from ctl import CONFLICT, DENIED, DIFFERS, DONE, INVALID, NOT_FOUND, REFUSED, USAGE, Regentctl
from regent_testing import environment, machine


@pytest.fixture
def fresh(stack):
    """A stack of the test's own with two namespaces, and regentctl on its bus."""
    made = stack()
    ns = made.root.create("org.example.A", mode=0o640)
    ns.apply({"mtu": 1500, "name": "eth0", "hostile": "\x1b[31m\n", "blob": b"\x00\xff"})
    ns.apply({"up": 7}, class_="runtime")
    ns.set("gone", 1)
    ns.delete("gone")
    made.root.create("org.example.B").set("x", [str(n) for n in range(300)])
    return made, ns, Regentctl(made.bus)


def directories(made):
    return (f"--state-dir={made.regentd.state_dir}", f"--runtime-dir={made.regentd.runtime_dir}")


def fingerprint(directory):
    """Every file with its content and times."""
    found = {}
    for path, _, names in os.walk(directory):
        for name in names:
            full = os.path.join(path, name)
            status = os.stat(full)
            with open(full, "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
            os.utime(full, ns=(status.st_atime_ns, status.st_mtime_ns))
            found[os.path.relpath(full, directory)] = (digest, status.st_mtime_ns, status.st_atime_ns, status.st_ino)
    return found


def file_of(document, end):
    return next(file for file in document["files"] if file["path"].endswith(end))


def newest_journal(directory):
    return os.path.join(directory, max((n for n in os.listdir(directory) if n.startswith("journal-")), key=len))


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 0x10]))


# verify


def test_verify_finds_everything_whole_while_regentd_runs(fresh):
    made, _, ctl = fresh
    document = ctl.json("verify", *directories(made))
    assert document["verdict"] == "whole" and document["held"] is True
    assert (document["loaded-from"], document["namespaces"], document["keys"]) == ("journal", 2, 6)
    assert document["revision"] == made.root.revision()
    journal = file_of(document, "/state/journal-0")
    assert (journal["verdict"], journal["kind"], journal["role"]) == ("whole", "journal", "newest")
    assert (journal["first-revision"], journal["last-revision"], journal["records"]) == (1, document["revision"], 6)
    assert file_of(document, "/run/journal-0")["records"] == 1
    assert "is at work" in ctl("verify", *directories(made)).err


def test_verify_touches_nothing(fresh):
    made, _, ctl = fresh
    made.root.mark_good()
    made.regentd.stop()
    before = [fingerprint(path) for path in (made.regentd.state_dir, made.regentd.runtime_dir)]
    document = ctl.json("verify", *directories(made))
    assert document["verdict"] == "whole" and document["held"] is False
    assert document["last-good-revision"] > 0
    assert [fingerprint(path) for path in (made.regentd.state_dir, made.regentd.runtime_dir)] == before


def test_verify_tells_a_torn_end_from_damage(fresh):
    made, ns, ctl = fresh
    made.regentd.kill()
    path = newest_journal(made.regentd.state_dir)
    revision = ctl.json("verify", *directories(made))["revision"]
    with open(path, "rb") as file:
        whole = file.read()
    end = len(whole.rstrip(b"\0"))
    at = (end + 7) & ~7
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(b"torn away")
    document = ctl.json("verify", *directories(made), status=DIFFERS)
    assert document["verdict"] == "torn" and document["revision"] == revision
    journal = file_of(document, "/state/journal-0")
    assert (journal["verdict"], journal["offset"]) == ("torn", at)
    text = ctl("verify", *directories(made), status=DIFFERS).out
    assert "nobody was told was on disk" in text and "a lazy change in it is lost" in text

    with open(path, "wb") as file:
        file.write(whole)
    flip(path, 200)
    document = ctl.json("verify", *directories(made), status=INVALID)
    assert document["verdict"] == "damaged"
    assert document["loaded-from"] == "prefix"
    assert document["known-revision"] >= revision > document["revision"]
    assert file_of(document, "/state/journal-0")["reason"]
    text = ctl("verify", *directories(made), status=INVALID).out
    assert "Lost: at least what was changed in revisions" in text and "damaged at byte" in text


def test_verify_finds_damage_that_a_start_does_not_need(fresh):
    """The previous generation, a copy, a file of which only a backup is left."""
    made, ns, ctl = fresh
    made.root.mark_good()
    made.regentd.restart()
    ns.set("mtu", 1)
    made.regentd.restart()
    state = made.regentd.state_dir
    made.regentd.stop()
    document = ctl.json("verify", *directories(made))
    previous = [file for file in document["files"] if file["role"] == "previous" and file["kind"] == "checkpoint"]
    good = [file for file in document["files"] if file["role"] == "last-known-good"]
    assert previous and good
    for file in (previous[0], good[0]):
        flip(file["path"], 200)
        found = ctl.json("verify", *directories(made), status=INVALID)
        assert found["loaded-from"] == "journal" and "reason" not in found
        assert file_of(found, file["path"])["verdict"] == "damaged"
        flip(file["path"], 200)
    os.rename(previous[0]["path"], os.path.join(state, "elsewhere"))
    assert file_of(ctl.json("verify", *directories(made), status=INVALID), previous[0]["path"])["reason"] == (
        "it is missing"
    )


def test_verify_of_odd_places(fresh, tmp_path):
    made, _, ctl = fresh
    empty = tmp_path / "empty"
    empty.mkdir()
    for place in (empty, "/etc"):
        failure = ctl.failure("verify", f"--state-dir={place}", status=NOT_FOUND)
        assert "no state in it" in failure["text"] and "mounted" in failure["hint"]
        assert "no state in it" in ctl("dump", f"--state-dir={place}", status=NOT_FOUND).err
    # A runtime directory says that there was a state in this boot: a start would find that something is lost.
    assert ctl.json("verify", f"--state-dir={empty}", directories(made)[1], status=INVALID)["loaded-from"] == "nothing"
    assert not list(empty.iterdir())
    assert ctl.failure("verify", f"--state-dir={empty}/none", status=NOT_FOUND)["status"] == "not-found"
    os.mkfifo(empty / "MANIFEST")
    os.symlink("/etc/passwd", empty / "checkpoint-7")
    os.mkfifo(empty / "journal-0")
    document = ctl.json("verify", f"--state-dir={empty}", status=INVALID)
    assert {file["verdict"] for file in document["files"]} == {"damaged"}
    ctl("verify", "--host=somewhere", status=USAGE)


def test_verify_of_files(fresh, tmp_path):
    made, _, ctl = fresh
    made.regentd.stop()
    state = made.regentd.state_dir
    names = [name for name in os.listdir(state) if "-" in name and name != "last-known-good" or name == "MANIFEST"]
    document = ctl.json("verify", *[os.path.join(state, name) for name in names])
    assert {file["kind"] for file in document["files"]} == {"manifest", "checkpoint", "journal"}
    other = tmp_path / "-o\x1bther"
    other.write_bytes(b"nothing of the kind")
    result = ctl("verify", "--", str(other), status=INVALID)
    assert "no file of regentd" in result.out and "\x1b" not in result.out
    assert ctl("verify", str(tmp_path / "none"), status=NOT_FOUND).err
    for option in directories(made):
        assert "do not go with files" in ctl("verify", option, str(other), status=USAGE).err
    assert ctl("verify", "-q", "--", str(other), status=INVALID).out.strip() == "Something is damaged."


def test_verify_and_dump_beside_a_busy_regentd(fresh):
    """Journals are switched, checkpoints taken and files unlinked under their eyes."""
    made, ns, ctl = fresh
    for turn in range(12):
        pending = [ns.start_set(f"k{n}", str(turn) * 30000) for n in range(40)]
        document = ctl.json("verify", *directories(made))
        assert document["verdict"] == "whole", document
        assert '"mtu"' in ctl("dump", *directories(made)).out
        for each in pending:
            each.result()
    assert made.root.statistics()["checkpoints"].unpack() > 3


CORPUS = os.path.join(environment.source_root(), "tests", "fuzz", "corpus", "store-file")
GOLDEN_FILES = ("backup", "backup-cut", "journal", "journal-damaged", "journal-torn", "manifest", "nothing-of-ours")


@pytest.fixture
def known_files(tmp_path):
    """Files that are always the same, below a name that is, too."""
    path = "/dev/shm/regent-golden"
    shutil.copytree(CORPUS, path, dirs_exist_ok=True)
    yield [os.path.join(path, name) for name in GOLDEN_FILES]
    shutil.rmtree(path)


def test_report_to_the_letter(service, known_files):
    ctl = Regentctl(service.bus, environ={"LC_ALL": "C"})
    golden.check("verify.pipe-C", ctl("verify", *known_files, status=INVALID).out)
    golden.check("verify-json.pipe-C", ctl("verify", "--json=pretty", *known_files, status=INVALID).out)
    with ctl.terminal("verify", *known_files) as terminal:
        golden.check("verify.terminal-C", terminal.finish(INVALID))


# dump and load


def test_dump_of_files_is_that_of_the_service(fresh):
    made, _, ctl = fresh
    online = ctl("dump").out
    assert ctl("dump", *directories(made)).out == online
    assert ctl("dump", "--json=short").out == ctl("dump", "--json=short", *directories(made)).out
    some = ctl("dump", "org.example.B").out
    made.regentd.stop()
    assert ctl("dump", *directories(made)).out == online
    assert ctl("dump", *directories(made), "org.example.B").out == some
    assert "up" not in json.loads(ctl("dump", directories(made)[0]).out)["namespaces"]["org.example.A"]["entries"]
    assert "org.example.C" in ctl("dump", *directories(made), "org.example.C", status=NOT_FOUND).err


def test_dump_of_damaged_files_must_be_forced(fresh):
    made, _, ctl = fresh
    made.regentd.kill()
    flip(newest_journal(made.regentd.state_dir), 200)
    before = fingerprint(made.regentd.state_dir)
    assert "--force" in ctl("dump", *directories(made), status=INVALID).err
    assert "org.example.A" in ctl("dump", "--force", *directories(made)).out
    assert fingerprint(made.regentd.state_dir) == before


def test_load_into_files(fresh, tmp_path):
    made, ns, ctl = fresh
    document = json.loads(ctl("dump").out)
    spaces = document["namespaces"]
    spaces["org.example.A"]["entries"]["mtu"]["data"] = 9000
    del spaces["org.example.A"]["entries"]["name"]
    spaces["org.example.New"] = {
        "access": {"owner": "root", "mode": "0600", "quota-keys": 10},
        "entries": {f"k{n}": {"type": "i", "data": n} for n in range(9)},
    }
    file = tmp_path / "dump.json"
    file.write_text(json.dumps(document))
    held = ctl.failure("load", *directories(made), str(file), status=CONFLICT)
    assert "a running regentd has it" in held["text"] and "systemctl stop" in held["hint"]
    revision = made.root.revision()
    made.regentd.stop()

    changes = ctl.json("load", "--dry-run", "--prune", *directories(made), str(file))
    assert (changes["changed"], changes["removed"], changes["created"]) == (10, 1, ["org.example.New"])
    done = ctl.json("load", "--prune", "--reason=by hand", *directories(made), str(file))
    assert done["revision"] > revision and done["created"] == ["org.example.New"]
    assert ctl("load", "--prune", *directories(made), str(file)).err == "nothing to do\n"
    assert ctl.json("load", "--prune", *directories(made), str(file))["changed"] == 0

    made.regentd.start()
    assert made.root.property("LoadedReason") == ""
    assert made.root.revision() >= done["revision"]
    values = {key: value.unpack() for key, value in ns.everything().items()}
    assert values["mtu"] == 9000 and "name" not in values and values["up"] == 7
    new = made.root.ns("org.example.New")
    assert (new.property("QuotaKeys"), new.property("Mode"), len(new.keys())) == (10, 0o600, 9)


def test_load_into_files_respects_quotas_and_is_atomic_when_told(fresh, tmp_path):
    made, _, ctl = fresh
    made.regentd.stop()
    file = tmp_path / "dump.json"
    entries = {f"k{n}": {"type": "i", "data": n} for n in range(9)}
    file.write_text(json.dumps({"regent-dump": 1, "namespaces": {
        "org.example.Small": {"access": {"mode": "0600", "quota-keys": 3}, "entries": entries}}}))  # fmt: skip
    before = ctl("dump", *directories(made)).out
    failure = ctl.failure("load", "--atomic", *directories(made), str(file), status=REFUSED)
    assert "3" in failure["text"]
    after = ctl("dump", *directories(made)).out
    assert json.loads(after)["namespaces"] == json.loads(before)["namespaces"]
    ctl("load", *directories(made), str(file), status=REFUSED)
    assert "org.example.Small" in ctl("dump", *directories(made)).out


def test_load_without_a_runtime_directory_leaves_runtime_keys(fresh, tmp_path):
    made, _, ctl = fresh
    file = tmp_path / "dump.json"
    file.write_text(ctl("dump").out)
    new = tmp_path / "new"
    new.mkdir()
    result = ctl("load", f"--state-dir={new}", str(file))
    assert "1 keys of class runtime are left out" in result.err
    dumped = json.loads(ctl("dump", f"--state-dir={new}").out)["namespaces"]
    wanted = json.loads(file.read_text())["namespaces"]
    del wanted["org.example.A"]["entries"]["up"]
    assert dumped == wanted
    assert not [name for name in os.listdir("/tmp") if name.startswith("regent-store-")]


def test_session_keys_are_dumped_and_left_out_of_a_load(fresh, tmp_path):
    made, ns, ctl = fresh
    ns.apply({"mine": 1, "mtu": 9000}, class_="session")
    online = json.loads(ctl("dump").out)["namespaces"]
    made.regentd.stop()
    file = tmp_path / "dump.json"
    file.write_text(ctl("dump", *directories(made)).out)
    entries = json.loads(file.read_text())["namespaces"]["org.example.A"]["entries"]
    assert entries == online["org.example.A"]["entries"]
    assert {key for key, thing in entries.items() if thing.get("class") == "session"} == {"mine", "mtu"}
    assert "2 keys of class session are left out" in ctl("load", *directories(made), str(file)).err

    # They stay where they are, unless the file has them of another class; --prune is none.
    changed = json.loads(file.read_text())
    del changed["namespaces"]["org.example.A"]["entries"]["mine"]
    del changed["namespaces"]["org.example.A"]["entries"]["mtu"]["class"]
    file.write_text(json.dumps(changed))
    ctl("load", "--prune", *directories(made), str(file))
    made.regentd.start()
    assert ns.describe("mine")["session"].unpack() == made.root.unique_name()
    assert ns.describe("mtu")["class"].unpack() == "persistent"


def test_many_keys_take_several_commits(fresh, tmp_path):
    made, _, ctl = fresh
    entries = {f"k{n:06}": {"type": "i", "data": n} for n in range(20000)}
    file = tmp_path / "many.json"
    file.write_text(json.dumps({"regent-dump": 1, "namespaces": {"org.example.Many": {"entries": entries}}}))
    new = tmp_path / "new"
    new.mkdir()
    assert "in 6 commits" in ctl("load", f"--state-dir={new}", str(file)).err
    again = tmp_path / "again"
    again.mkdir()
    assert "in 2 commits" in ctl("load", "--atomic", f"--state-dir={again}", str(file)).err
    one, other = (json.loads(ctl("dump", f"--state-dir={path}").out)["namespaces"] for path in (new, again))
    assert one == other and len(one["org.example.Many"]["entries"]) == 20000
    assert ctl.json("verify", f"--state-dir={new}")["keys"] == 20000


# who may, and where


def test_only_state_directories_are_changed(fresh, tmp_path):
    made, _, ctl = fresh
    backup = str(tmp_path / "backup")
    ctl("backup", backup)
    home = tmp_path / "home"
    home.mkdir()
    (home / "letter").write_text("dear")
    assert "no state directory" in ctl("recover", f"--from={backup}", f"--state-dir={home}", status=INVALID).err
    file = tmp_path / "dump.json"
    file.write_text(ctl("dump").out)
    ctl("load", f"--state-dir={home}", str(file), status=INVALID)
    assert os.listdir(home) == ["letter"]
    missing = ctl.failure("recover", f"--from={backup}", f"--state-dir={home}/none", status=NOT_FOUND)
    assert "install -d" in missing["hint"]


def test_root_changes_files_as_their_owner(fresh, tmp_path, sandbox):
    """regentd runs as a user of its own, and must be able to open what was written."""
    made, _, ctl = fresh
    backup = str(tmp_path / "backup")
    ctl("backup", backup)
    assert stat.S_IMODE(os.stat(backup).st_mode) == 0o600
    uid, gid, _ = environment.ids_of("alice")
    state = environment.make_shared_directory(os.path.join(made.directory, "hers"), "alice")
    ctl("recover", f"--from={backup}", f"--state-dir={state}")
    found = {(os.stat(os.path.join(p, n)).st_uid) for p, ds, ns in os.walk(state) for n in ds + ns}
    assert found == {uid}
    assert os.stat(state).st_gid == gid


def test_other_users_change_nothing(fresh, tmp_path, sandbox):
    """A directory that one may read, and that is somebody else's."""
    made, _, ctl = fresh
    programs = environment.reachable(os.path.dirname(environment.regentd_program()))
    bob = ctl.with_(user="bob", environ={"REGENTD": os.path.join(programs, "regentd")})
    state = environment.make_shared_directory(os.path.join(made.directory, "hers"), "alice")
    os.chmod(state, 0o755)
    file = os.path.join(made.directory, "dump.json")
    with open(file, "w", encoding="utf-8") as dump:
        dump.write(ctl("dump").out)
    os.chmod(file, 0o644)
    assert "belongs to the user" in bob("load", f"--state-dir={state}", file, status=DENIED).err
    assert os.listdir(state) == []
    ctl("verify", f"--state-dir={state}", status=NOT_FOUND)


def test_recover_wants_a_source(ctl):
    assert "--from=" in ctl("recover", status=USAGE).err


# entries of kernels

OLD, NEW = "6.1.0-18-amd64", "6.12.0"


@pytest.fixture
def kernels(stack, tmp_path_factory):
    """A namespace with entries of several kernels, on one of them."""
    library = machine.build(tmp_path_factory.mktemp("preload"))
    made = stack(environ=machine.environ(library, OLD))
    ns = made.root.create("org.example.Router")
    ns.apply({"mtu": 1500, "name": "core", "up": 1}, classes={"up": "runtime"})
    ns.apply({"mtu": 9000, "driver": "old"}, class_="kernel")
    ns.apply({"mtu": 4000, "zone": "b"}, release=NEW)
    ns.apply({"zone": "c"}, release="5.10")
    return made, ns, Regentctl(made.bus, environ=made.regentd.environ)


def test_dump_of_files_has_the_entries_of_every_kernel(kernels):
    made, _, ctl = kernels
    online = ctl("dump").out
    assert set(json.loads(online)["namespaces"]["org.example.Router"]["kernels"]) == {OLD, NEW, "5.10"}
    assert ctl("dump", *directories(made)).out == online
    assert ctl("dump", "--json=short", *directories(made)).out == ctl("dump", "--json=short").out
    made.regentd.stop()
    assert ctl("dump", *directories(made)).out == online


def test_load_into_files_of_entries_of_kernels(kernels, tmp_path):
    made, ns, ctl = kernels
    file = tmp_path / "dump.json"
    document = json.loads(ctl("dump").out)
    router = document["namespaces"]["org.example.Router"]
    router["kernels"][NEW]["mtu"]["data"] = 4001
    del router["kernels"][OLD]["driver"]
    router["entries"]["mtu"]["data"] = 1501
    file.write_text(json.dumps(document))
    made.regentd.stop()

    new = tmp_path / "new"
    new.mkdir()
    assert "several kernel releases" in ctl("load", "--atomic", f"--state-dir={new}", str(file), status=REFUSED).err
    assert json.loads(ctl("dump", f"--state-dir={new}").out)["namespaces"] == {}
    ctl("load", f"--state-dir={new}", str(file))
    loaded = json.loads(ctl("dump", f"--state-dir={new}").out)["namespaces"]["org.example.Router"]
    assert loaded["kernels"] == router["kernels"]

    ctl("load", "--prune", *directories(made), str(file))
    assert ctl("load", "--prune", *directories(made), str(file)).err == "nothing to do\n"
    assert json.loads(ctl("dump", *directories(made)).out)["namespaces"] == document["namespaces"]
    made.regentd.start()
    assert made.root.property("State") == "running"
    assert json.loads(ctl("dump").out)["namespaces"] == document["namespaces"]
    assert (ns.get("mtu").unpack(), ns.describe("mtu")["release"].unpack()) == (9000, OLD)


def test_recover_brings_back_the_entries_of_every_kernel(kernels, tmp_path):
    made, ns, ctl = kernels
    path = tmp_path / "backup"
    ctl("backup", str(path))
    wanted = json.loads(ctl("dump").out)["namespaces"]
    ns.apply({"mtu": 1}, release=NEW)
    ns.apply({}, ["zone"], release="5.10")
    made.regentd.stop()
    ctl("recover", f"--from={path}", *directories(made))
    made.regentd.start()
    del wanted["org.example.Router"]["entries"]["up"]
    assert json.loads(ctl("dump").out)["namespaces"] == wanted


# changes that wait for a confirmation


def test_load_into_files_leaves_alone_what_waits_for_a_confirmation(fresh, tmp_path):
    made, ns, ctl = fresh
    file = tmp_path / "dump.json"
    file.write_text(ctl("dump").out)
    ns.apply({"mtu": 9000}, confirm_timeout_usec=3_600_000_000)
    ns.set("name", "eth1")
    made.regentd.kill()
    assert ctl.json("verify", *directories(made))["pending-changes"] == 1
    assert "wait for a confirmation: 1" in ctl("verify", *directories(made)).out
    failure = ctl.failure("load", "--prune", *directories(made), str(file), status=CONFLICT)
    assert "waits for the confirmation" in failure["text"]
    some = json.loads(file.read_text())
    del some["namespaces"]["org.example.A"]["entries"]["mtu"]
    file.write_text(json.dumps(some))
    ctl("load", *directories(made), str(file))
    assert ctl.json("verify", *directories(made))["pending-changes"] == 1
    made.regentd.start()
    assert (ns.get("mtu").unpack(), ns.get("name").unpack()) == (9000, "eth0")
    assert len(ctl.json("status")["pending-changes"]) == 1
