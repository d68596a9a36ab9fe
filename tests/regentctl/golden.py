# SPDX-License-Identifier: LGPL-2.1-or-later
"""Output that is held against a file in golden/. REGENT_WRITE_GOLDEN=1 writes the files anew: look at the difference."""

import os

from regent_testing import environment

DIRECTORY = os.path.join(environment.source_root(), "tests", "regentctl", "golden")


def check(name, text):
    path = os.path.join(DIRECTORY, name + ".txt")
    if os.environ.get("REGENT_WRITE_GOLDEN"):
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)
    with open(path, encoding="utf-8", newline="") as file:
        expected = file.read()
    assert text == expected
