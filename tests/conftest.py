# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fixtures of the Python suites. One bus and one regentd serve a module; a test that harms them takes `stack`.

Run a suite through tests/support/pytest, which provides the users, groups and polkit directories.
"""

import itertools
import os
import sys

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))

# pylint: disable=wrong-import-position
from regent_testing import bus_only, channel, environment, polkit
from regent_testing.stack import Stack
from regent_testing.waiting import SLOWNESS

pytest_plugins = ["regent_testing.tap"]

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items):
    for item in items:
        why = channel.is_transport() and bus_only.reason(item.path, item.originalname)
        if why:
            item.add_marker(pytest.mark.skip(reason=why))
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(60 * SLOWNESS))


@pytest.fixture(scope="session")
def sandbox():
    reason = environment.without_sandbox()
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="module")
def shared(request):
    """The bus and regentd of this module. A module sets STACK = dict(…) for what Stack is to be given."""
    given = dict(getattr(request.module, "STACK", {}))
    if given.get("polkit") and polkit.why_not():
        pytest.skip(polkit.why_not())
    if given.get("user") and environment.without_sandbox():
        pytest.skip(environment.without_sandbox())
    with Stack(**given) as stack:
        yield stack


@pytest.fixture
def service(shared):
    """The module's Stack, still alive when the test is over."""
    shared.regentd.check_running()
    yield shared
    shared.regentd.check_running()


@pytest.fixture
def root(service):
    """A caller whom regentd takes for uid 0."""
    if os.geteuid() != 0:
        pytest.skip("needs uid 0, if only in a user namespace")
    return service.root


@pytest.fixture
def name():
    """A namespace's name that no other test has."""
    return f"org.example.Test{next(_numbers)}"


@pytest.fixture
def ns(root, name):
    """A namespace of root's that everyone may read and nobody else write."""
    return root.create(name)


@pytest.fixture
def stack():
    """A factory of Stacks of a test's own: stack(polkit=True, …). All are closed, and checked, after the test."""
    stacks = []

    def start(**given):
        if given.get("polkit") and polkit.why_not():
            pytest.skip(polkit.why_not())
        if given.get("user") and environment.without_sandbox():
            pytest.skip(environment.without_sandbox())
        made = Stack(**given)
        made.__enter__()
        stacks.append(made)
        return made

    yield start
    errors = []
    for made in reversed(stacks):
        try:
            made.close()
        except AssertionError as error:
            errors.append(str(error))
    assert not errors, "\n".join(errors)


def _user_fixture(user):
    @pytest.fixture(scope="module", name=user)
    def fixture(shared, sandbox):
        return shared.user(user)

    return fixture


alice = _user_fixture("alice")
bob = _user_fixture("bob")
carol = _user_fixture("carol")
dave = _user_fixture("dave")
erin = _user_fixture("erin")


@pytest.fixture
def polkitd(service):
    """The module's polkitd, running and with no rule of a test's in it before and after."""
    service.polkitd.set_rules("")
    yield service.polkitd
    if not service.polkitd.is_running():
        service.polkitd.start()
    service.polkitd.cont()
    service.polkitd.set_rules("")
