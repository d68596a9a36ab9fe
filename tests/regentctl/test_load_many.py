# SPDX-License-Identifier: LGPL-2.1-or-later
"""regentctl load and dump of much: how it is cut into commits, how far it came, and what may interrupt it."""

import json
import os
import re
import signal
import threading
import time

import pytest
from ctl import CONFLICT, DONE, INTERRUPTED, REFUSED, Regentctl
from dump_files import numbers, write
from regent_testing.api import RegentError
from regent_testing.waiting import SLOWNESS


def test_many_keys_take_several_commits(ctl, root, name, tmp_path):
    space = root.create(name)
    path = write(tmp_path / "many.json", {name: {"entries": numbers(10000)}})
    before = root.revision()
    assert "10000 set, 0 removed in 3 commits" in ctl("load", path).err
    assert root.revision() == before + 3
    assert len(space.keys()) == 10000


def test_many_namespaces_share_commits(ctl, root, name, tmp_path):
    names = [f"{name}.n{i}" for i in range(300)]
    for each in names:
        root.create(each)
    path = write(tmp_path / "names.json", {each: {"entries": numbers(2)} for each in names})
    before = root.revision()
    ctl("load", path)
    assert root.revision() == before + 2
    for each in names:
        root.remove(each, 1)


def test_atomic_is_one_commit(ctl, root, name, tmp_path):
    path = write(tmp_path / "two.json", {name + end: {"entries": numbers(2000)} for end in (".a", ".b")})
    assert "4000 set, 0 removed in 1 commit" in ctl("load", "--atomic", path).err
    assert len(root.ns(name + ".b").keys()) == 2000


def test_atomic_is_refused_as_a_whole(ctl, root, name, tmp_path):
    root.create(name + ".old")
    entries = {name + ".new": {"entries": numbers(2000)}, name + ".old": {"entries": numbers(2097)}}
    path = write(tmp_path / "two.json", entries)
    assert ctl.failure("load", "--atomic", path, status=REFUSED)["name"].endswith("TooBig")
    assert name + ".new" not in root.list_namespaces()
    assert root.ns(name + ".old").keys() == []


def test_commits_are_cut_where_less_is_allowed(stack, tmp_path):
    small = stack(config="[Limits]\nCommitChangesMax=100\nCommitBytesMax=4K\nValueBytesMax=2K\n")
    space = small.root.create("org.example.Small")
    entries = {key: {"type": "s", "data": "x" * (i % 1000)} for i, key in enumerate(numbers(3000))}
    path = write(tmp_path / "small.json", {space.name: {"entries": entries}})
    Regentctl(small.bus)("load", path)
    assert {key: thing.unpack() for key, thing in space.everything().items()} == {
        key: entry["data"] for key, entry in entries.items()
    }


def test_what_fails_on_the_way_says_how_far_it_came(ctl, root, name, tmp_path):
    space = root.create(name, quota_keys=9000)
    path = write(tmp_path / "many.json", {name: {"entries": numbers(20000)}})
    result = ctl("load", path, status=REFUSED)
    n_keys = len(space.keys())
    assert n_keys in (4000, 8000)
    assert f"({n_keys} of 20000 changes were made in {n_keys // 4000} whole commits)" in result.err


def test_one_value_that_is_too_big(ctl, root, space, tmp_path):
    entries = {**numbers(50), "large": {"type": "s", "data": "x" * (2 << 20)}}
    path = write(tmp_path / "large.json", {space.name: {"entries": entries}})
    error = ctl.failure("load", path, status=REFUSED)
    assert "'large'" in error["text"]


def test_values_of_a_mebibyte(ctl, root, name, tmp_path):
    """More in all than the bus takes in one message."""
    space = root.create(name)
    entries = {f"k{i}": {"type": "s", "data": chr(97 + i % 26) * ((1 << 20) - 100)} for i in range(40)}
    path = write(tmp_path / "large.json", {name: {"entries": entries}})
    ctl("load", path)
    assert space.property("Keys") == 40
    assert json.loads(ctl("dump", name).out)["namespaces"][name]["entries"] == entries
    root.remove(name, 1)


