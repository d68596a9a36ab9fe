# SPDX-License-Identifier: LGPL-2.1-or-later
"""Watches of libregent while regentd is killed and restarted under writers.

Every write of a key gives it the next number, so a change that is told twice, or late, shows by itself; and what was
taken in must be what is read in the end.
"""

import os
import random

import pytest
from gi.repository import GLib

from lib_follower import LibFollower, State
from regent_testing.api import change
from regent_testing.names import BUS_NAME, MANAGER, ROOT_PATH

N_ROUNDS = int(os.environ.get("REGENT_TEST_WATCH_ROUNDS", "12"))
SEED = int(os.environ.get("REGENT_TEST_SEED", str(random.SystemRandom().randrange(1 << 30))))
NAMES = ["org.example.One", "org.example.Two", "org.example.Two.Three"]
ORDINARY = "[Store]\nCheckpointJournalBytes=64K\n"
TIGHT = f"{ORDINARY}[Limits]\nWatchUnacknowledgedCommitsMax=20\nChangedValueBytesMax=1K\nChangedBytesMax=4K\n"


class Numbers:
    """Each key's numbers go up in what one watch is told; an end of a key is taken in, too."""

    def __init__(self):
        self.last = {}

    def take(self, event):
        if event.kind not in ("state", "change"):
            return
        for key, value in event.values.items():
            number = int(value.split(" ")[0]) if isinstance(value, str) else value
            before = self.last.get((event.ns_name, key), 0)
            assert number > before or (event.kind == "state" and number == before), (event.ns_name, key, before, event)
            self.last[event.ns_name, key] = number


class Writer:
    """Sends writes without waiting for their replies, and forgets those whose regentd went."""

    def __init__(self, stack, chance):
        self._client = stack.client()
        self._chance = chance
        self._n = 0

    def write(self):
        self._n += 1
        chance = self._chance
        changes = {}
        for name in chance.sample(NAMES, chance.choice([1, 1, 2, 3])):
            keys = {}
            for _ in range(chance.choice([1, 1, 3])):
                large = chance.random() < 0.1
                keys[f"k{chance.randrange(12)}"] = f"{self._n} " + "x" * 3000 if large else self._n
            unset = [key for key in (f"k{chance.randrange(12)}",) if key not in keys and chance.random() < 0.2]
            changes[name] = change(keys, unset)
        arguments = ({name: each for name, each in changes.items()}, 0, {})
        self._client.start(ROOT_PATH, MANAGER, "Apply", "(a{sv}ta{sv})", arguments)


def read(client, name):
    return {key: value.unpack() for key, value in client.ns(name).everything().items()}


@pytest.mark.parametrize("config", [ORDINARY, TIGHT], ids=["ordinary", "tight"])
@pytest.mark.parametrize("flags", [[], ["bus-only"]], ids=["channel", "bus-only"])
def test_what_is_taken_in_is_what_is_read(stack, config, flags):
    print(f"REGENT_TEST_SEED={SEED}")
    chance = random.Random(f"{SEED} {config} {flags}")
    made = stack(config=config)
    for name in NAMES:
        made.root.create(name)
    writer = Writer(made, chance)
    watches = {f"of {name}": ("ns", name) for name in NAMES} | {"all": ("names", ""), "two": ("names", NAMES[1])}
    with LibFollower(made.bus, chance.choice(["poll", "sd-event", "glib"]), *flags) as follower:
        numbers = {watch: Numbers() for watch in watches}
        for watch, (kind, name) in watches.items():
            follower.watch(watch, name, kind=kind)
            follower.event(watch, "live")
            follower.states[watch].on_event = numbers[watch].take
        for _ in range(N_ROUNDS):
            for _ in range(chance.randrange(1, 120)):
                writer.write()
            if chance.random() < 0.7:
                made.regentd.kill()
            else:
                made.regentd.stop()
            made.regentd.start()
            made.root.wait_name(BUS_NAME)
            for _ in range(chance.randrange(40)):
                writer.write()
        made.root.ns(NAMES[0]).set("last", 1 << 40)
        made.root.ns(NAMES[1]).set("last", 1 << 40)
        made.root.ns(NAMES[2]).set("last", 1 << 40)
        expected = {name: read(made.root, name) for name in NAMES}
        for watch, (kind, name) in watches.items():
            below = [each for each in NAMES if each == name or (kind == "names" and each.startswith(name))]
            wanted = {each: expected[each] for each in below}
            follower.follow_until(watch, lambda state, wanted=wanted: state.namespaces == wanted, 60)
            kinds = [event.kind for event in follower.states[watch].log]
            assert kinds.count("state") == len(below), kinds


def carry_on(state):
    """For the next process: what was told after the position is told again, which a difference allows."""
    after = State(state.position)
    after.namespaces = {name: dict(entries) for name, entries in state.namespaces.items()}
    return after


def test_watchers_that_are_killed_too_go_on_from_where_they_were(stack):
    """Each time another process goes on from the position of the last event that was taken in."""
    print(f"REGENT_TEST_SEED={SEED}")
    chance = random.Random(f"{SEED} killed")
    made = stack(config=TIGHT)
    for name in NAMES:
        made.root.create(name)
    writer = Writer(made, chance)
    watches = {"one": ("ns", NAMES[0]), "all": ("names", "")}
    states = {}
    for n in range(N_ROUNDS):
        with LibFollower(made.bus) as follower:
            for watch, (kind, name) in watches.items():
                position = states[watch].position if watch in states else None
                follower.watch(watch, name, kind=kind, position=position)
                if watch in states:
                    follower.states[watch] = carry_on(states[watch])
                    follower.states[watch].log = states[watch].log
                else:
                    follower.event(watch, "live")
            for _ in range(chance.randrange(1, 60)):
                writer.write()
            made.root.ns(NAMES[0]).set("mark", n)
            for watch in watches if chance.random() < 0.7 else ():
                follower.follow_until(watch, lambda state, n=n: state.namespaces.get(NAMES[0], {}).get("mark") == n)
            states = dict(follower.states)
            if n == N_ROUNDS - 1:
                made.root.ping()
                expected = {name: read(made.root, name) for name in NAMES}
                follower.follow_until("all", lambda state: state.namespaces == expected)
                follower.follow_until("one", lambda state: state.namespaces == {NAMES[0]: expected[NAMES[0]]})
            follower.kill()
        if chance.random() < 0.3:
            made.regentd.kill()
            made.regentd.start()
            made.root.wait_name(BUS_NAME)
    kinds = [event.kind for event in states["all"].log]
    assert kinds.count("state") == len(NAMES), kinds


def test_a_bus_that_is_started_anew(stack):
    """The position is one of regentd's, and good on the next bus."""
    made = stack()
    space = made.root.create(NAMES[0])
    with LibFollower(made.bus) as follower:
        follower.watch("w", NAMES[0])
        follower.event("w", "live")
        follower.participate("p", NAMES[0], flags="y")
        follower.event("p", "registered")
        for n in range(2):
            made.bus.stop()
            made.regentd.wait_exit()
            follower.event("w", "away")
            follower.event("p", "away")
            made.bus.start()
            made.regentd.start()
            root = made.client()
            space = root.ns(NAMES[0])
            follower.event("p", "registered")
            follower.event("w", "live")
            space.set("a", n + 1)
            assert follower.event("w").values == {"a": n + 1}
            assert follower.event("p", "commit").result == 0
    assert [event.kind for event in follower.states["w"].log].count("state") == 1
