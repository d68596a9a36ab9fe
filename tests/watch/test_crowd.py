# SPDX-License-Identifier: LGPL-2.1-or-later
"""Very many watchers and a burst of commits: no watcher that reads misses anything, and regentd's memory is bounded.

REGENT_TEST_CROWD=1000x10000: so many watchers and commits, on a bus whose limits are raised for it. What it prints
holds the rate of the writer, and what the bus needs for the same fan-out alone.
"""

import json
import os
import subprocess

import pytest
from regent_testing import environment, names
from regent_testing.waiting import SLOWNESS

N_WATCHERS, N_COMMITS = map(int, os.environ.get("REGENT_TEST_CROWD", "150x100").split("x"))
BUS_LIMITS = {
    "max_connections_per_user": 4096, "max_completed_connections": 4096, "max_replies_per_connection": 4096,
}  # fmt: skip
# What is under way to all of them may be as much as may be unread on the bus; the rest is what it has anyway.
MEMORY_MAX_KIB = 96 * 1024

pytestmark = pytest.mark.timeout(1800 * SLOWNESS)


def run_crowd(made, user):
    """What watch-crowd found. user: whose the watchers are; None for those of the tests."""
    name = "org.watch.Crowd"
    made.root.create(name)
    uid = environment.ids_of(user)[0] if user else os.geteuid()
    numbers = (N_WATCHERS, N_COMMITS, made.regentd.process.pid, uid)
    command = [os.environ["WATCH_CROWD"], made.bus.address, name, names.path_of(name), *map(str, numbers)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=1700 * SLOWNESS)
    found = json.loads(done.stdout)
    rates = {each: N_COMMITS * 1e6 / found[f"{each}_usec"] for each in ("written", "delivered", "alone")}
    print(
        f"{N_WATCHERS} watchers, {N_COMMITS} commits: {rates['written']:.1f} commits/s, {rates['delivered']:.1f}/s "
        f"until all are known to all; the bus alone {rates['alone']:.1f}/s; {found['memory_kib']} KiB of memory, "
        f"{found['memory_max_kib']} at most; {found}"
    )
    assert found["wrong"] == 0
    assert found["memory_max_kib"] < found["memory_kib"] + MEMORY_MAX_KIB
    return found


def test_a_crowd_is_told_everything(stack):
    """Root's, for whom the bounds of a uid do not count; those on all do."""
    found = run_crowd(stack(limits=BUS_LIMITS), None)
    if not found["resynchronized"]:
        assert found["changes"] == N_WATCHERS * N_COMMITS


def test_a_crowd_of_one_user_misses_nothing(stack, sandbox):
    """It shares what a uid may leave unread, so some are told to read again, and do."""
    run_crowd(stack(limits=BUS_LIMITS), "alice")
