# SPDX-License-Identifier: LGPL-2.1-or-later
"""State directories of an older format are taken over, whole; those of a newer one are left alone."""

import ctypes
import os
import re
import shutil
import struct
import subprocess
import sys

import pytest
from regent_testing import environment
from regent_testing.stack import Stack

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "old-stores"))

# pylint: disable=wrong-import-position
import old_store
from test_disk import fill, mount, wait_for_state, watch_state

BOOT_LIBRARY = os.path.join(os.path.dirname(environment.regentd_program()), "..", "tests", "crash", "crash-recorder.so")
NOW = 3


def version_of(path):
    with open(path, "rb") as file:
        return struct.unpack_from("<I", file.read(12), 8)[0]


def formats(state_dir):
    """The versions of the files, newest last, and that of the manifest."""
    names = [name for name in os.listdir(state_dir) if name.startswith(("checkpoint-", "journal-"))]
    names.sort(key=lambda name: int(name.partition("-")[2]))
    with open(os.path.join(state_dir, "MANIFEST"), encoding="utf-8") as file:
        return [version_of(os.path.join(state_dir, name)) for name in names], re.search("Format=(.*)", file.read())[1]


class OldStack:
    """A Stack on a copy of what an older regentd has left. Its boot is that one's, until another is given."""

    def __init__(self, directory, name, version):
        self.expected = old_store.unpack(directory, version)
        self.version = version
        self.upgraded = f"was in format {version}, and is in format {NOW} from now on"
        self.good = self.expected["good"]
        self.expected = self.expected[name]
        self.stack = Stack(config="", start=False)
        regentd = self.stack.regentd
        for part, path in (("state", regentd.state_dir), ("runtime", regentd.runtime_dir)):
            shutil.rmtree(path)
            shutil.move(os.path.join(directory, name, part), path)
        regentd.environ["LD_PRELOAD"] = BOOT_LIBRARY
        regentd.environ["REGENT_BOOT"] = self.expected.pop("boot")
        self.state_dir, self.runtime_dir = regentd.state_dir, regentd.runtime_dir

    def look(self):
        """What is there, but for the revision that the service itself is at."""
        found = old_store.look(self.stack.root)
        assert found.pop("Revision") >= self.expected["Revision"]
        return found


@pytest.fixture(params=[(name, version) for version in range(1, NOW) for name in ("killed", "stopped")])
def old(request, tmp_path):
    made = OldStack(str(tmp_path), *request.param)
    with made.stack:
        yield made


def all_that_was(old):
    return {name: seen for name, seen in old.expected.items() if name != "Revision"}


def test_everything_is_there_and_in_the_new_format(old):
    regentd = old.stack.regentd.start()
    root = old.stack.root
    assert old.look() == all_that_was(old)
    assert (root.property("State"), root.property("LoadedFrom")) == ("running", "journal")
    assert regentd.log().count(old.upgraded) == 1
    for directory in (old.state_dir, old.runtime_dir):
        versions, manifest = formats(directory)
        # What is written to is new, what was there is still what there is to go back to.
        assert (versions[-2:], set(versions[:-2]), manifest) == ([NOW, NOW], {old.version}, str(NOW))

    root.ns("org.old.Desk").set("new", 1)
    for stop in (regentd.kill, regentd.stop):
        stop()
        regentd.start()
        found = old.look()
        assert found["namespaces"]["org.old.Desk"]["entries"].pop("new").startswith("int64 1 ")
        for changed in ("Revision", "Keys", "Usage"):
            del found["namespaces"]["org.old.Desk"]["access"][changed]
        was = all_that_was(old)
        was["namespaces"]["org.old.Desk"]["access"] = found["namespaces"]["org.old.Desk"]["access"]
        assert found == was
    assert regentd.log().count(old.upgraded) == 1


def test_older_generation_goes_as_any(old):
    regentd = old.stack.regentd.start()
    for number in range(2):
        old.stack.root.ns("org.old.Desk").set("again", number)
        regentd.restart()
    assert set(formats(old.state_dir)[0]) == {NOW}


def test_older_generation_can_be_gone_back_to(old):
    regentd = old.stack.regentd.start()
    root = old.stack.root
    root.ns("org.old.Desk").set("new", 1)
    root.flush()
    regentd.kill()
    newest = max(int(name.partition("-")[2]) for name in os.listdir(old.state_dir) if name.startswith("checkpoint-"))
    with open(os.path.join(old.state_dir, f"checkpoint-{newest}"), "r+b") as file:
        file.seek(200)
        file.write(b"\xff" * 16)
    regentd.start()
    assert root.property("LoadedFrom") == "previous-checkpoint"
    found = old_store.without_revisions(old_store.look(root)["namespaces"])
    assert found["org.old.Desk"]["entries"].pop("new") == "int64 1 class=persistent"
    assert found == old_store.without_revisions(old.expected["namespaces"])


def test_last_known_good_state_can_be_restored(old):
    regentd = old.stack.regentd.start()
    root = old.stack.root
    root.ns("org.old.Desk").set("new", 1)
    good = root.property("LastGoodRevision")
    assert version_of(os.path.join(old.state_dir, "last-known-good", f"checkpoint-{good}")) == old.version
    root.restore()
    for stop in (lambda: None, regentd.kill, regentd.stop):
        stop()
        if not regentd.is_running():
            regentd.start()
        found = old_store.without_revisions(old_store.look(root)["namespaces"])
        assert found == old.good
    assert root.mark_good() == root.revision()
    assert version_of(os.path.join(old.state_dir, "last-known-good", f"checkpoint-{root.revision()}")) == NOW


