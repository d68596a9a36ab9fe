# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fixtures of the tests of regentctl; those of tests/conftest.py hold, too."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# pylint: disable=wrong-import-position
from ctl import Regentctl


@pytest.fixture
def ctl(service):
    """regentctl as root, on the module's bus."""
    return Regentctl(service.bus)


@pytest.fixture
def ctl_as(service, sandbox):
    """regentctl as another user: ctl_as("alice")."""
    return lambda user, **given: Regentctl(service.bus, user, **given)


@pytest.fixture
def space(root, name):
    """A namespace of root's with a few keys, everyone may read it."""
    made = root.create(name)
    made.apply({"mtu": 1500, "name": "eth0", "on": True, "blob": b"\x00\xff", "list": ["a", "b"]})
    return made
