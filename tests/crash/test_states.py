# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every state that a crash may leave: real clients, a real regentd that is recorded, and recovery on what may be left.

recording.py runs regentd with crash-recorder.so preloaded. crash-explore takes the trace, works out what may be on the
disk after a power cut or a kill at each place of it, has the store's recovery run on that, and judges what is there.
A part of the states is given to a real regentd too.

That the explorer can fail is tested on bugs planted into regentd. Each must be found, and stays found.

REGENT_TEST_CRASH_STATES says how many states to visit, REGENT_TEST_SEED what chance begins with, though no two
recordings are the same. With REGENT_TEST_KEEP, a directory, the traces stay there, and the disks that something was
wrong with.
"""

import concurrent.futures
import os
import random
import re
import shutil
import subprocess
import sys

import pytest
from gi.repository import GLib
from regent_testing.api import mapping
from regent_testing.stack import Stack
from regent_testing.waiting import SLOWNESS

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "old-stores")]

# pylint: disable=wrong-import-position
import old_store
from recording import CONFIG, Recording, built

N_STATES = int(os.environ.get("REGENT_TEST_CRASH_STATES", "300"))
IS_LONG = N_STATES > 2000
KEEP = os.environ.get("REGENT_TEST_KEEP")
SEED = int(os.environ.get("REGENT_TEST_SEED", str(random.SystemRandom().randrange(1 << 30))))

pytestmark = pytest.mark.timeout(3600 * SLOWNESS)


def explore(trace, *options, preload=()):
    """What the explorer says, and how many violations it found."""
    found = subprocess.run(
        [built("crash-explore"), f"--seed={SEED}", *options, trace],
        env={**os.environ, "LD_PRELOAD": " ".join(preload)}, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    counts = re.search(r"^(\d+) distinct states, .* (\d+) violations$", found.stdout, re.MULTILINE)
    assert counts, f"the explorer ended with {found.returncode}:\n{found.stdout}"
    return found.stdout, int(counts[1]), int(counts[2])


def record_quick(directory):
    """A disk that syncs in no time, so regentd does it in its loop."""
    with Recording(directory, SEED) as run:
        run.be_refused()
        run.write_and_stop(60)
        run.reboot()
        run.write_and_kill(80 + SEED % 60)
        return run.trace


def record_slow(directory):
    """A disk that takes its time, so there are larger batches and a checkpoint under load."""
    with Recording(directory, SEED, sync_usec=700) as run:
        run.write_and_kill(100 + SEED % 80)
        run.write_and_stop(60)
        return run.trace


def record_large(directory):
    """Large values, and a journal that grows and is filled with zeros ahead of that."""
    with Recording(directory, SEED, config="[Store]\nCheckpointJournalBytes=64M\n", sync_usec=300) as run:
        run.write_large(12)
        run.write_and_kill(40 + SEED % 40)
        return run.trace


def record_failed_sync(directory):
    """The disk fails once. Whoever waits for that batch hears that its outcome is not known."""
    with Recording(directory, SEED, fail=15 + SEED % 10, sync_usec=200) as run:
        run.write_until_unknown()
        run.write_and_stop(60)
        return run.trace


def record_healed(directory):
    """The same, and it goes on without a restart."""
    with Recording(directory, SEED, fail=15 + SEED % 10, sync_usec=200) as run:
        run.write_until_healed()
        run.write_and_kill(80 + SEED % 60)
        return run.trace


def record_good(directory):
    """Marked good, marked again, and restored, with commits, stops and kills in between."""
    with Recording(directory, SEED, sync_usec=200) as run:
        run.mark_good()
        run.write_and_stop(40)
        run.mark_good()
        run.restore()
        run.write_and_kill(80 + SEED % 60)
        run.mark_good()
        run.restore()
        run.write_and_stop(30)
        return run.trace


def unpack_old(directory, name):
    """Files of an older format, and the boot they were written in, as Recording takes them."""
    old = os.path.join(directory, "old")
    return os.path.join(old, name), old_store.unpack(old, 1 + SEED // 2 % 2)[name]["boot"]


def record_upgrade(directory):
    """Files of an older format, which are taken over, and a last known good state of that format."""
    given = unpack_old(directory, ("killed", "stopped")[SEED % 2])
    restored = {"first": lambda run: run.stack.root.restore()} if SEED % 3 else {}
    with Recording(directory, SEED, given=given, sync_usec=200, **restored) as run:
        run.write_and_kill(60 + SEED % 60)
        run.mark_good()
        run.write_and_stop(20)
        return run.trace


def record_confirmed(directory):
    """Changes that wait for a confirmation, over checkpoints, stops, kills and a reboot."""
    with Recording(directory, SEED, sync_usec=200) as run:
        run.confirm_and_stop(24)
        run.confirm_and_kill(120 + SEED % 80)
        run.reboot()
        run.confirm_and_kill(60 + SEED % 60)
        run.write_and_stop(20)
        return run.trace


def record_sessions(directory):
    """Connections that end, over checkpoints, stops, kills and a reboot; also while regentd is away."""
    with Recording(directory, SEED, sync_usec=200) as run:
        run.come_and_stop(12)
        run.come_and_kill(120 + SEED % 80)
        run.reboot()
        run.come_and_kill(60 + SEED % 60)
        run.write_and_stop(20)
        return run.trace


def record_lazy(directory):
    """A service with SyncIntervalSec=: what is acknowledged is on the disk later, or when somebody wants it there."""
    config = "[Store]\nCheckpointJournalBytes=64K\nSyncIntervalSec=30ms\n"
    with Recording(directory, SEED, config=config, sync_usec=300) as run:
        run.set_and_flush(4)
        run.write_and_flush(6, 12)
        run.mark_good()
        run.write_and_kill(60 + SEED % 60)
        run.reboot()
        run.write_and_flush(3, 10)
        return run.trace


def record_lazy_healed(directory):
    """The disk fails once, while it has not got all that was acknowledged."""
    config = "[Store]\nSyncIntervalSec=1d\n"
    with Recording(directory, SEED, config=config, fail=6 + SEED % 5, sync_usec=200) as run:
        run.write_until_healed()
        run.write_and_kill(60 + SEED % 60)
        return run.trace


RECORDINGS = {
    "quick": record_quick,
    "slow": record_slow,
    "large": record_large,
    "failed-sync": record_failed_sync,
    "healed": record_healed,
    "good": record_good,
    "upgrade": record_upgrade,
    "lazy": record_lazy,
    "lazy-healed": record_lazy_healed,
    "confirmed": record_confirmed,
    "sessions": record_sessions,
}


def options_of(name):
    return ["--lazy"] if name.startswith("lazy") else []


@pytest.fixture(scope="module")
def traces(tmp_path_factory):
    print(f"REGENT_TEST_SEED={SEED}")
    return {name: record(str(tmp_path_factory.mktemp(name))) for name, record in RECORDINGS.items()}


def keep(name, trace):
    """Puts a trace where it stays; returns the explorer's option to put disks beside it."""
    if not KEEP:
        return []
    directory = os.path.join(KEEP, f"{name}-{SEED}")
    os.makedirs(directory, exist_ok=True)
    shutil.copy(trace, directory)
    return [f"--keep={directory}"]


