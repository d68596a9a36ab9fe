# SPDX-License-Identifier: LGPL-2.1-or-later
"""Quotas: keys and bytes of a namespace and of a uid, told in time, and never in the way of deleting."""

import pytest
from regent_testing.api import change
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import Error

ALICE, BOB = 4001, 4002
# The key and a value of so many bytes, its final NUL among them.
KEY = "k"


def text_of(n_bytes):
    return "x" * (n_bytes - len(KEY) - 1)


def uid_of(caller):
    """What the statistics tell of the caller's own uid."""
    return {name.removeprefix("uid-"): v.unpack() for name, v in caller.statistics().items() if name.startswith("uid-")}


@pytest.fixture
def limited(stack, sandbox):
    """A factory: a service with settings in [Limits], and two namespaces of alice's."""
    def start(*settings, **how):
        made = stack(config="[Limits]\n" + "\n".join(settings) + "\n", **how)
        return made, made.root.create("org.example.A", owner=ALICE), made.root.create("org.example.B", owner=ALICE)

    return start


def test_properties_tell_quota_and_usage(root, name):
    ns = root.create(name, quota_keys=3, quota_bytes=4096)
    ns.apply({"ab": "x", "c": True})
    found = ns.properties()
    assert (found["Keys"], found["QuotaKeys"]) == (2, 3)
    assert (found["Usage"], found["QuotaBytes"]) == (2 + 2 + 1 + 1, 4096)


@pytest.mark.parametrize("uid", [0, ALICE])
def test_keys_of_a_namespace(limited, uid):
    made, ns, _ = limited("NamespaceKeysMax=2")
    mine = ns if uid == 0 else ns.seen_by(made.user("alice"))
    assert ns.property("QuotaKeys") == 2
    mine.apply({"a": 1, "b": 1})
    ways = (lambda: mine.set("c", 1), lambda: mine.value_set("c", 1), lambda: mine.apply({"a": 2, "c": 1}),
            lambda: mine.apply({"c": 1, "d": 1}, ["a"]), lambda: mine.apply({"c": 1}, flags=1),
            lambda: mine.caller.apply_all({ns.name: change({"c": 1})}))  # fmt: skip
    for way in ways:
        with nothing_changed(made.root, ns), refused(Error.QuotaExceeded, ns.name, "keys", "2"):
            way()
    mine.set("a", "a larger value")
    mine.apply({"c": 1}, ["a"])
    assert ns.keys() == ["b", "c"]


def test_bytes_of_a_namespace(limited):
    made, ns, _ = limited("NamespaceBytesMax=100")
    ns.set(KEY, text_of(100))
    assert ns.property("Usage") == 100
    for way in (lambda: ns.set(KEY, text_of(101)), lambda: ns.set("a", True), lambda: ns.apply({"a": True}, flags=1)):
        with nothing_changed(made.root, ns), refused(Error.QuotaExceeded, ns.name, "bytes", "100"):
            way()
    ns.set(KEY, text_of(99))
    ns.set(KEY, text_of(100))


def test_keys_of_a_uid(limited):
    made, a, b = limited("UidKeysMax=3")
    alice = made.user("alice")
    a.seen_by(alice).apply({"a": 1, "b": 1})
    b.set("a", 1)
    for caller in (alice, made.root):
        with nothing_changed(made.root, a, b), refused(Error.QuotaExceeded, "uid 4001", "3"):
            b.seen_by(caller).set("b", 1)
        with nothing_changed(made.root, a, b), refused(Error.QuotaExceeded, "uid 4001"):
            caller.apply_all({a.name: change({"c": 1}), b.name: change({"b": 1}, ["a"])})
    assert uid_of(alice)["keys"] == uid_of(alice)["keys-max"] == 3
    # One for another, in one commit; and what others own does not count.
    alice.apply_all({a.name: change({"c": 1}), b.name: change(unset=["a"])})
    other = made.root.create("org.example.Other", owner=BOB)
    other.apply({"a": 1, "b": 1, "c": 1})


def test_bytes_of_a_uid(limited):
    made, a, b = limited("UidBytesMax=100")
    alice = made.user("alice")
    a.set(KEY, text_of(60))
    b.set(KEY, text_of(40))
    with nothing_changed(made.root, a, b), refused(Error.QuotaExceeded, "uid 4001", "100"):
        b.seen_by(alice).set(KEY, text_of(41))
    with nothing_changed(made.root, a, b), refused(Error.QuotaExceeded, "uid 4001"):
        a.set("a", True)
    a.set(KEY, text_of(59))
    b.set(KEY, text_of(41))
    assert uid_of(alice)["bytes"] == uid_of(alice)["bytes-max"] == 100


