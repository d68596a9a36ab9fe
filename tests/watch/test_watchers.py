# SPDX-License-Identifier: LGPL-2.1-or-later
"""Watchers while regentd, they themselves, writers and participants are killed at random points.

What each was told is held against what everyone else was told, sent, and read; judge.py says what has to be. That it
can fail is tested as well: on signals that are lost, doubled, swapped and altered on their way (plants.py).
"""

import os
import random
import shutil
import sys

import pytest
from regent_testing import environment
from regent_testing.waiting import SLOWNESS

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

# pylint: disable=wrong-import-position
from campaign import Campaign
from evidence import Broken
from plants import ANSWERS, PLANTS

N_ROUNDS = int(os.environ.get("REGENT_TEST_WATCH_ROUNDS", "12"))
SEED = int(os.environ.get("REGENT_TEST_SEED", str(random.SystemRandom().randrange(1 << 30))))
KEEP = os.environ.get("REGENT_TEST_KEEP")
BRIEF, SECRET, ONE, TWO = "org.watch.Brief", "org.watch.Secret", "org.watch.One", "org.watch.One.Two"
NAMES = [BRIEF, SECRET, ONE, TWO]
ACCESS = {"mode": 0o664, **({"owner": 4001, "group": 4100} if environment.in_sandbox() else {})}
ORDINARY_CONFIG = "[Store]\nCheckpointJournalBytes=64K\n"
# So that signals are withheld, values left out, watches resynchronized and deleted keys forgotten all the time.
TIGHT_CONFIG = f"""{ORDINARY_CONFIG}[Limits]
ConnectionUnreadBytesMax=64K
ReceiptBytes=16K
WatchUnacknowledgedCommitsMax=30
ChangedValueBytesMax=1K
ChangedBytesMax=4K
NamespaceTombstonesMax=20
"""
CONFIGS = {"ordinary": ORDINARY_CONFIG, "tight": TIGHT_CONFIG}

pytestmark = pytest.mark.timeout(600 * SLOWNESS)


def of(name, prefix="", **more):
    return {"kind": "namespace", "name": name, "prefix": prefix, **more}


def below(name, **more):
    return {"kind": "manager", "name": name, **more}


def poll(name, prefix=""):
    return {"kind": "poll", "name": name, "prefix": prefix}


ORDINARY = {"set": 8, "apply": 10, "over": 5, "delete": 3, "kernel": 4, "loose": 4, "dry": 1, "conflict": 1}


@pytest.fixture
def campaign(stack, request):
    print(f"REGENT_TEST_SEED={SEED}")
    made = stack(config=getattr(request, "param", ORDINARY_CONFIG))
    for name in NAMES:
        made.root.create(name, **ACCESS)
    made.root.mark_good()
    directory = os.path.join(made.directory, "logs")
    os.makedirs(directory)
    running = Campaign(made, f"{SEED} {request.node.name}", NAMES, directory)
    yield running
    running.close()
    if KEEP:
        shutil.copytree(directory, os.path.join(KEEP, request.node.name), dirs_exist_ok=True)


def add_watchers(campaign):
    campaign.watcher("whole", [of(ONE), of(TWO), of(BRIEF), of(SECRET)])
    campaign.watcher("parts", [of(ONE, "p."), of(ONE, "p.1"), of(ONE), of(TWO, "k."), of(TWO, "h."), of(ONE, "s.")])
    campaign.watcher("all", [below("org.watch"), below(ONE), below("")])
    campaign.watcher("sure", [of(ONE, acknowledged=True), below("org.watch", acknowledged=True)])
    campaign.watcher("asks", [poll(ONE), poll(TWO, "p."), of(TWO)])
    campaign.watcher("carol", [of(SECRET), of(TWO), below("org.watch", uncertain=[SECRET])], user="carol")


def add_participants(campaign):
    on_one, on_two = {"name": ONE, "prefix": "g."}, {"name": TWO, "prefix": "g."}
    campaign.participant("yes", registrations=[on_one, on_two], moods={"agree": 1})
    campaign.participant("no", registrations=[on_one], moods={"agree": 6, "veto": 2})
    on_three = {"name": TWO, "prefix": "g.1", "optional": True}
    campaign.participant("moody", registrations=[on_three], moods={"agree": 12, "veto": 2, "hang": 1, "late": 1})


@pytest.mark.parametrize("campaign", CONFIGS.values(), ids=CONFIGS.keys(), indirect=True)
def test_what_watchers_are_told_is_what_happened(campaign):
    add_watchers(campaign)
    add_participants(campaign)
    campaign.writer("w0", {**ORDINARY, "session": 5, "confirm": 2})
    campaign.writer("w1", {**ORDINARY, "session": 5}, user="alice")
    campaign.writer("w2", ORDINARY, user="bob")
    campaign.writer("chaos", {"brief": 6, "mode": 4, "good": 1, "restore": 1}, under_way=1, pause=0.02, access=ACCESS)
    campaign.wait_ready()
    for _ in range(max(1, N_ROUNDS // 6)):
        campaign.go()
        campaign.rounds(6)
        campaign.settle()
    counts = campaign.judge()
    print(f"{campaign.n_killed}; {campaign.n_requests} requests; {counts}; {campaign.heard}")
    assert counts.changes > 50 * N_ROUNDS
    assert counts.since > 0 and counts.reads > N_ROUNDS
    assert campaign.heard["yes"]["commit"] > 0


@pytest.mark.parametrize("kind", PLANTS)
def test_a_bug_on_the_way_is_noticed(campaign, kind):
    campaign.watcher("whole", [of(ONE), of(TWO)])
    spec = {"kind": kind, "after": campaign.random.randrange(5, 40)}
    campaign.watcher("fooled", [of(ONE), of(TWO)], plant=spec, gap_seconds=0.5)
    campaign.writer("w0", {"set": 3, "apply": 5, "over": 3}, least=300)
    campaign.wait_ready()
    campaign.go()
    campaign.settle()
    with pytest.raises(Broken) as broken:
        campaign.judge()
    print(broken.value)


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_that_is_not_whole_is_noticed(campaign, kind):
    """What has changed while regentd was away, or the watcher; a killed one misses something for sure."""
    campaign.watcher("fooled", [of(ONE), of(TWO)], plant={"kind": kind, "after": 1})
    campaign.writer("w0", {"set": 2, "apply": 5, "delete": 5, "over": 3}, least=300)
    campaign.wait_ready()
    campaign.go()
    campaign.rounds(4, ["watcher"])
    campaign.settle()
    with pytest.raises(Broken) as broken:
        campaign.judge()
    print(broken.value)
