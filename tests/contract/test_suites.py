# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every Python suite in the tree is run: a file that meson does not list is never seen to fail."""

import glob
import json
import os

import pytest

import project


# What takes too long for meson, and the script that runs it.
RUN_ELSEWHERE = {"tests/install/test_package.py": "tests/install/package"}


def suites_of(folder):
    return {os.path.relpath(path, project.ROOT) for path in glob.glob(project.path("tests", folder, "test_*.py"))}


FOLDERS = sorted(name for name in os.listdir(project.path("tests")) if suites_of(name))


@pytest.fixture(scope="module")
def listed():
    """Files that the commands of meson's tests name."""
    tests = json.loads(project.run("meson", "introspect", "--tests", project.build_root()))
    words = {word for test in tests for word in test["cmd"]}
    return {os.path.relpath(word, project.ROOT) for word in words if word.endswith(".py")}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_suite_of_a_folder_is_listed(listed, folder):
    assert suites_of(folder) - listed - set(RUN_ELSEWHERE) == set()


@pytest.mark.parametrize("suite", RUN_ELSEWHERE)
def test_what_meson_does_not_run_has_a_script(suite):
    assert os.path.basename(suite) in project.read(RUN_ELSEWHERE[suite])


def test_the_large_folders_are_looked_at():
    assert {"bus", "contract", "regentctl"} <= set(FOLDERS)
