# SPDX-License-Identifier: LGPL-2.1-or-later
"""The router of tests/bindings and tests/examples in C with libregent, built against what meson installs."""

import os
import shutil

import pytest
from regent_testing import environment, router
from regent_testing.router_cases import RouterCases, space  # pylint: disable=unused-import
from test_examples import build, find, installed  # pylint: disable=unused-import


class Program(router.Program):
    """With the library beside it, where other users find it."""

    def take(self, built, library):
        shutil.copy(built, self.directory)
        shutil.copy(library, self.directory)
        return self

    def argv(self):
        return ["env", f"LD_LIBRARY_PATH={self.directory}", *super().argv()]


@pytest.fixture(scope="module")
def program(build, installed, sandbox):
    directory = environment.make_scratch()
    try:
        made = Program("examples/libregent/router.c", directory)
        yield made.take(build("router"), find(installed, "libregent.so.0"))
    finally:
        environment.remove_scratch(directory)


class TestRouter(RouterCases):
    pass
