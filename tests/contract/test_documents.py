# SPDX-License-Identifier: LGPL-2.1-or-later
"""The documents for people: their examples work as printed, and what they point at is there."""

import os
import re

import pytest

import project
from regent_testing.console import Shell, examples
from regent_testing.revive import revived

DOCUMENTS = ("README.md", "HACKING.md", "SECURITY.md", "NEWS.md")


def test_examples_of_the_readme_print_what_they_say(stack, sandbox):
    started = stack()
    with revived(started.regentd), Shell(started) as shell:
        for example in examples(project.read("README.md")):
            assert example.is_met_by(output := shell.run(example.command)), (
                f"$ {example.command}\nprinted:\n{output}expected:\n{example.expected}"
            )


def test_readme_has_examples_and_the_two_commands():
    text = project.read("README.md")

    assert len(examples(text)) >= 5
    assert "./dev run" in text
    assert "./dev test" in text


def files_of_the_tree():
    """Base names of files that people are pointed at, also under the name they are installed by."""
    directories = ("", "client", "data", "dbus", "polkit")
    names = {name for directory in directories for name in os.listdir(project.path(directory))}
    return names | {name.removesuffix(".in") for name in names}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_named_in_documents_exist(document):
    text = project.read(document)
    known = files_of_the_tree()

    for name in re.findall(r"`([\w./-]+)`", text):
        if re.match(r"(service|client|data|dbus|polkit|tests|man)/", name):
            assert os.path.exists(project.path(name)), name
        elif re.search(r"\.(md|xml|conf|rules|service|policy)$", name):
            assert os.path.basename(name) in known, name


@pytest.mark.parametrize("document", DOCUMENTS)
def test_lines_are_short_enough_to_read_in_a_terminal(document):
    lines = re.sub(r"^```.*?^```", "", project.read(document), flags=re.MULTILINE | re.DOTALL)

    assert [line for line in lines.splitlines() if len(line) > 120 and line[0] != "|"] == []
