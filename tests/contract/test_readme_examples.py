# SPDX-License-Identifier: LGPL-2.1-or-later
"""Code in the README is what the files hold that the tests run.

A fenced block after a line `<!-- tests/examples/router.sh -->` shows that file: all of it, or lines of it as they
stand there, moved to the left together. A line `…`, alone or in a comment, stands for what is left out.
"""

import os
import re
import textwrap

import pytest

import project

MARK = re.compile(r"^<!-- (\S+/\S+) -->\n", re.MULTILINE)
BLOCK = re.compile(r"\n?^(```+)[^\n]*\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
OMISSION = re.compile(r"^\s*(?:#|//|/\*)?\s*…\s*(?:\*/)?\s*$")


def shown(text):
    """The path and the code of each block that names a file; None for code where a mark has no block."""
    found = []
    for mark in MARK.finditer(text):
        block = BLOCK.match(text, mark.end())
        found.append((mark[1], block[2] if block else None))
    return found


def pieces(code):
    """The runs of lines between omissions, without empty lines at their ends."""
    runs = [[]]
    for line in code.splitlines():
        if OMISSION.match(line):
            runs.append([])
        else:
            runs[-1].append(line.rstrip())
    return [dedented(run) for run in runs if any(run)]


def dedented(lines):
    return textwrap.dedent("\n".join(lines)).strip("\n").split("\n")


def find(piece, lines, start):
    """Where these lines stand next, moved to the right together or not; returns what comes after them, or None."""
    for at in range(start, len(lines) - len(piece) + 1):
        if dedented(lines[at : at + len(piece)]) == piece:
            return at + len(piece)
    return None


def first_stranger(code, content):
    """The first line of the first piece of code that the content does not have, in this order, or None."""
    lines, at = [line.rstrip() for line in content.splitlines()], 0
    for piece in pieces(code):
        at = find(piece, lines, at)
        if at is None:
            return piece[0]
    return None


def complaints(text, read=project.read):
    """What is wrong with the blocks of a document that name a file."""
    found = []
    for file, code in shown(text):
        if not os.path.isfile(project.path(file)):
            found.append(f"{file}: no such file")
        elif code is None or not pieces(code):
            found.append(f"{file}: no code follows its name")
        elif line := first_stranger(code, read(file)):
            found.append(f"{file}: does not hold what the README shows from here on: {line}")
    return found


def test_code_in_the_readme_is_that_of_the_files():
    assert complaints(project.read("README.md")) == []


CONTENT = "#!/bin/sh\n# A router.\nif true; then\n        echo one\n        echo two\n\n        echo three\nfi\n"
FILE = "tests/examples/router.sh"


def block(code, file=FILE):
    return f"Text.\n\n<!-- {file} -->\n```sh\n{code}```\n\nMore.\n"


GOOD = {
    "all of it": CONTENT,
    "lines of it": "# A router.\nif true; then\n",
    "lines moved to the left": "echo one\necho two\n\necho three\n",
    "with omissions": "# …\nif true; then\n        # …\n        echo two\n…\nfi\n",
}
BAD = {
    "another line": CONTENT.replace("two", "2"),
    "a line left out in silence": "echo one\n\necho three\n",
    "another order": "echo two\n# …\necho one\n",
    "a line twice": "echo one\n# …\necho one\n",
    "moved apart": "echo one\n    echo two\n",
    "part of a line": "echo\n",
    "nothing": "",
    "only an omission": "# …\n",
}


@pytest.mark.parametrize("code", GOOD.values(), ids=GOOD)
def test_excerpt_is_taken(code):
    assert complaints(block(code), lambda _: CONTENT) == []


@pytest.mark.parametrize("code", BAD.values(), ids=BAD)
def test_what_the_file_does_not_hold_is_refused(code):
    assert complaints(block(code), lambda _: CONTENT)


def test_file_that_is_not_there_is_refused():
    assert complaints(block(CONTENT, "tests/examples/none.sh"), lambda _: CONTENT)


def test_name_without_a_block_is_refused():
    assert complaints(f"<!-- {FILE} -->\n\nText.\n\n```sh\necho one\n```\n", lambda _: CONTENT)


def test_every_block_of_several_is_read():
    assert complaints(block(CONTENT) + block("echo 4\n"), lambda _: CONTENT)


def test_blocks_that_name_no_file_are_left_alone():
    assert shown("<!-- a remark -->\n```sh\nfree\n```\n\n```console\n$ true\n```\n") == []
