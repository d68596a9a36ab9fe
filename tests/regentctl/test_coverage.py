# SPDX-License-Identifier: LGPL-2.1-or-later
"""No verb and no option without a test that uses it."""

import os
import re

from regent_testing import environment


def sources():
    directory = os.path.join(environment.source_root(), "tests", "regentctl")
    for name in sorted(os.listdir(directory)):
        if name.startswith("test_") and name.endswith(".py") and name != os.path.basename(__file__):
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                yield file.read()


def verbs_of(ctl):
    return re.findall(r"^  ([a-z-]+)\b", ctl("--help").out.split("Options")[0], re.MULTILINE)


def options_of(ctl):
    helps = [ctl("--help").out] + [ctl(verb, "--help").out for verb in verbs_of(ctl)]
    return set(re.findall(r"^  (?:-\w |   )(--[a-z-]+)", "\n".join(helps), re.MULTILINE))


def letters_of(ctl):
    helps = [ctl("--help").out] + [ctl(verb, "--help").out for verb in verbs_of(ctl)]
    return set(re.findall(r"^  (-\w)\b", "\n".join(helps), re.MULTILINE))


def test_every_verb_is_used(ctl):
    text = "\n".join(sources())
    verbs = verbs_of(ctl)
    assert len(verbs) >= 15
    unused = [verb for verb in verbs if not re.search(rf'[(\[]"{verb}"', text)]
    assert not unused, unused


def test_every_option_is_used(ctl):
    text = "\n".join(sources())
    options = options_of(ctl)
    assert len(options) >= 25
    unused = [option for option in options if not re.search(rf'"{option}["=]', text)]
    assert not unused, unused


def test_every_letter_is_used(ctl):
    text = "\n".join(sources())
    unused = [letter for letter in letters_of(ctl) if not re.search(rf'"{letter}|"-\w*{letter[1]}\w*"', text)]
    assert not unused, unused


def test_every_option_is_said_to_go_with_its_verbs(ctl):
    """What the help of a verb shows is what it takes: others are refused. A few of them at each verb, in turn."""
    of_verbs = sorted(options_of(ctl) - set(re.findall(r"(--[a-z-]+)", ctl("--help").out)))
    for turn, verb in enumerate(verbs_of(ctl)):
        shown = set(re.findall(r"(--[a-z-]+)", ctl(verb, "--help").out.split("Options:")[-1]))
        others = [option for option in of_verbs if option not in shown]
        for option in (others[(turn * 3 + step) % len(others)] for step in range(3)):
            refused = ctl.run(verb, option, "x", "y")
            assert refused.status == 2 and f"{option} does not go with '{verb}'" in refused.err, refused
