# SPDX-License-Identifier: LGPL-2.1-or-later
"""The judge of watchers and participants itself, on logs that fit and on logs that nearly do."""

import copy
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# pylint: disable=wrong-import-position
from evidence import Broken
from hearings import Hearing
from judge import Judge
from regent_testing.names import ROOT_PATH, path_of

A, B = "org.judge.A", "org.judge.B"
ONE = {"id": "one", "kind": "namespace", "name": A, "prefix": ""}
ALL = {"id": "all", "kind": "manager", "name": "org.judge"}


def sent(number, outcome, sets=None, unsets=None, kind="apply", **more):
    """A request of w, and what came of it: a revision, an error's name, or None for nothing."""
    lines = [{"is": "sent", "n": number, "kind": kind, "sets": sets or {}, "unsets": unsets or {}, **more}]
    if isinstance(outcome, str):
        lines.append({"is": "refused", "n": number, "error": outcome, "text": ""})
    elif outcome is not None:
        lines.append({"is": "done", "n": number, "revision": outcome})
    return lines


def watched(of, revision, values=None, since=None, removed=None, complete=()):
    path = ROOT_PATH if of == "all" else path_of(A)
    return {
        "is": "watched", "of": of, "path": path, "since": since, "epoch": "e", "revision": revision, "number": 7,
        "values": values or {A: {}}, "removed": removed or {}, "complete": list(complete),
    }  # fmt: skip


def changed(previous, revision, values, removed=(), name=A, path=path_of(A), number=7):
    return {
        "is": "changed", "path": path, "number": number, "name": name, "previous": previous, "revision": revision,
        "changed": values, "removed": list(removed), "invalidated": [],
    }  # fmt: skip


def read(of, revision, values):
    return {"is": "read", "of": of, "revision": revision, "values": values}


WRITER = [
    {"is": "began", "name": ":1.1", "who": "w"},
    *sent(1, 11, {A: {"p.1": "w.1|"}}),
    *sent(2, 12, {A: {"p.2": "w.2|"}, B: {"p.2": "w.2|b"}}),
    *sent(3, "Conflict", {A: {"p.3": "w.3|"}}),
    *sent(4, 14, {A: {"p.1": "w.4|"}}, {A: ["p.2"]}),
    *sent(5, None, {A: {"p.5": "w.5|"}}),
]
WATCHER = [
    {"is": "began", "name": ":1.2"},
    watched("one", 10),
    changed(10, 11, {"p.1": "w.1|"}),
    changed(11, 12, {"p.2": "w.2|"}),
    read("one", 13, {A: {"p.1": "w.1|", "p.2": "w.2|"}}),
    {"is": "lost"},
    watched("one", 15, {A: {"p.1": "w.4|", "p.5": "w.5|"}}, 12, {A: ["p.2"]}),
    read("one", 15, {A: {"p.1": "w.4|", "p.5": "w.5|"}}),
]


def judge(writer=WRITER, watcher=WATCHER, spec=ONE):
    judged = Judge([writer], {"x": ([spec], watcher)})
    judged.check()
    return judged


def test_what_fits_is_let_pass():
    judge()
    # It was committed or not, as nobody was told; and a watch may go on without it.
    without = copy.deepcopy(WATCHER)
    del without[6]["values"][A]["p.5"], without[7]["values"][A]["p.5"]
    judge(watcher=without)


def test_a_commit_over_namespaces_may_come_in_parts():
    both = {"path": ROOT_PATH}
    judge(spec=ALL, watcher=[
        watched("all", 11, {A: {"p.1": "w.1|"}, B: {}}),
        changed(11, 12, {"p.2": "w.2|"}, **both), changed(12, 12, {"p.2": "w.2|b"}, name=B, **both),
        read("all", 12, {A: {"p.1": "w.1|", "p.2": "w.2|"}, B: {"p.2": "w.2|b"}}),
    ])  # fmt: skip


def edit(index, **what):
    """WATCHER with another line at an index."""
    lines = copy.deepcopy(WATCHER)
    lines[index].update(what)
    return lines


def without(*indices):
    return [line for index, line in enumerate(WATCHER) if index not in indices]


