# SPDX-License-Identifier: LGPL-2.1-or-later
"""A figure: a value, what it is compared with, and whether it is good enough."""

import dataclasses
import statistics


@dataclasses.dataclass
class Goal:
    """What a figure should be; without a bound it is only shown."""

    text: str
    at_least: float | None = None
    at_most: float | None = None

    def is_met(self, number):
        if number is None:
            return False
        return (self.at_least is None or number >= self.at_least) and (
            self.at_most is None or number <= self.at_most
        )


def at_least(bound):
    return Goal(f">= {bound:g}", at_least=bound)


def at_most(bound, unit=""):
    return Goal(f"<= {bound:g}{' ' + unit if unit else ''}", at_most=bound)


def between(low, high):
    return Goal(f"{low:g} to {high:g}", at_least=low, at_most=high)


def quartiles(numbers):
    if len(numbers) < 2:
        return numbers * 3
    return statistics.quantiles(numbers, n=4, method="inclusive")


@dataclasses.dataclass
class Figure:
    """One line of the result.

    ratio, the median of the rounds, is what the goal is held against; a figure without one is held against it with
    its value. Half of the rounds were from ratio_low to ratio_high. compared names what the value is compared with,
    and compared_value is that, in the same unit.
    """

    name: str
    value: float | None
    unit: str
    compared: str = ""
    compared_value: float | None = None
    ratios: dataclasses.InitVar[list | None] = None
    goal: Goal | None = None
    note: str = ""
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None

    def __post_init__(self, ratios):
        if ratios:
            self.ratio = statistics.median(ratios)
            self.ratio_low, _, self.ratio_high = quartiles(ratios)

    @property
    def is_met(self):
        """True or False; None where there is no goal."""
        if self.goal is None:
            return None
        return self.goal.is_met(self.value if self.ratio is None else self.ratio)

    def as_dict(self):
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "compared_with": self.compared or None,
            "compared_value": self.compared_value,
            "ratio": self.ratio,
            "ratio_low": self.ratio_low,
            "ratio_high": self.ratio_high,
            "goal": self.goal.text if self.goal else None,
            "met": self.is_met,
            "note": self.note or None,
        }


HEADINGS = ("measure", "value", "unit", "compared with", "ratio", "goal", "met", "")
LAYOUT = "{:<26} {:>10} {:<12} {:<30} {:<22} {:<13} {:<3} {}"


def number_text(number):
    if number is None:
        return "-"
    if number >= 1000 or number == int(number):
        return f"{number:.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.3g}"


def line(figure):
    compared = figure.compared
    if figure.compared_value is not None:
        compared += " " + number_text(figure.compared_value)
    ratio = ""
    if figure.ratio is not None:
        ratio = f"{figure.ratio:.3f} ({figure.ratio_low:.2f}..{figure.ratio_high:.2f})"
    return LAYOUT.format(
        figure.name,
        number_text(figure.value),
        figure.unit,
        compared,
        ratio,
        figure.goal.text if figure.goal else "",
        {True: "yes", False: "NO", None: "-"}[figure.is_met],
        figure.note,
    ).rstrip()


def heading():
    return LAYOUT.format(*HEADINGS).rstrip()
