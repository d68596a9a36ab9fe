# SPDX-License-Identifier: LGPL-2.1-or-later
"""SIGKILL under load, a hundred times: what was acknowledged is whole, and nothing is there that was never sent.

Several processes write single keys, commits of several keys, deletions, both classes and commits over two namespaces
into the same namespaces. regentd is killed in the middle, at times in its recovery too. After each start everything is
read and held against what each writer sent and what it was told; history.py says what may be there.

That the test can fail is tested as well: on a journal whose end was cut off, and on states that nearly fit.
"""

import glob
import os
import random
import subprocess
import sys

import pytest
from regent_testing.stack import Stack
from regent_testing.waiting import SLOWNESS

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

# pylint: disable=wrong-import-position
from history import Broken, History, Write
from kill_loop import KillLoop

N_KILLS = int(os.environ.get("REGENT_TEST_KILLS", "100"))
NAMESPACES = ["org.crash.One", "org.crash.Two", "org.crash.Three"]
# A small journal, so that checkpoints are under way when the axe falls.
HEADER_BYTES = 4096  # of a journal, before its first record
CONFIG = "[Store]\nCheckpointJournalBytes=64K\n"

pytestmark = pytest.mark.timeout(600 * SLOWNESS)


@pytest.fixture
def loop():
    seed = int(os.environ.get("REGENT_TEST_SEED", str(random.SystemRandom().randrange(1 << 30))))
    print(f"REGENT_TEST_SEED={seed}")
    with Stack(config=CONFIG) as stack:
        made = KillLoop(stack, NAMESPACES, seed)
        yield made
        made.close()


def test_a_hundred_kills_lose_nothing_acknowledged(loop):
    for _ in range(N_KILLS):
        loop.round()
    print(f"{loop.n_acknowledged} writes acknowledged, {loop.n_cut_off} cut off by {N_KILLS} kills")
    assert loop.n_acknowledged > 20 * N_KILLS
    assert loop.n_cut_off > 0


def test_clean_stops_between_kills(loop):
    """What a clean stop leaves is all there, and is where the next round goes on."""
    for _ in range(5):
        loop.round()
        loop.stack.regentd.restart()
        loop.compare(loop.revision)


def cut_off_the_journal(state_dir):
    """As if the last writes had been acknowledged before they were on disk."""
    journals = glob.glob(os.path.join(state_dir, "journal-*"))
    for path in sorted(journals, key=lambda path: int(path.rpartition("-")[2]), reverse=True):
        with open(path, "r+b") as file:
            end = len(file.read().rstrip(b"\0"))
            if end <= HEADER_BYTES:
                continue  # begun by a checkpoint a moment ago: the last writes are in the one before
            start = max(HEADER_BYTES, end - 24576)
            file.seek(start)
            file.write(bytes(end - start))
            return
    raise AssertionError(f"no journal of {journals} holds a record")


def is_noticed(loop, sabotage=None, rounds=10):
    """Whether the loop or regentd itself says that something is wrong."""
    for _ in range(rounds):
        try:
            loop.round(sabotage)
        except Broken as error:
            print(f"noticed: {error}")
            return True
        except AssertionError:
            if loop.stack.regentd.is_running():
                raise
            status = loop.stack.regentd.wait_exit()
            print(f"noticed by regentd, which ended with {status}:\n{loop.stack.regentd.log(500)}")
            return True
    return False


def test_a_journal_without_its_end_is_noticed(loop):
    assert is_noticed(loop, cut_off_the_journal)


def test_a_whole_older_state_is_noticed(loop):
    """Every file is sound, and a round old. Only who remembers the answers can tell."""
    loop.round()
    loop.stack.regentd.stop()
    directories = (loop.stack.regentd.state_dir, loop.stack.regentd.runtime_dir)
    for directory in directories:
        subprocess.run(["cp", "-a", directory, directory + ".copy"], check=True)
    loop.stack.regentd.start()

    def put_back(_state_dir):
        for directory in directories:
            subprocess.run(["rm", "-rf", directory], check=True)
            os.rename(directory + ".copy", directory)

    with pytest.raises(Broken):
        loop.round(put_back)