def test_reboot_comes_with_it(old):
    regentd = old.stack.regentd
    shutil.rmtree(old.runtime_dir)
    regentd.environ["REGENT_BOOT"] = "f" * 32
    regentd.start()
    expected = old_store.without_revisions(old.expected["namespaces"])
    for name, seen in expected.items():
        entries = seen["entries"]
        expected[name]["entries"] = {key: entries[key] for key in entries if "class=runtime" not in entries[key]}
    assert old_store.without_revisions(old_store.look(old.stack.root)["namespaces"]) == expected


def test_full_disk_does_not_keep_it_from_starting(old, sandbox, tmp_path):
    regentd = old.stack.regentd
    shutil.move(old.state_dir, str(tmp_path / "was"))
    os.mkdir(old.state_dir)
    mount("-t", "tmpfs", "-o", "size=6m", "regent-test", old.state_dir)
    try:
        shutil.copytree(str(tmp_path / "was"), old.state_dir, dirs_exist_ok=True)
        ballast = fill(old.state_dir)
        regentd.start()
        root, log = old.stack.root, watch_state(old.stack.root)
        assert old.look() == all_that_was(old)
        assert root.property("State") == "read-only"
        os.unlink(ballast)
        wait_for_state(root, log, "running")
        assert formats(old.state_dir) == ([NOW, NOW], str(NOW))
        assert old.look() == all_that_was(old)
        regentd.kill()
        regentd.start()
        assert old.look() == all_that_was(old)
        regentd.stop()
    finally:
        subprocess.run(["umount", "--lazy", old.state_dir], check=True)


# Of a later version

_xxhash = ctypes.CDLL("libxxhash.so.0")
_xxhash.XXH3_64bits.restype = ctypes.c_uint64
_xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]


def edit_header(path, version=None, features=None):
    with open(path, "r+b") as file:
        header = bytearray(file.read(96))
        if version is not None:
            struct.pack_into("<I", header, 8, version)
        if features is not None:
            struct.pack_into("<Q", header, 24, features)
        struct.pack_into("<Q", header, 88, _xxhash.XXH3_64bits(bytes(header[:88]), 88))
        file.seek(0)
        file.write(header)


def edit_manifest(path, version=None, features=None):
    with open(path, "r+b") as file:
        body = file.read().partition(b"# XXH3")[0]
        if version is not None:
            body = re.sub(rb"Format=.*", f"Format={version}".encode(), body)
        if features is not None:
            body = re.sub(rb"Features=.*", f"Features={features}".encode(), body)
        file.seek(0)
        file.write(body + f"# XXH3 {_xxhash.XXH3_64bits(body, len(body)):016x}\n".encode())
        file.truncate()


def contents(*directories):
    found = {}
    for directory in directories:
        for path, _, names in os.walk(directory):
            for name in names:
                with open(os.path.join(path, name), "rb") as file:
                    found[os.path.join(path, name)] = file.read()
    return found


def newest(directory, prefix):
    names = [name for name in os.listdir(directory) if name.startswith(prefix)]
    return os.path.join(directory, max(names, key=lambda name: int(name.partition("-")[2])))


FILES = {
    "manifest": lambda regentd: os.path.join(regentd.state_dir, "MANIFEST"),
    "checkpoint": lambda regentd: newest(regentd.state_dir, "checkpoint-"),
    "journal": lambda regentd: newest(regentd.state_dir, "journal-"),
    "last known good": lambda regentd: newest(os.path.join(regentd.state_dir, "last-known-good"), "checkpoint-"),
    "runtime manifest": lambda regentd: os.path.join(regentd.runtime_dir, "MANIFEST"),
    "runtime journal": lambda regentd: newest(regentd.runtime_dir, "journal-"),
}


def expect_refusal(regentd, *words):
    """Words: of the one line that says why."""
    before = contents(regentd.state_dir, regentd.runtime_dir)
    regentd.spawn()
    assert regentd.wait_exit() != 0
    assert contents(regentd.state_dir, regentd.runtime_dir) == before
    said = [line for line in regentd.log().splitlines() if all(word in line for word in words)]
    assert len(said) == 1, regentd.log()


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(
    ("change", "said"),
    [({"version": NOW + 1}, f"is in format {NOW + 1}"), ({"features": 1}, "has the unknown features")],
)
def test_later_version_is_refused_and_left_as_it_is(stack, kind, change, said):
    made = stack(config="")
    regentd = made.regentd
    made.root.create("org.example.X").apply({"a": 1})
    made.root.ns("org.example.X").apply({"b": 1}, class_="runtime")
    made.root.mark_good()
    regentd.restart()
    made.root.ns("org.example.X").set("a", 2)
    regentd.stop()
    path = FILES[kind](regentd)
    (edit_manifest if "manifest" in kind else edit_header)(path, **change)
    # Nor does it touch what is bad, before it knows.
    with open(os.path.join(regentd.state_dir, "last-known-good", "checkpoint-999"), "wb") as file:
        file.write(b"nonsense")
    expect_refusal(regentd, path, said, "later version of regentd", f"this one knows formats up to {NOW}")


def test_version_before_the_first_is_unknown_too(old):
    regentd = old.stack.regentd
    path = newest(old.state_dir, "journal-")
    edit_header(path, version=0)
    expect_refusal(regentd, "journal-", "is in format 0")
    edit_header(path, version=old.version)
    edit_manifest(os.path.join(old.state_dir, "MANIFEST"), version=0)
    expect_refusal(regentd, "MANIFEST", "is in format 0")
