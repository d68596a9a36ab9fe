# SPDX-License-Identifier: LGPL-2.1-or-later
"""Direct channels: Manager.Connect, who is at the other end, and how they end.

That everything else works on them as on the bus is held by the suites of tests/bus themselves, which are run over
channels as well: REGENT_TEST_TRANSPORT=channel.
"""

import pytest
from regent_testing.channel import ChannelClient


@pytest.fixture
def direct(service):
    client = ChannelClient(service.bus.address)
    yield client
    client.close()


def test_ping_get_and_set_over_a_channel(root, ns, direct):
    direct.ping()
    assert ns.seen_by(direct).set("a", "one") > 0
    assert ns.seen_by(direct).get("a").unpack() == "one"
    assert ns.get("a").unpack() == "one"