NEARLY = {
    "a change is left out": without(3),
    "the last change is left out": [*without(3)[:3], read("one", 13, {A: {"p.1": "w.1|", "p.2": "w.2|"}})],
    "a change comes twice": WATCHER[:3] + WATCHER[2:],
    "two changes are swapped": [WATCHER[index] for index in (0, 1, 3, 2, 4)],
    "another value": edit(2, changed={"p.1": "w.1|!"}),
    "a value of a refused request": edit(2, changed={"p.1": "w.1|", "p.3": "w.3|"}),
    "a value of a later request": edit(2, changed={"p.1": "w.4|"}),
    "parts of two requests": edit(2, changed={"p.1": "w.1|", "p.5": "w.5|"}),
    "a removal that nobody asked for": edit(3, removed=["p.1"]),
    "a removal of what is not there": [*WATCHER[:4], changed(12, 14, {"p.1": "w.4|"}, ["p.2", "p.9"])],
    "the removal is not told": [*WATCHER[:4], changed(12, 14, {"p.1": "w.4|"}), read("one", 14, {A: {"p.1": "w.4|"}})],
    "another previous": edit(3, previous=10),
    "a gap that nobody mends": [*edit(3, previous=12)[:4], {"is": "forsaken", "of": "one"}],
    "a removed key is missing after a restart": edit(6, removed={}),
    "a changed key is missing after a restart": edit(6, values={A: {"p.5": "w.5|"}}),
    "an acknowledged write is lost by a restart": WATCHER[:6] + [
        watched("one", 15, {A: {}}, 12), read("one", 15, {A: {"p.1": "w.1|", "p.2": "w.2|"}})
    ],
    "the revision goes back over a restart": edit(6, revision=11),
    "a signal for another watch": edit(2, number=8),
    "a key that is not below the prefix": (WATCHER, {**ONE, "prefix": "q."}),
    "a namespace that is not watched": edit(2, name=B),
}  # fmt: skip


@pytest.mark.parametrize("watcher", NEARLY.values(), ids=NEARLY.keys())
def test_what_nearly_fits_is_noticed(watcher):
    watcher, spec = watcher if isinstance(watcher, tuple) else (watcher, ONE)
    with pytest.raises(Broken):
        judge(watcher=watcher, spec=spec)


def test_one_revision_for_two_requests_is_noticed():
    with pytest.raises(Broken):
        judge(writer=[*WRITER, *sent(6, 14, {B: {"p.6": "w.6|"}})])


def test_requests_that_overtook_each_other_are_noticed():
    with pytest.raises(Broken):
        judge(writer=[*WRITER, *sent(6, 9, {A: {"p.6": "w.6|"}})])


def prepare(of, set_, unset=(), current=None, mood="agree"):
    return {
        "is": "prepare", "path": "/p", "of": of, "name": A, "set": set_, "unset": list(unset), "current": current or {},
        "mood": mood,
    }  # fmt: skip


REGISTERED = {"is": "registered", "path": "/p", "name": A, "prefix": "p.", "values": {}, "revision": 10}
ASKED = [
    REGISTERED,
    prepare("a", {"p.1": "w.1|"}),
    {"is": "commit", "path": "/p", "of": "a", "revision": 11},
    prepare("b", {"p.2": "w.2|"}),
    {"is": "commit", "path": "/p", "of": "b", "revision": 12},
    prepare("c", {"p.3": "w.3|"}, mood="veto"),
    prepare("d", {"p.1": "w.4|"}, ["p.2"], {"p.1": "w.1|", "p.2": "w.2|"}),
    {"is": "commit", "path": "/p", "of": "d", "revision": 14},
]


def test_a_hearing_that_fits_is_let_pass():
    assert Hearing(judge(), ASKED).check()["prepare"] == 4


UNHEARD = {
    "asked before it registered": ASKED[1:],
    "asked twice": ASKED[:2] + ASKED[1:],
    "not asked": ASKED[:3] + ASKED[5:],
    "told without being asked": ASKED[:3] + ASKED[4:],
    "told again of an earlier one": ASKED[:5] + [{"is": "commit", "path": "/p", "of": "b", "revision": 12}],
    "shown less than was done": ASKED[:6] + [prepare("d", {}, ["p.2"], {"p.2": "w.2|"}), ASKED[7]],
    "shown another present": ASKED[:6] + [prepare("d", {"p.1": "w.4|"}, ["p.2"], {"p.2": "w.2|"}), ASKED[7]],
    "told that it was not to be, and it was": ASKED[:2] + [{"is": "abort", "path": "/p", "of": "a"}],
    "it refused, and it was": [REGISTERED, prepare("a", {"p.1": "w.1|"}, mood="veto"), ASKED[2]],
    "asked about what is not its business": ASKED[:1] + [prepare("a", {"q.1": "w.1|"})],
}


@pytest.mark.parametrize("lines", UNHEARD.values(), ids=UNHEARD.keys())
def test_a_hearing_that_nearly_fits_is_noticed(lines):
    with pytest.raises(Broken):
        Hearing(judge(), lines).check()
