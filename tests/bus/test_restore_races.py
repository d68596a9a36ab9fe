# SPDX-License-Identifier: LGPL-2.1-or-later
"""MarkGood and Restore among everything else that changes a state: what was seen is there after a crash."""

import os
import random
import sys

import pytest
from regent_testing.api import RegentError, options, values
from regent_testing.names import MANAGER, ROOT_PATH, Error

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "old-stores"))

# pylint: disable=wrong-import-position
import old_store

SEED = int(os.environ.get("REGENT_TEST_SEED", str(random.SystemRandom().randrange(1 << 30))))
N_ROUNDS = int(os.environ.get("REGENT_TEST_ROUNDS", "12"))
NAMES = ["org.race.A", "org.race.B", "org.race.B.Inner", "org.race.Declared"]
DECLARATIONS = [
    None,
    "[Namespace]\nMode=0640\n[Key a]\nType=s\nDefault=declared\n",
    "[Namespace]\nMode=0600\nQuotaKeys=4\n[Key b]\nType=s\nLocked=yes\n",
]
# What may come of a request when others are at the same thing.
EXPECTED = {
    Error.NoSuchNamespace, Error.NamespaceExists, Error.NoSuchKey, Error.QuotaExceeded, Error.InvalidValue,
    Error.Busy, Error.FileNotFound, Error.Conflict, Error.UnknownObject,
}  # fmt: skip


class Racer:
    """Sends requests at random and does not wait for their answers."""

    def __init__(self, client, chance):
        self.client = client
        self.chance = chance
        self.pending = []

    def manager(self, member, signature="()", arguments=()):
        self.pending.append(self.client.start(ROOT_PATH, MANAGER, member, signature, arguments))

    def entries(self):
        keys = self.chance.sample("abcdef", self.chance.randint(1, 3))
        return {key: f"{self.chance.random()}" * self.chance.choice([1, 1, 200]) for key in keys}

    def go(self):
        space = self.client.ns(self.chance.choice(NAMES))
        kind = self.chance.choices(
            ["set", "delete", "create", "remove", "access", "good", "restore"], [12, 3, 3, 2, 2, 1, 2]
        )[0]
        if kind == "set":
            given = options({"class": self.chance.choice(["persistent", "persistent", "runtime"])})
            arguments = (values(self.entries()), [], 0, given)
            self.pending.append(space.start("Apply", "(a{sv}asta{sv})", arguments))
        elif kind == "delete":
            self.pending.append(space.start("Apply", "(a{sv}asta{sv})", ({}, list("abc"), 0, {})))
        elif kind == "create":
            given = options({"mode": self.chance.choice([0o600, 0o644]), "quota-keys": self.chance.choice([0, 5])})
            self.manager("CreateNamespace", "(sa{sv})", (space.name, given))
        elif kind == "remove":
            self.manager("RemoveNamespace", "(st)", (space.name, 1))
        elif kind == "access":
            given = options({"mode": self.chance.choice([0o600, 0o644]), "owner": self.chance.choice([0, 1000])})
            self.pending.append(space.start("SetAccess", "(a{sv})", (given,)))
        elif kind == "good":
            self.manager("MarkGood")
        else:
            self.manager("Restore", "(st)", ("last-known-good", 0))

    def finish(self):
        """How many of them were done."""
        n_done = 0
        for call in self.pending:
            try:
                call.result()
                n_done += 1
            except RegentError as error:
                assert error.name in EXPECTED, error
        self.pending = []
        return n_done


def declare_anew(made, chance):
    made.regentd.declare("org.race.Declared", chance.choice(DECLARATIONS))
    made.root.reload()


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_what_was_seen_is_there_after_it(stack, end):
    print(f"REGENT_TEST_SEED={SEED}")
    chance = random.Random(f"{SEED} {end}")
    made = stack(config="[Store]\nCheckpointJournalBytes=64K\n")
    racers = [Racer(made.client(), chance) for _ in range(3)]
    made.root.create(NAMES[0])
    made.root.mark_good()
    n_done = 0
    for _ in range(N_ROUNDS):
        for _ in range(60):
            chance.choice(racers).go()
        if chance.random() < 0.5 and os.path.exists(made.regentd.namespaces_dir):
            try:
                declare_anew(made, chance)
            except FileNotFoundError:
                pass
        n_done += sum(racer.finish() for racer in racers)
        made.root.reload()  # what is declared is in force again behind the last Restore
        before = old_store.look(made.root)
        getattr(made.regentd, end)()
        made.regentd.start()
        assert made.root.property("State") == "running"
        assert old_store.look(made.root) == before
    assert n_done > 10 * N_ROUNDS
