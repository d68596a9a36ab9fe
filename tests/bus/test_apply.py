# SPDX-License-Identifier: LGPL-2.1-or-later
"""Namespace.Apply: many changes in one commit, expectations, flags, classes, dry runs."""

import pytest
from gi.repository import GLib
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import Error


def test_sets_and_unsets_in_one_commit(root, ns):
    ns.apply({"a": 1, "b": 2})
    before = root.revision()
    revision, result = ns.apply({"b": 3, "c": 4}, ["a"])
    assert revision == before + 1
    assert result == {"changed": 2, "removed": 1}
    assert {k: v.unpack() for k, v in ns.everything().items()} == {"b": 3, "c": 4}
    assert ns.describe("b")["revision"].unpack() == ns.describe("c")["revision"].unpack() == revision


def test_counts_only_what_changes(ns):
    ns.apply({"a": 1, "b": 2})
    _, result = ns.apply({"a": 1, "b": 5}, ["nope"])
    assert result == {"changed": 1, "removed": 0}


def test_an_entry_that_does_not_change_keeps_its_revision(ns):
    first, _ = ns.apply({"a": 1, "b": 2})
    ns.apply({"a": 1, "b": 5})
    assert ns.describe("a")["revision"].unpack() == first


def test_of_nothing(root, ns):
    with nothing_changed(root, ns):
        assert ns.apply() == (root.revision(), {"changed": 0, "removed": 0})


def test_unset_of_absent_keys_changes_nothing(root, ns):
    with nothing_changed(root, ns):
        assert ns.apply({}, ["a", "b"])[0] == root.revision()


def test_dry_run_checks_and_tells(root, ns):
    ns.apply({"a": 1, "b": 2})
    with nothing_changed(root, ns):
        revision, result = ns.apply({"a": 1, "c": 3}, ["b", "nope"], 1)
        assert revision == root.revision()
        assert result == {
            "changed": 1, "removed": 1, "changed-keys": ["c"], "removed-keys": ["b"],
        }  # fmt: skip
        with refused(Error.Conflict):
            ns.apply({"a": 9}, flags=1, expect={"a": 0})
        with refused(Error.KeyExists, "a"):
            ns.apply({"a": 9}, flags=1 | 2)
        with refused(Error.NoSuchKey, "z"):
            ns.apply({"z": 9}, flags=1 | 4)


def test_create_only(root, ns):
    ns.set("a", 1)
    with nothing_changed(root, ns), refused(Error.KeyExists, "a"):
        ns.apply({"a": 2, "b": 2}, flags=2)
    ns.apply({"b": 2, "c": 3}, flags=2)
    assert ns.keys() == ["a", "b", "c"]


def test_change_only(root, ns):
    ns.apply({"a": 1, "b": 1})
    with nothing_changed(root, ns):
        with refused(Error.NoSuchKey, "z"):
            ns.apply({"a": 2, "z": 2}, flags=4)
        with refused(Error.NoSuchKey, "z"):
            ns.apply({"a": 2}, ["z"], flags=4)
    ns.apply({"a": 2}, ["b"], flags=4)
    assert ns.keys() == ["a"]


@pytest.mark.parametrize("flags", [6, 7, 8, 16, 1 << 32, (1 << 64) - 1])
def test_wrong_flags(root, ns, flags):
    with nothing_changed(root, ns), refused(Error.InvalidArgs, "flag"):
        ns.apply({"a": 1}, flags=flags)


def test_expectations_that_hold(ns):
    first = ns.set("a", 1)
    second, _ = ns.apply({"a": 2, "b": 2}, expect={"a": first, "b": 0, "other": 0})
    ns.apply({}, ["b"], expect={"a": second, "b": second})
    assert ns.keys() == ["a"]


def test_expectations_that_do_not_hold_are_named_with_their_revisions(root, ns):
    first = ns.set("a", 1)
    second = ns.set("b", 1)
    with nothing_changed(root, ns):
        with refused(Error.Conflict, "a", "b", first, second):
            ns.apply({"c": 1}, expect={"a": first + 1000, "b": 0})
        with refused(Error.Conflict, "gone"):
            ns.apply({"c": 1}, expect={"gone": first})


def test_many_failed_expectations_keep_the_text_short(root, ns):
    ns.apply({f"k{n:04}": n for n in range(2000)})
    with nothing_changed(root, ns), refused(Error.Conflict) as refusal:
        ns.apply({"z": 1}, expect={f"k{n:04}": 1 for n in range(2000)})
    assert "k0000" in refusal.text
    assert len(refusal.text) < 4096


def test_expectation_alone_is_checked(root, ns):
    revision = ns.set("a", 1)
    with nothing_changed(root, ns):
        ns.apply(expect={"a": revision})
        with refused(Error.Conflict, "a"):
            ns.apply(expect={"a": 0})


