# SPDX-License-Identifier: LGPL-2.1-or-later
"""Direct channels: Manager.Connect, who is at the other end, and how they end.

That everything else works on them as on the bus is held by the suites of tests/bus themselves, which are run over
channels as well: REGENT_TEST_TRANSPORT=channel.
"""

import pytest
from regent_testing.channel import ChannelClient
from regent_testing.stack import Stack


@pytest.fixture
def stack(sandbox):
    with Stack() as running:
        yield running


@pytest.fixture
def direct(stack):
    client = ChannelClient(stack.bus.address)
    yield client
    client.close()


def test_ping_get_and_set_over_a_channel(stack, direct):
    direct.ping()
    space = stack.root.create("org.example.Router", owner=0)
    assert space.seen_by(direct).set("a", "one") > 0
    assert space.seen_by(direct).get("a").unpack() == "one"
    assert space.get("a").unpack() == "one"
    assert space.describe("a")["writer"].unpack() == 0 if "writer" in space.describe("a") else True
