# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of participants share. A test module imports the fixture."""

import pytest
from regent_testing.participant import Participant


@pytest.fixture
def join(service):
    """A factory of participants, closed after the test: join(user)."""
    made = []

    def make(user=None):
        made.append(Participant(service, user))
        return made[-1]

    yield make
    for each in made:
        each.close()


def numbers(caller, *which):
    found = caller.statistics()
    return [found[name].unpack() for name in which]
