# SPDX-License-Identifier: LGPL-2.1-or-later
"""The comparison with other systems counts what it says it counts, and says so when something is wrong."""

import mmap
import os
import struct
import subprocess
import sys
import time

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE]

from regent_bench import peer_report  # noqa: E402
from regent_bench.measure_peers import Results  # noqa: E402
from regent_bench.peer_clients import Client, ClientFailed, take_window  # noqa: E402
from regent_bench.peer_systems import RUNTIME_SYSTEMS, SERVICES, SYSTEMS, why_not  # noqa: E402

KEYS, BYTES = 50, 32
SOURCE_ROOT = os.path.dirname(os.path.dirname(HERE))
PROGRAMS = os.environ.get("BENCH_PEERS") or os.path.join(SOURCE_ROOT, "build", "tests", "bench", "peers")


@pytest.fixture
def new_client(tmp_path):
    clients = []

    def make(index=0):
        command = [os.path.join(PROGRAMS, "bench-peer-floor"), str(tmp_path), "", str(KEYS), str(BYTES), str(index)]
        clients.append(Client(command, {}, str(tmp_path / f"log-of-{index}")))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def test_a_client_reads_what_was_filled_by_another(new_client):
    new_client(0).order("fill", seconds=30)
    counted = take_window([new_client(1)], "read", 5)[0]
    assert counted.operations >= 1
    assert 0 < counted.nsec_each <= counted.nsec


def test_reading_what_is_not_there_fails(new_client):
    with pytest.raises(ClientFailed, match="No such file"):
        take_window([new_client()], "read", 1)


def test_each_client_of_a_window_is_counted(new_client):
    counted = take_window([new_client(index) for index in range(3)], "write", 5)
    assert len(counted) == 3
    assert all(one.operations > 0 and one.median_nsec > 0 for one in counted)


def test_who_cannot_have_several_under_way_writes_one_by_one(new_client):
    assert take_window([new_client()], "pipeline", 5, 8)[0].operations >= 1


@pytest.mark.parametrize("order", ["watch board 8", "nonsense", "read 1"])
def test_what_a_peer_cannot_do_is_said(new_client, order):
    with pytest.raises(ClientFailed, match="not supported|Invalid argument"):
        new_client().order(*order.split(), seconds=30)


def tell(client, path, n_told):
    """A writer with one watcher, which is us; says that it was told so many times of the one write."""
    log = path.parent / "log-0"  # the floor's first write makes it
    with open(path, "w+b") as file:
        file.truncate(8 + 8 * 64)
        board = mmap.mmap(file.fileno(), 0)
    board[4:8] = struct.pack("I", 1)
    client.begin("tell", 0, 1, path)
    end = time.monotonic() + 30
    while not log.exists() and time.monotonic() < end:
        os.sched_yield()
    time_told = time.monotonic_ns() + 3_000_000_000
    board[8:16] = struct.pack("Q", time_told)
    board[0:4] = struct.pack("I", n_told)
    return client.finish(30)


def test_the_last_watcher_counts(new_client, tmp_path):
    counted = tell(new_client(), tmp_path / "board", 1)
    assert counted.operations == 1
    assert 2_000_000_000 < counted.median_nsec < 4_000_000_000


def test_being_told_twice_fails(new_client, tmp_path):
    with pytest.raises(ClientFailed, match="Value too large"):
        tell(new_client(), tmp_path / "board", 2)


def results_of(case, **systems):
    results = Results()
    for system, rounds in systems.items():
        for value in rounds:
            results.note((case, 10_000, 32), system.replace("_", "-"), value)
    return results


@pytest.mark.parametrize(
    ("of", "to", "expected"),
    [((10, 10, 10), (50, 60, 70), ("6.00 (5.50 to 6.50)", ">= 5", "yes")), ((10,), (40,), ("4.00", ">= 5", "no"))],
)
def test_ratios_are_of_one_round_and_held_against_their_goal(of, to, expected):
    table = peer_report.ratio_table(results_of("read", regent_view=of, lmdb=to), 10_000)
    row = next(line for line in table.splitlines() if "view : LMDB" in line)
    for text in expected:
        assert text in row


def test_a_ratio_without_rounds_is_left_out():
    assert not peer_report.ratio_table(results_of("read", regent_view=(1,)), 10_000)


def test_an_empty_cell_has_its_reason():
    results = results_of("tell", regent_bus=(1500.0, 1700.0))
    results.refuse(("tell", 10_000, 32), "lmdb", "tells nobody")
    rows = peer_report.main_table(results, 10_000).splitlines()
    assert next(row for row in rows if "LMDB" in row).endswith("(tells nobody) |")
    assert next(row for row in rows if "over the bus" in row).endswith(" 1.60 us |")


@pytest.mark.parametrize(
    ("nsec", "expected"),
    [(31.24, "31.2 ns"), (1500, "1.50 us"), (25.6e6, "25.6 ms"), (3e9, "3.00 s")],
)
def test_times_have_their_unit(nsec, expected):
    assert peer_report.time_text(nsec) == expected


def test_tables_survive_being_written_as_rounds():
    results = results_of("write", regent_bus=(1.0, 2.0), dconf=(7.0,))
    results.refuse(("write", 10_000, 32), "etcd", "failed")
    again, _ = peer_report.from_dict(peer_report.as_dict(results, {}))
    assert peer_report.size_table(again, "write") == peer_report.size_table(results, "write")


def test_only_what_is_between_the_marks_is_replaced(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("before\n" + peer_report.BEGIN + "old\n" + peer_report.END + "after\n")
    peer_report.write("new", str(readme))
    assert readme.read_text() == "before\n" + peer_report.BEGIN + f"\n{peer_report.PICTURE}\nnew\n" + peer_report.END + "after\n"
    readme.write_text("nothing to replace\n")
    with pytest.raises(RuntimeError, match="no place"):
        peer_report.write("new", str(readme))
    assert readme.read_text() == "nothing to replace\n"


def test_the_readme_has_a_place_for_the_tables():
    with open(os.path.join(SOURCE_ROOT, "README.md"), encoding="utf-8") as file:
        readme = file.read()
    assert readme.count(peer_report.BEGIN) == readme.count(peer_report.END) == 1


def test_every_ratio_is_of_rows_that_are_measured():
    cases = {system.name: system for system in SYSTEMS + RUNTIME_SYSTEMS}
    assert all(system.service in SERVICES for system in cases.values())
    for ratio in peer_report.RATIOS:
        for name in (ratio.of, ratio.to):
            assert ratio.case in cases[name].cases
            assert why_not(cases[name], ratio.case, 10_000, 32) is None


def test_a_whole_run_measures_every_cell_or_says_why_not():
    """Of Regent and the floor, which are always there."""
    done = subprocess.run(
        [sys.executable, os.path.join(HERE, "bench-peers"), "--smoke", "--build-dir", os.environ["BENCH_BUILD"],
         "regent", "floor"],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "(failed)" not in done.stdout
    assert "(not measured)" not in done.stdout
    row = next(line for line in done.stdout.splitlines() if line.startswith("| Regent, over the bus | yes"))
    assert "(" not in row and row.count(" us |") + row.count(" ms |") == 3, row