def test_expectations_settle_races(ns):
    """Of writers with the same expectation exactly one wins."""
    revision = ns.set("counter", 0)
    attempts = [ns.start_apply({"counter": n}, expect={"counter": revision}) for n in range(1, 21)]
    won = []
    for number, attempt in enumerate(attempts, 1):
        try:
            attempt.result()
            won.append(number)
        except Exception as error:
            assert error.name == Error.Conflict
    assert won == [ns.get("counter").unpack()]


def test_class_runtime(ns):
    ns.apply({"a": 1, "b": 2}, class_="runtime")
    assert ns.describe("a")["class"].unpack() == "runtime"
    assert ns.get("a").unpack() == 1


def test_classes_of_single_keys(ns):
    ns.apply({"a": 1, "b": 2}, class_="runtime", classes={"b": "persistent"})
    assert [ns.describe(k)["class"].unpack() for k in "ab"] == ["runtime", "persistent"]


def test_another_class_replaces_the_entry(ns):
    first, _ = ns.apply({"a": 1}, class_="runtime")
    second = ns.set("a", 1)
    assert second > first
    assert ns.describe("a")["class"].unpack() == "persistent"
    third, _ = ns.apply({"a": 1}, class_="runtime")
    assert third > second
    assert ns.describe("a")["class"].unpack() == "runtime"
    assert ns.keys() == ["a"]


@pytest.mark.parametrize("class_", ["", "nonsense", "Persistent"])
def test_unknown_class(root, ns, class_):
    with nothing_changed(root, ns), refused(Error.InvalidArgs, "class"):
        ns.apply({"a": 1}, class_=class_)


def test_reason_is_taken(ns):
    ns.apply({"a": 1}, reason="r" * 1024)
    ns.apply({"a": 2}, reason="")


def test_reason_too_long(root, ns):
    with nothing_changed(root, ns), refused(Error.TooBig, "reason", "1024"):
        ns.apply({"a": 1}, reason="r" * 1025)


@pytest.mark.parametrize(
    "given",
    [
        {"expect": GLib.Variant("a{sv}", {"a": GLib.Variant("s", "1")})},
        {"expect": GLib.Variant("a{st}", {"a": 1})},
        {"class": GLib.Variant("u", 1)},
        {"classes": GLib.Variant("as", ["a"])},
        {"classes": GLib.Variant("a{sv}", {"a": GLib.Variant("u", 1)})},
        {"reason": GLib.Variant("ay", b"x")},
        {"durability": GLib.Variant("s", "later")},
        {"confirm-timeout-usec": GLib.Variant("u", 1)},
        {"nonsense": GLib.Variant("s", "x")},
        {"": GLib.Variant("s", "x")},
    ],
    ids=lambda given: next(iter(given)) or "empty",
)
def test_wrong_options(root, ns, given):
    with nothing_changed(root, ns), refused(Error.InvalidArgs, next(iter(given))):
        ns.call("Apply", "(a{sv}asta{sv})", ({"a": GLib.Variant("u", 1)}, [], 0, given))


def test_key_in_set_and_unset(root, ns):
    ns.set("a", 1)
    with nothing_changed(root, ns), refused(Error.InvalidArgs, "a"):
        ns.apply({"a": 2}, ["a"])


def test_key_twice_in_unset(root, ns):
    ns.set("a", 1)
    with nothing_changed(root, ns), refused(Error.InvalidArgs, "a"):
        ns.apply({}, ["a", "a"])


def test_key_twice_in_set(service, root, ns):
    raw = service.raw()
    things = ([("a", ("u", 1)), ("a", ("u", 2))], [], 0, {})
    with nothing_changed(root, ns), refused(Error.InvalidArgs, "a"):
        raw.call(ns.path, "org.regentd.State1.Namespace", "Apply", "a{sv}asta{sv}", things)
    raw.close()


def test_largest_commit(root, ns):
    keys = {f"k{n:05}": n for n in range(4096)}
    _, result = ns.apply(keys)
    assert result["changed"] == 4096
    with nothing_changed(root, ns), refused(Error.TooBig, "4096"):
        ns.apply({f"x{n:05}": n for n in range(4097)})
    with nothing_changed(root, ns), refused(Error.TooBig, "4096"):
        ns.apply({f"x{n:05}": n for n in range(4000)}, [f"k{n:05}" for n in range(97)])


def test_commit_of_too_many_bytes(root, ns):
    with nothing_changed(root, ns), refused(Error.TooBig):
        ns.apply({f"k{n}": bytes(1 << 20) for n in range(9)})


def test_order_of_one_connection(ns):
    """What one connection sends without waiting is sequenced as sent."""
    pending = [ns.start_set("a", n) for n in range(50)]
    revisions = [call.result().unpack()[0] for call in pending]
    assert revisions == sorted(set(revisions))
    assert ns.get("a").unpack() == 49