def test_a_service_that_acknowledges_before_it_writes_is_noticed(tmp_path):
    """The same regentd with a bug planted in it: see lost-writes.c."""
    bug = str(tmp_path / "lost-writes.so")
    source = os.path.join(HERE, "lost-writes.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", bug, source, "-ldl"], check=True)
    with Stack(config="", start=False) as stack:
        stack.regentd.start()
        made = KillLoop(stack, NAMESPACES, 1)
        # Not from the start: opening its files is not what this bug is about.
        stack.regentd.stop()
        stack.regentd.environ["LD_PRELOAD"] = bug
        stack.regentd.environ["ASAN_OPTIONS"] = "verify_asan_link_order=0"
        stack.regentd.start()
        try:
            with pytest.raises(Broken):
                for _ in range(10):
                    made.round()
        finally:
            made.close()


A, B = "org.crash.One", "org.crash.Two"
ONE, TWO, THREE = (("persistent", text) for text in "123")
NEARLY = {
    "an acknowledged write is missing": {A: {"w0.a": ("persistent", "0")}, B: {}},
    "an older value": {A: {"w0.a": ("persistent", "0"), "w0.b": TWO}, B: {}},
    "half of a commit": {A: {"w0.a": ONE, "w0.b": TWO, "w0.c": THREE}, B: {}},
    "one of two namespaces": {A: {"w0.a": ONE, "w0.b": TWO, "w0.c": THREE, "w0.d": ("runtime", "3")}, B: {}},
    "a write out of order": {A: {"w0.a": ONE, "w0.b": TWO, "w0.e": ("persistent", "4")}, B: {}},
    "a value never sent": {A: {"w0.a": ONE, "w0.b": ("persistent", "9")}, B: {}},
    "a key never sent": {A: {"w0.a": ONE, "w0.b": TWO, "w0.z": TWO}, B: {}},
    "another class": {A: {"w0.a": ("runtime", "1"), "w0.b": TWO}, B: {}},
    "everything is gone": {A: {}, B: {}},
}


def sample():
    history = History([A, B])
    history.state[A] = {"w0.a": ("persistent", "0")}
    history.add(
        [
            Write(1, {A: {"w0.a": ONE}}, True, 11),
            Write(2, {A: {"w0.b": TWO}}, True, None),
            Write(3, {A: {"w0.c": THREE, "w0.d": ("runtime", "3")}, B: {"w0.c": THREE}}),
            Write(4, {A: {"w0.e": ("persistent", "4"), "w0.a": None}}),
        ],
        10,
    )
    return history


@pytest.mark.parametrize("found", NEARLY.values(), ids=NEARLY.keys())
def test_states_that_nearly_fit_are_noticed(found):
    with pytest.raises(Broken):
        sample().settle(found)


def test_states_that_fit():
    up_to_2 = {"w0.a": ONE, "w0.b": TWO}
    up_to_3 = {**up_to_2, "w0.c": THREE, "w0.d": ("runtime", "3")}
    up_to_4 = {**up_to_3, "w0.e": ("persistent", "4")}
    del up_to_4["w0.a"]
    sample().settle({A: up_to_2, B: {}})
    sample().settle({A: up_to_3, B: {"w0.c": THREE}})
    sample().settle({A: up_to_4, B: {"w0.c": THREE}})


def test_revisions_that_go_back_are_noticed():
    history = History([A])
    with pytest.raises(Broken):
        history.add([Write(1, {A: {"a": None}}, True, 10)], 10)
    with pytest.raises(Broken):
        history.add([Write(1, {A: {"a": None}}, True, 12), Write(2, {A: {"a": None}}, True, 11)], 10)


def test_a_stranger_s_key_is_noticed(loop):
    loop.stack.root.ns(NAMESPACES[0]).set("unknown.key", 1)
    with pytest.raises(Broken):
        loop.compare(0)
