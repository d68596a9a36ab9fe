# SPDX-License-Identifier: LGPL-2.1-or-later
"""Things in the state directory that no regentd puts there: a start is neither held up nor led astray by them."""

import os
import stat

import pytest
from regent_testing.waiting import retry_until

NAME = "org.example.Strange"


def make_directory(path):
    os.mkdir(path)
    with open(os.path.join(path, "kept"), "w", encoding="utf-8") as file:
        file.write("kept")


def make_empty_directory(path):
    os.mkdir(path)


def make_socket(path):
    os.mknod(path, stat.S_IFSOCK | 0o600)


def make_loop(path):
    os.symlink(os.path.basename(path), path)


def make_link_away(path):
    os.symlink("/etc/passwd", path)


def make_link_to_nothing(path):
    os.symlink("/nonexistent/file", path)


THINGS = [
    make_directory, make_empty_directory, os.mkfifo, make_socket, make_loop, make_link_away, make_link_to_nothing,
]  # fmt: skip


@pytest.fixture
def stopped(stack):
    made = stack()
    made.root.create(NAME).set("a", 1)
    made.regentd.stop()
    return made


def check_goes_on(made):
    made.regentd.start()
    assert made.root.property("State") == "running"
    ns = made.root.ns(NAME)
    assert ns.get("a").unpack() == 1
    ns.set("b", 2)
    made.regentd.stop()
    made.regentd.start()
    assert made.root.property("State") == "running"
    assert {key: v.unpack() for key, v in ns.everything().items()} == {"a": 1, "b": 2}


@pytest.mark.parametrize("thing", [make_directory, os.mkfifo, make_loop])
@pytest.mark.parametrize(
    "place",
    ["journal-5", "checkpoint-99999", "tmp/x", "tmp/checkpoint", "damaged", "in-doubt",
     "last-known-good/checkpoint-99999", "n" * 200],
)  # fmt: skip
def test_strange_thing_beside_what_is_used(stopped, place, thing):
    path = os.path.join(stopped.regentd.state_dir, place)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        os.unlink(path)
    thing(path)
    check_goes_on(stopped)


@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.parametrize("place", ["tmp", "last-known-good"])
def test_strange_thing_in_place_of_a_directory(stopped, place, thing):
    path = os.path.join(stopped.regentd.state_dir, place)
    if os.path.isdir(path):
        os.rmdir(path)
    thing(path)
    check_goes_on(stopped)


def test_what_a_link_leads_to_is_not_emptied(stopped, tmp_path):
    path = os.path.join(stopped.regentd.state_dir, "tmp")
    os.rmdir(path)
    (tmp_path / "kept").write_text("kept", encoding="utf-8")
    os.symlink(tmp_path, path)
    check_goes_on(stopped)
    assert (tmp_path / "kept").read_text(encoding="utf-8") == "kept"


def test_what_was_in_the_way_is_kept(stopped):
    state_dir = stopped.regentd.state_dir
    make_directory(os.path.join(state_dir, "tmp", "of-somebody"))
    check_goes_on(stopped)
    moved = [name for name in os.listdir(state_dir) if name.startswith("tmp.moved-")]
    assert len(moved) == 1
    assert os.path.exists(os.path.join(state_dir, moved[0], "of-somebody", "kept"))
    assert f"'tmp' was in the way of what regentd writes, it is '{moved[0]}' now" in stopped.regentd.log()


def test_without_a_lock_it_is_only_read_until_there_can_be_one(stopped):
    path = os.path.join(stopped.regentd.state_dir, "lock")
    os.unlink(path)
    os.mkdir(path)
    stopped.regentd.start()
    root = stopped.root
    assert root.property("State") == "read-only"
    assert root.ns(NAME).get("a").unpack() == 1
    os.rmdir(path)
    retry_until(lambda: root.property("State") == "running", 70, "the state to be written")
    root.ns(NAME).set("b", 2)


@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.parametrize(
    "side, kind",
    [("state_dir", "MANIFEST"), ("state_dir", "checkpoint-"), ("state_dir", "journal-"), ("runtime_dir", "MANIFEST"),
     ("runtime_dir", "journal-")],
)  # fmt: skip
def test_strange_thing_in_place_of_a_file(stopped, side, kind, thing):
    directory = getattr(stopped.regentd, side)
    names = [name for name in os.listdir(directory) if name.startswith(kind)]
    assert names
    for name in names:
        os.unlink(os.path.join(directory, name))
        thing(os.path.join(directory, name))
    stopped.regentd.start()
    assert stopped.root.property("State") == "degraded"
    if not stopped.root.list_namespaces():
        stopped.root.create(NAME)
    stopped.root.ns(NAME).set("b", 2)
    stopped.regentd.stop()
    stopped.regentd.start()
    assert stopped.root.property("State") == "running"
    assert stopped.root.ns(NAME).get("b").unpack() == 2


@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.parametrize("place", ["tmp/x", "in-doubt", "defaults", "defaults.new"])
def test_strange_thing_in_the_runtime_directory(stopped, place, thing):
    path = os.path.join(stopped.regentd.runtime_dir, place)
    if os.path.lexists(path):
        os.unlink(path)
    thing(path)
    check_goes_on(stopped)


def test_strangers_in_thousands_fill_no_log(stopped):
    state_dir = stopped.regentd.state_dir
    for number in range(1000, 3000):
        with open(os.path.join(state_dir, f"journal-{number}"), "w", encoding="utf-8") as file:
            file.write("x")
    before = stopped.regentd.log()
    check_goes_on(stopped)
    log = stopped.regentd.log()[len(before) :]
    assert log.count(": it is not what it is called") == 10
    assert log.count(f"{state_dir}: 1990 more files are not what they are called") == 1
    (aside,) = os.listdir(os.path.join(state_dir, "damaged"))
    assert len(os.listdir(os.path.join(state_dir, "damaged", aside))) == 2000
