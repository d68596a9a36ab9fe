# SPDX-License-Identifier: LGPL-2.1-or-later
"""What was measured, as tables for README.md."""

import dataclasses
import os
import statistics
import subprocess
import textwrap

from . import machine
from .figure import Goal, at_least, at_most, quartiles
from .measure_peers import LARGE, SMALL, Results
from .peer_systems import RUNTIME_SYSTEMS, SYSTEMS

WIDTH = 118  # of README

PICTURE = "![Time of a read and of a write by number of keys](doc/peers.svg)\n"
BEGIN, END = "<!-- ./dev bench --peers --write: begin -->\n", "<!-- ./dev bench --peers --write: end -->\n"
PACKAGES = ("liblmdb0", "libsqlite3-0", "dconf-service", "xfconf", "corosync", "etcd-server")


@dataclasses.dataclass(frozen=True)
class Ratio:
    """One row's rounds divided by another's, round by round; turned round where less is more."""

    text: str
    case: str
    of: str
    to: str
    goal: Goal | None = None
    is_speed: bool = False  # of times: how many times as fast


RATIOS = [
    Ratio("reads a second, view : LMDB", "read", "regent-view", "lmdb", at_least(5), True),
    Ratio("reads a second, view : dconf", "read", "regent-view", "dconf", at_least(10), True),
    Ratio("time of a read, view : a bare table", "read", "regent-view", "floor", at_most(2.5)),
    Ratio("time of a durable write, channel : SQLite", "write", "regent-lib", "sqlite", at_most(1.3)),
    Ratio("time of a durable write, channel : LMDB", "write", "regent-lib", "lmdb", at_most(1)),
    Ratio("durable writes a second of eight, channel : LMDB", "writers", "regent-lib", "lmdb", at_least(2.5)),
    Ratio("the same, channel : bus", "writers", "regent-lib", "regent-bus", at_least(1.3)),
    Ratio("time of a runtime write, channel : cmap", "runtime-one", "regent-lib-runtime", "cmap-runtime",
          at_most(2.5)),
    Ratio("runtime writes a second of eight, channel : cmap", "runtime-eight", "regent-lib-runtime",
          "cmap-runtime", at_least(1)),
    Ratio("runtime writes a second of one, eight under way, channel : cmap", "runtime-pipeline",
          "regent-channel-runtime", "cmap-runtime", at_least(1)),
    Ratio("time of a runtime write, channel : floor", "runtime-one", "regent-lib-runtime", "bare-runtime"),
    Ratio("time of a runtime write, floor : cmap", "runtime-one", "bare-runtime", "cmap-runtime"),
    Ratio("runtime writes a second of eight, channel : floor", "runtime-eight", "regent-lib-runtime",
          "bare-runtime"),
    Ratio("runtime writes a second of eight, floor : cmap", "runtime-eight", "bare-runtime", "cmap-runtime"),
    Ratio("time of a durable write, bus : SQLite", "write", "regent-bus", "sqlite"),
    Ratio("time of a durable write, bus : dconf", "write", "regent-bus", "dconf"),
    Ratio("time of a durable write, bus : etcd", "write", "regent-bus", "etcd"),
    Ratio("durable writes a second of eight, bus : LMDB", "writers", "regent-bus", "lmdb"),
    Ratio("durable writes a second of eight, bus : etcd", "writers", "regent-bus", "etcd"),
    Ratio("time until eight are told, bus : dconf", "tell", "regent-bus", "dconf"),
    Ratio("time until eight are told, bus : etcd", "tell", "regent-bus", "etcd"),
]  # fmt: skip