def test_a_hundred_thousand_keys(ctl, root, name, tmp_path):
    space = root.create(name)
    entries = {f"interface/eth{i % 500}/{i}": {"type": "s", "data": f"value {i}"} for i in range(100000)}
    path = write(tmp_path / "large.json", {name: {"entries": entries}})
    ctl("load", path, seconds=60)
    assert space.property("Keys") == 100000
    assert ctl("load", path, seconds=60).err == "nothing to do\n"
    back = json.loads(ctl("dump", name, seconds=60).out)
    assert back["namespaces"][name]["entries"] == entries
    assert list(back["namespaces"][name]["entries"]) == sorted(entries)


def test_progress_is_shown_on_a_terminal_alone(ctl, root, name, tmp_path):
    root.create(name)
    path = write(tmp_path / "many.json", {name: {"entries": numbers(20000)}})
    with ctl.terminal("load", path) as terminal:
        terminal.expect(r"Loading: \d+ of 20000")
        terminal.finish()
    assert "\r" not in ctl("load", path).err


def test_load_can_be_interrupted_between_commits(ctl, root, name, tmp_path):
    space = root.create(name)
    path = write(tmp_path / "many.json", {name: {"entries": numbers(200000)}})
    with ctl.terminal("load", path) as terminal:
        terminal.expect(r"Loading: \d+ of 200000")
        begin = time.monotonic()
        terminal.signal(signal.SIGINT)
        shown = terminal.finish(INTERRUPTED)
    assert time.monotonic() - begin < 2 * SLOWNESS
    found = re.search(r"\((\d+) of 200000 changes were made in (\d+) whole commits", shown)
    assert found, shown
    root.ping()
    n_keys = space.property("Keys")
    assert n_keys % 4000 == 0 and int(found.group(1)) <= n_keys < 200000
    root.remove(name, 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_regentd_that_hangs_does_not_hold_up_a_signal(ctl, service, root, name, tmp_path, number):
    root.create(name)
    path = write(tmp_path / "many.json", {name: {"entries": numbers(200000)}})
    with ctl.terminal("load", path) as terminal:
        terminal.expect(r"Loading: \d+ of 200000")
        os.kill(service.regentd.process.pid, signal.SIGSTOP)
        try:
            begin = time.monotonic()
            terminal.signal(number)
            shown = terminal.finish(INTERRUPTED)
            assert time.monotonic() - begin < 1.5 * SLOWNESS
        finally:
            os.kill(service.regentd.process.pid, signal.SIGCONT)
    assert "what was under way may be made, too" in shown
    root.remove(name, 1)


def test_a_dump_is_one_state(ctl, service, root, name):
    """Two keys far apart are always changed together, and a dump never shows one changed without the other."""
    space = root.create(name)
    for first in range(0, 12000, 4000):
        space.apply({f"m{i:05d}": i for i in range(first, first + 4000)})
    space.apply({"a": 0, "z": 0})
    is_over = threading.Event()
    failed = []

    def change():
        writer = service.client().ns(name)
        n = 0
        while not is_over.is_set() and n < 100000:
            n += 1
            try:
                writer.apply({"a": n, "z": n})
            except RegentError as error:
                failed.append(error)
                return

    thread = threading.Thread(target=change)
    thread.start()
    try:
        statuses = set()
        for _ in range(6):
            result = ctl.run("dump", name)
            statuses.add(result.status)
            if result.status == DONE:
                entries = json.loads(result.out)["namespaces"][name]["entries"]
                assert entries["a"] == entries["z"] and len(entries) == 12002
    finally:
        is_over.set()
        thread.join()
    assert not failed and statuses <= {DONE, CONFLICT}
    assert ctl.run("dump", name).status == DONE
