# SPDX-License-Identifier: LGPL-2.1-or-later
"""Participants: who is asked about what, in which order, and what becomes of a change by their answers."""

import pytest
from regent_testing.api import value
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import Error
from regent_testing.participant import OPTIONAL, Participant


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


def test_all_agree_and_hear_of_the_commit(root, ns, join):
    ns.apply({"a": "old", "b": "gone", "other": 1})
    one = join()
    values, revision = one.register(ns)
    assert values == {"a": "old", "b": "gone", "other": 1}
    assert revision == root.revision()

    pending = ns.start_apply({"a": "new", "c": "made", "other": 1}, ["b"])
    asked = one.expect("Prepare")
    assert (asked.name, asked.set, asked.unset) == (ns.name, {"a": "new", "c": "made"}, ["b"])
    assert asked.current == {"a": "old", "b": "gone"}
    assert ns.get("a").unpack() == "old" and not pending.is_done()
    asked.agree()
    assert pending.result().unpack()[0] == ns.property("Revision")
    told = one.expect("Commit")
    assert told.transaction == asked.transaction
    assert told.revision == root.revision()
    told.agree()
    assert ns.get("a").unpack() == "new"


def test_a_veto_changes_nothing(root, ns, join):
    one, two = join(), join()
    one.register(ns)
    two.register(ns)
    with nothing_changed(root, ns):
        pending = ns.start_set("a", 1)
        first, second = one.expect("Prepare"), two.expect("Prepare")
        first.veto("not today")
        with refused(Error.Vetoed, "not today", one.name, "uid 0", "'a'", ns.name):
            pending.result()
        assert two.expect("Abort").transaction == second.transaction
        one.expect_nothing()