def versions():
    found = []
    for package in PACKAGES:
        done = subprocess.run(
            ["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True, timeout=10, check=False
        )
        if done.returncode == 0 and done.stdout:
            found.append(f"{package} {done.stdout}")
    return found


def as_dict(results, described):
    cells = [{"case": list(case), "rounds": rounds} for case, rounds in results.cells.items()]
    reasons = [{"case": list(case), "reasons": reasons} for case, reasons in results.reasons.items()]
    return {"machine": described, "cells": cells, "reasons": reasons}


def from_dict(read):
    results = Results()
    results.cells = {tuple(one["case"]): one["rounds"] for one in read["cells"]}
    results.reasons = {tuple(one["case"]): one["reasons"] for one in read["reasons"]}
    return results, read["machine"]


def three_digits(number):
    if number >= 100:
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def time_text(nsec):
    for limit, unit in ((1e3, "ns"), (1e6, "us"), (1e9, "ms")):
        if nsec < limit:
            return f"{three_digits(nsec * 1e3 / limit)} {unit}"
    return f"{three_digits(nsec / 1e9)} s"


def rate_text(rate):
    return f"{rate:,.0f} /s"


def cell(results, case, system, text=time_text):
    rounds = results.rounds(case, system)
    if rounds:
        return text(statistics.median(rounds))
    return f"({results.reason(case, system) or 'not measured'})"


def table(headings, rows):
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def sizes_of(results, case):
    """(keys, bytes) of a case, small values first."""
    found = {key[1:] for where in (results.cells, results.reasons) for key in where if key[0] == case}
    return sorted(found, key=lambda size: (size[1], size[0]))


def present(results, systems):
    """Those that were asked for at all."""
    asked = {name for where in (results.cells, results.reasons) for systems in where.values() for name in systems}
    return [system for system in systems if system.name in asked]


def main_table(results, n_keys):
    rows = []
    for system in present(results, SYSTEMS):
        rows.append(
            [
                system.label,
                system.durable,
                cell(results, ("read", n_keys, SMALL), system.name),
                cell(results, ("write", n_keys, SMALL), system.name),
                cell(results, ("writers", n_keys, SMALL), system.name, rate_text),
                cell(results, ("tell", n_keys, SMALL), system.name),
            ]
        )
    headings = ["", "on the disk when answered", "read", "write", "eight writers", "eight watchers know"]
    return table(headings, rows)


def size_table(results, case):
    sizes = sizes_of(results, case)
    rows = [
        [system.label, *(cell(results, (case, *size), system.name) for size in sizes)]
        for system in present(results, SYSTEMS)
    ]
    unit = {SMALL: "32 B", LARGE: "4 KiB"}
    return table(["", *(f"{n_keys:,} of {unit[n_bytes]}" for n_keys, n_bytes in sizes)], rows)


def runtime_table(results, n_keys):
    rows = []
    for system in present(results, RUNTIME_SYSTEMS):
        rows.append(
            [
                system.label,
                system.durable,
                cell(results, ("runtime-one", n_keys, SMALL), system.name),
                cell(results, ("runtime-eight", n_keys, SMALL), system.name, rate_text),
                cell(results, ("runtime-pipeline", n_keys, SMALL), system.name, rate_text),
            ]
        )
    return table(["", "kept", "write", "eight writers", "one writer, eight under way"], rows)


def ratios_of(results, ratio, n_keys):
    key = (ratio.case, n_keys, SMALL)
    pairs = zip(results.rounds(key, ratio.of), results.rounds(key, ratio.to), strict=False)
    return [to / of if ratio.is_speed else of / to for of, to in pairs]


def ratio_table(results, n_keys):
    rows = []
    for ratio in RATIOS:
        numbers = ratios_of(results, ratio, n_keys)
        if not numbers:
            continue
        low, _, high = quartiles(numbers)
        middle = statistics.median(numbers)
        goal = met = ""
        if ratio.goal:
            goal, met = ratio.goal.text, "yes" if ratio.goal.is_met(middle) else "no"
        spread = f"{three_digits(middle)} ({three_digits(low)} to {three_digits(high)})"
        rows.append([ratio.text, spread, goal, met])
    return rows and table(["ratio", "median (half of the rounds)", "goal", "met"], rows)


def middle_of(results):
    """The number of keys at which eight wrote, or else the largest one."""
    sizes = sizes_of(results, "writers") or sizes_of(results, "read")
    return sizes[-1][0]


def rounds_text(results):
    counts = [len(rounds) for cells in results.cells.values() for rounds in cells.values()]
    return f"{min(counts)} to {max(counts)}" if counts else "no"


def with_title(title, rows):
    return [title, rows] if rows else []


def text(results, described):
    n_keys = middle_of(results)
    is_busy = described["load_before"] > machine.LOAD_MAX
    setting = (
        "Medians of {rounds} rounds, in each of which every system had its turn, on {processor}, {cpus} CPUs, Linux "
        "{kernel}, {file_system}, load {load_before} before: {packages}.".format(
            rounds=rounds_text(results), packages=", ".join(described["versions"]), **described
        )
    )
    parts = [
        textwrap.fill(setting, WIDTH, break_long_words=False, break_on_hyphens=False) + "\n",
        *(["**The machine was busy with something else: these times say little.**\n"] if is_busy else []),
        f"{n_keys:,} keys of 20 bytes, values of 32:\n",
        main_table(results, n_keys),
        *with_title("The same as ratios, round by round:\n", ratio_table(results, n_keys)),
        "A read, by number and size of values:\n",
        size_table(results, "read"),
        "A write, by number of values:\n",
        size_table(results, "write"),
    ]
    if present(results, RUNTIME_SYSTEMS):
        parts += ["Entries that live in memory:\n", runtime_table(results, n_keys)]
    return "\n".join(parts)


def write(tables, path):
    """Replaces what stands between the marks with the picture and the tables."""
    with open(path, encoding="utf-8") as file:
        readme = file.read()
    before, found, rest = readme.partition(BEGIN)
    _, found_end, after = rest.partition(END)
    if not found or not found_end:
        raise RuntimeError(f"{path}: no place for the tables")
    with open(path + "~", "w", encoding="utf-8") as file:
        file.write(before + BEGIN + "\n" + PICTURE + "\n" + tables + "\n" + END + after)
    os.replace(path + "~", path)