def test_no_crash_loses_anything(traces):
    share = -(-N_STATES // len(traces))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(
            lambda item: explore(item[1], f"--states={share}", *options_of(item[0]), *keep(*item)), traces.items()
        )
    n_visited = n_violations = 0
    for name, (said, n_states, n_wrong) in zip(traces, results):
        print(f"{name}: {said}")
        n_visited += n_states
        n_violations += n_wrong
    assert n_violations == 0
    assert n_visited >= N_STATES


def entries_of(root):
    """All there is, as the explorer writes it down, hidden entries too."""
    found = set()
    for name in root.list_namespaces():
        space = root.ns(name)
        for release in ("", *space.property("KernelReleases")):
            for key, entry in space.get_many(release=release, form="entries")[0].items():
                entry = mapping(entry)
                found.add((name, key, release, entry["class"].unpack(), entry["value"].print_(True)))
    return found


def expected_of(path):
    expected = set()
    with open(path, encoding="utf-8") as file:
        for line in file:
            name, key, release, class_, type_, digits = line.rstrip("\n").split(" ")
            content = GLib.Bytes.new(bytes.fromhex(digits))
            thing = GLib.Variant.new_from_bytes(GLib.VariantType(type_), content, False)
            expected.add((name, key, release, class_, thing.print_(True)))
    return expected


