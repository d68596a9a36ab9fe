# SPDX-License-Identifier: LGPL-2.1-or-later
"""The benchmarks: what is measured (measure_*.py), on what (instance.py), and how a figure is judged (figure.py).

A figure is a ratio of two things done in turn, round after round, on one bus, so that it says something about
regentd and little about the machine. Where it is not, because a time or a size itself is the goal, it says so.
"""
