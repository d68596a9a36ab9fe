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

N_WATCHERS, N_COMMITS = map(int, os.environ.get("REGENT_TEST_CROWD", "250x200").split("x"))
BUS_LIMITS = {
    "max_connections_per_user": 4096, "max_completed_connections": 4096, "max_replies_per_connection": 4096,
}  # fmt: skip
# What is under way to all of them may be as much as may be unread on the bus; the rest is what it has anyway.
MEMORY_MAX_KIB = 96 * 1024

pytestmark = pytest.mark.timeout(1800 * SLOWNESS)


def test_a_crowd_misses_nothing(stack):
    made = stack(limits=BUS_LIMITS)
    name = "org.watch.Crowd"
    user, access = {}, {}
    if environment.in_sandbox():
        # Not as root, for whom a uid's bounds do not count.
        uid, gid, _ = environment.ids_of("alice")
        user, access = {"user": uid, "group": gid, "extra_groups": []}, {"owner": uid}
    made.root.create(name, **access)
    command = [
        environment.reachable(os.environ["WATCH_CROWD"]), made.bus.address, name, names.path_of(name), str(N_WATCHERS), str(N_COMMITS),
        str(made.regentd.process.pid),
    ]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=1700 * SLOWNESS, cwd="/", **user)
    found = json.loads(done.stdout)
    seconds = {each: found[f"{each}_usec"] / 1e6 for each in ("written", "delivered", "alone")}
    print(
        f"{N_WATCHERS} watchers, {N_COMMITS} commits: {N_COMMITS / seconds['written']:.0f} commits/s, "
        f"{N_COMMITS / seconds['delivered']:.0f}/s with all delivered; the bus alone {N_COMMITS / seconds['alone']:.0f}/s; "
        f"{found['memory_kib']} KiB of memory and at most {found['memory_max_kib']}; {found}"
    )
    assert found["wrong"] == 0
    assert found["gaps"] == 0 or found["resynchronized"] > 0
    if not found["resynchronized"]:
        assert found["changes"] == N_WATCHERS * N_COMMITS
    assert found["memory_max_kib"] < found["memory_kib"] + MEMORY_MAX_KIB
