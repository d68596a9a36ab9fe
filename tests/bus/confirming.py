# SPDX-License-Identifier: LGPL-2.1-or-later
"""A namespace, and a change in it that waits for a confirmation."""

import pytest
from regent_testing.waiting import retry_until

SECOND = 1_000_000
HOUR = 3600 * SECOND
SOON = SECOND // 10
UNKNOWN = "Nothing waits for this confirmation"


def values(ns):
    return {key: v.unpack() for key, v in ns.everything().items()}


def pend(ns, set_=None, unset=(), timeout=HOUR, **given):
    """A change that waits for a confirmation; its revision and its token."""
    revision, result = ns.apply(set_, unset, confirm_timeout_usec=timeout, **given)
    return revision, result["token"]


def wait_undone(root, revision):
    """Until the change of that revision is over; the signal of its undoing is not needed for it."""
    retry_until(lambda: revision not in root.pending_changes(), 20, "the change to be undone")


@pytest.fixture
def fresh(stack):
    """A stack of the test's own, with a namespace in it that holds keys of two classes."""
    made = stack()
    ns = made.root.create("org.example.X")
    ns.apply({"a": 1, "gone": "kept", "memory": "m"}, classes={"memory": "runtime"})
    return made, ns


BEFORE = {"a": 1, "gone": "kept", "memory": "m"}


def pend_everything(ns, timeout=HOUR):
    """Every kind of effect a change may have on a key, and on its class."""
    return pend(
        ns, {"a": "two", "new": [b"x".decode()], "memory": 3, "moved": 1}, ["gone"], timeout,
        classes={"memory": "persistent", "moved": "runtime"},
    )  # fmt: skip


AFTER = {"a": "two", "new": ["x"], "memory": 3, "moved": 1}


def classes(ns):
    return {key: ns.describe(key)["class"].unpack() for key in ns.keys()}


def check_undone(ns):
    assert values(ns) == BEFORE
    assert classes(ns) == {"a": "persistent", "gone": "persistent", "memory": "runtime"}
