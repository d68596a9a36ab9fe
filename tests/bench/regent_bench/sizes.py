# SPDX-License-Identifier: LGPL-2.1-or-later
"""How much is measured, and for how long."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Sizes:
    rounds: int
    window_msec: int
    large_keys: int  # of the namespace that is meant to be large
    medium_keys: int
    many_namespaces: int
    starts: int  # with large_keys
    first_starts: int
    idle_seconds: float
    dump_keys: int
    dump_rounds: int
    checkpoints: int  # with large_keys
    journal_mib: int
    recoveries: int
    changes: int  # that watchers are told of
    fanout_rounds: int
    watchers: int


FULL = Sizes(
    120, 40, 1_000_000, 10_000, 10_000,
    starts=3, first_starts=15, idle_seconds=35, dump_keys=100_000, dump_rounds=7,
    checkpoints=5, journal_mib=256, recoveries=5, changes=4_000, fanout_rounds=9, watchers=1_000,
)  # fmt: skip
QUICK = Sizes(
    20, 25, 100_000, 10_000, 1_000,
    starts=1, first_starts=5, idle_seconds=10, dump_keys=100_000, dump_rounds=3,
    checkpoints=3, journal_mib=64, recoveries=3, changes=1_000, fanout_rounds=3, watchers=1_000,
)  # fmt: skip

# So that the benchmarks themselves are tested: every measure is taken, and no figure means anything.
SMOKE = Sizes(
    1, 10, 5_000, 1_000, 50,
    starts=1, first_starts=1, idle_seconds=0.1, dump_keys=2_000, dump_rounds=1,
    checkpoints=1, journal_mib=2, recoveries=1, changes=50, fanout_rounds=1, watchers=20,
)  # fmt: skip
