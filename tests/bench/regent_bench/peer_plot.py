# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads and writes by number of keys, as a picture."""

import os
import statistics
import subprocess

from .measure_peers import SMALL
from .peer_report import present
from .peer_systems import SYSTEMS

COLOURS = {
    "regent-bus": "#7fb3e6", "regent-channel": "#2a7fd0", "regent-view": "#0b3d78", "regent-lib": "#123f66",
    "lmdb": "#d0782a", "sqlite": "#b0a020", "dconf": "#4f9d4f", "xfconf": "#8a5fb5", "cmap": "#c04a6a",
    "etcd": "#606060", "floor": "#b8b8b8",
}  # fmt: skip

SETTINGS = """
set terminal svg size 960,440 font "sans,12" background "#ffffff" name "peers"
set output "{path}"
set multiplot layout 1,2 margins 0.07,0.80,0.13,0.90 spacing 0.08
set logscale xy
set format x "%.0s%c"
set xrange [80:{most}]
set xlabel "keys"
set grid ytics lc rgb "#dddddd"
set format y "%.0s %cs"
set yrange [1e-8:1]
"""


def points(results, case, system):
    found = []
    for key in results.cells:
        rounds = results.rounds(key, system) if key[0] == case and key[2] == SMALL else []
        if rounds:
            found.append((key[1], statistics.median(rounds) / 1e9))
    return sorted(found)


def panel(results, case, title, has_legend):
    blocks, curves = [], []
    for system in present(results, SYSTEMS):
        found = points(results, case, system.name)
        name = f"${case}_{system.name}".replace("-", "_")
        # Also where there are no points, so that the legend names everyone.
        rows = [f"{n_keys} {seconds:.3e}" for n_keys, seconds in found] or ["NaN NaN"]
        blocks += [name + " << E", *rows, "E"]
        legend = f'title "{system.label}"' if has_legend else "notitle"
        dash = "2" if system.name == "floor" or (case == "write" and not system.is_durable) else "1"
        curves.append(f'{name} using 1:2 with linespoints lw 2 pt 7 ps 0.6 dt {dash} '
                      f'lc rgb "{COLOURS[system.name]}" {legend}')  # fmt: skip
    legend = "set key at screen 0.81,0.88 left top Left reverse samplen 1.5" if has_legend else "unset key"
    return "\n".join([*blocks, legend, f'set title "{title}"', "plot " + ", ".join(curves)]) + "\n"


def write(results, path):
    most = max(key[1] for key in results.cells) * 1.3
    script = SETTINGS.format(path=path + "~", most=most)
    script += panel(results, "read", "a read, 32 bytes", False)
    script += panel(results, "write", "a write, 32 bytes (dashed: not on the disk)", True)
    subprocess.run(["gnuplot"], input=script + "unset multiplot\nset output\n", text=True, timeout=60, check=True)
    os.replace(path + "~", path)
