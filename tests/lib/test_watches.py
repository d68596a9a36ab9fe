# SPDX-License-Identifier: LGPL-2.1-or-later
"""Watches of libregent: what is told, over gaps, restarts, and ends."""

import pytest

from lib_follower import LibFollower
from regent_testing.api import RegentError

ERROR = "org.regentd.State1.Error."
NAME, OTHER = "org.example.Watched", "org.example.Watched.Other"


@pytest.fixture
def own(stack):
    made = stack()
    made.root.create(NAME)
    made.root.create(OTHER)
    return made


@pytest.fixture(params=["channel", "bus-only"])
def flags(request):
    return ["bus-only"] if request.param == "bus-only" else []


def test_tells_what_there_is_and_then_each_commit(own, flags):
    own.root.set(NAME, "a", 1)
    with LibFollower(own.bus, "poll", *flags) as follower:
        assert follower.watch("w", NAME) == (0, "-")
        state = follower.event("w")
        assert (state.kind, state.ns_name, state.values) == ("state", NAME, {"a": 1})
        assert follower.event("w").kind == "live"
        for n in range(20):
            own.root.set(NAME, "a", 10 + n)
        own.root.delete(NAME, "a")
        for n in range(20):
            change = follower.event("w")
            assert (change.kind, change.values, change.removed, change.is_merged) == ("change", {"a": 10 + n}, [], False)
        assert follower.event("w").removed == ["a"]