def test_a_real_regentd_finds_the_same(traces, tmp_path):
    n = 100 if IS_LONG else 2
    explore(traces["slow"], "--states=400", f"--export={tmp_path}", f"--exported={n}")
    names = sorted(os.listdir(tmp_path), key=int)
    assert len(names) == n
    for name in names:
        with Stack(config="", start=False) as stack:
            regentd = stack.regentd
            for part, path in (("state", regentd.state_dir), ("runtime", regentd.runtime_dir)):
                if os.path.isdir(tmp_path / name / part):
                    os.rmdir(path)
                    os.rename(tmp_path / name / part, path)
            regentd.environ["LD_PRELOAD"] = built("crash-recorder.so")
            regentd.environ["REGENT_BOOT"] = (tmp_path / name / "boot").read_text()
            regentd.start()
            assert stack.root.property("State") == "running", name
            assert entries_of(stack.root) == expected_of(tmp_path / name / "expected"), name


# Planted bugs: what the recorder is told, what is preloaded too, and whether everything is lazy.
PLANTED = {
    "reply-before-sync": ({"plant": "reply-before-sync"}, (), False),
    "no-directory-sync": ({"plant": "no-directory-sync"}, (), False),
    "early-unlink": ({"plant": "early-unlink"}, (), False),
    "retry-sync": ({"plant": "retry-sync", "fail": 6}, (), False),
    "no-checksum": ({}, ("crash-no-checksum.so",), False),
    "flush-before-sync": ({"plant": "flush-before-sync"}, (), True),
    "lazy-writes-swapped": ({"plant": "swap-writes"}, (), True),
    "lazy-no-checksum": ({}, ("crash-no-checksum.so",), True),
}


# The same of changes that wait for a confirmation; only regentd is preloaded.
LOST = {
    "confirmation": ({"plant": "reply-before-sync"}, ()),
    "way-back": ({}, ("crash-lost-way-back.so",)),
}


@pytest.mark.parametrize("lost", LOST)
def test_what_is_lost_of_a_confirmed_change_is_found(lost, tmp_path):
    environ, libraries = LOST[lost]
    with Recording(str(tmp_path), SEED, [built(name) for name in libraries], sync_usec=100, **environ) as run:
        run.confirm(60)
        run.stack.regentd.stop()
    said, _, n_violations = explore(run.trace, "--states=1500", "--violations=1")
    print(said)
    assert n_violations > 0
    assert lost == "confirmation" or "the way back of" in said


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug, tmp_path):
    environ, libraries, is_lazy = PLANTED[bug]
    preload = [built(name) for name in libraries]
    config = "[Store]\nSyncIntervalSec=1d\n" if is_lazy else CONFIG
    with Recording(str(tmp_path), SEED, preload, config, sync_usec=100, **environ) as run:
        if is_lazy:
            run.set_and_flush(5)
            run.write_and_flush(3, 10)
        else:
            run.write(40)
    options = ["--lazy"] if is_lazy else []
    said, _, n_violations = explore(run.trace, "--states=1500", "--violations=1", *options, preload=preload)
    print(said)
    assert n_violations > 0


@pytest.mark.parametrize("name", ["killed", "stopped"])
def test_a_planted_bug_in_the_upgrade_is_found(name, tmp_path):
    given = unpack_old(str(tmp_path), name)
    with Recording(str(tmp_path), SEED, given=given, plant="early-unlink") as run:
        run.stack.regentd.kill()
    said, _, n_violations = explore(run.trace, "--states=500", "--violations=1")
    print(said)
    assert n_violations > 0