def test_namespaces_of_a_uid(limited):
    made, a, b = limited("UidNamespacesMax=2")
    with nothing_changed(made.root, a, b), refused(Error.QuotaExceeded, "uid 4001"):
        made.root.create("org.example.C", owner=ALICE)
    other = made.root.create("org.example.C", owner=BOB)
    with nothing_changed(made.root, a, b, other), refused(Error.QuotaExceeded, "uid 4001"):
        other.set_access(owner=ALICE)
    assert uid_of(made.user("alice"))["namespaces"] == 2


def test_uid_0_is_counted_and_not_bound(limited):
    made, _, _ = limited("UidKeysMax=1", "UidBytesMax=10", "UidNamespacesMax=2")
    for n in range(4):
        made.root.create(f"org.example.Root{n}").apply({"a": 1, "b": "a value of more than ten bytes"})
    found = uid_of(made.root)
    assert (found["namespaces"], found["keys"]) == (4, 8)
    assert not [name for name in found if name.endswith("-max")]


@pytest.mark.parametrize("lowered", ["NamespaceKeysMax=1", "NamespaceBytesMax=10", "UidKeysMax=1", "UidBytesMax=10"])
def test_deleting_goes_on_at_and_over_a_quota(limited, lowered):
    made, ns, _ = limited()
    alice = made.user("alice")
    mine = ns.seen_by(alice)
    mine.apply({"a": 1, "b": 1, "c": "12345678", "d": 1})
    made.regentd.write_config(f"[Limits]\n{lowered}\n")
    made.root.reload()
    with nothing_changed(made.root, ns), refused(Error.QuotaExceeded):
        mine.apply({"e": 1, "a": "a longer value than it was before"})
    # Shrinking and deleting, one and several, also with a change of equal size.
    mine.set("c", "123")
    mine.delete("a")
    mine.apply({"d": 2}, ["b"])
    assert ns.keys() == ["c", "d"]
    made.regentd.restart()
    mine.apply({}, ["c", "d"])
    assert (ns.keys(), ns.property("Usage")) == ([], 0)
    mine.set("a", True)


def test_a_quota_lowered_below_usage(limited):
    made, ns, _ = limited()
    ns.apply({f"k{n}": 1 for n in range(10)})
    ns.set_access(quota_keys=5, quota_bytes=50)
    assert (ns.property("Keys"), ns.property("QuotaKeys")) == (10, 5)
    with nothing_changed(made.root, ns), refused(Error.QuotaExceeded, "5"):
        ns.set("new", 1)
    ns.apply({}, [f"k{n}" for n in range(6)])
    ns.set("new", True)


def test_quotas_that_a_file_declares(limited):
    text = "[Namespace]\nOwner=4001\nQuotaKeys=2\nQuotaBytes=1K\n[Key a]\nType=x\nDefault=1\n"
    made, a, _ = limited(namespaces={"org.example.Declared": text})
    ns = made.root.ns("org.example.Declared")
    assert (ns.property("QuotaKeys"), ns.property("QuotaBytes")) == (2, 1024)
    mine = ns.seen_by(made.user("alice"))
    mine.apply({"b": 1, "c": 1})
    with nothing_changed(made.root, ns), refused(Error.QuotaExceeded, "2"):
        mine.set("a", 2)
    mine.delete("b")
    mine.set("a", 2)
    made.regentd.declare(ns.name, text.replace("QuotaKeys=2", "QuotaKeys=1"))
    made.root.reload()
    assert ns.property("QuotaKeys") == 1
    mine.delete("a")
    assert ns.get("a").unpack() == 1
    assert a.property("QuotaKeys") == 1048576


def test_accounts_are_the_same_after_a_restart(limited):
    made, a, b = limited()
    alice = made.user("alice")
    a.apply({"a": 1, "b": "text"})
    b.apply({"a": 1}, class_="runtime")
    b.set_access(owner=BOB)
    before = uid_of(alice)
    assert (before["namespaces"], before["keys"], before["bytes"]) == (1, 2, 9 + 6)
    made.regentd.restart()
    assert uid_of(alice) == before
    made.root.remove(a.name, 1)
    assert [uid_of(alice)[name] for name in ("namespaces", "keys", "bytes")] == [0, 0, 0]


def test_a_uid_sees_its_own_numbers_alone(limited):
    made, a, _ = limited()
    a.set("a", 1)
    assert uid_of(made.user("alice"))["keys"] == 1
    assert uid_of(made.user("carol"))["keys"] == 0
