# SPDX-License-Identifier: LGPL-2.1-or-later
"""org.regentd.State1.Namespace: single keys, listings, what is known of an entry, and access."""

import time

import pytest
from gi.repository import GLib
from regent_testing.api import mapping
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import NAMESPACE, NO_ID, Error, path_of


def test_set_then_get(ns):
    ns.set("net.ipv4/odd-key:1", 5)
    assert ns.get("net.ipv4/odd-key:1") == GLib.Variant("x", 5)


def test_set_returns_the_revision_of_its_commit(root, ns):
    before = root.revision()
    revision = ns.set("a", 1)
    assert revision > before
    assert root.revision() == ns.property("Revision") == revision
    assert ns.set("a", 2) == revision + 1


def test_set_of_an_equal_value_changes_nothing(root, ns):
    revision = ns.set("a", 1)
    with nothing_changed(root, ns):
        assert ns.set("a", 1) == revision


def test_set_of_the_same_number_in_another_type_is_a_change(ns):
    revision = ns.set("a", GLib.Variant("u", 1))
    assert ns.set("a", GLib.Variant("t", 1)) > revision
    assert ns.get("a").get_type_string() == "t"


def test_get_of_a_key_that_is_not_there(ns):
    with refused(Error.NoSuchKey, "nope"):
        ns.get("nope")


def test_delete(root, ns):
    ns.set("a", 1)
    revision = ns.delete("a")
    assert revision == root.revision()
    assert ns.keys() == []
    with refused(Error.NoSuchKey, "a"):
        ns.get("a")


def test_delete_of_a_key_that_is_not_there(root, ns):
    with nothing_changed(root, ns), refused(Error.NoSuchKey, "nope"):
        ns.delete("nope")


def test_list_in_byte_order(ns):
    keys = ["b", "B", "a/1", "a.1", "a-1", "a:1", "a_1", "a", "1", ".", "-x", "/y"]
    ns.apply({key: 1 for key in keys})
    assert ns.keys() == sorted(keys)


def test_list_prefix_after_limit(ns):
    keys = [f"k{n:02}" for n in range(20)]
    ns.apply({key: 1 for key in [*keys, "j", "l"]})
    assert ns.list("k")[0] == keys
    assert ns.list("k1")[0] == keys[10:]
    assert ns.list("k", "", 5)[0] == keys[:5]
    assert ns.list("k", "k04", 5)[0] == keys[5:10]
    assert ns.list("k", "k04x", 5)[0] == keys[5:10]
    assert ns.list("k", "k19", 5)[0] == []
    assert ns.list("", "k19")[0] == ["l"]
    assert ns.list("nothing")[0] == []


def test_list_gives_the_revision_of_the_service(root, ns, name):
    ns.set("a", 1)
    other = root.create(name + ".Other").set("a", 1)
    assert ns.list()[1] == other


def test_get_many_of_named_keys(ns):
    ns.apply({"a": 1, "b": "x", "c": True})
    found, _ = ns.get_many(["c", "nope", "a"])
    assert {key: v.unpack() for key, v in found.items()} == {"a": 1, "c": True}


def test_get_many_of_all(root, ns):
    ns.apply({"b": 2, "a": 1})
    found, revision = ns.get_many()
    assert list(found) == ["a", "b"]
    assert revision == root.revision()


def test_get_many_in_pages(ns):
    keys = [f"k{n:02}" for n in range(20)]
    ns.apply({key: 1 for key in [*keys, "j", "l"]})
    assert list(ns.get_many(prefix="k")[0]) == keys
    assert list(ns.get_many(prefix="k", limit=7)[0]) == keys[:7]
    assert list(ns.get_many(prefix="k", after="k06", limit=7)[0]) == keys[7:14]
    assert list(ns.get_many(prefix="k", after="k19", limit=7)[0]) == []
    assert list(ns.get_many(after="k19")[0]) == ["l"]


def test_get_many_of_entries(ns):
    kept = ns.set("a", "x")
    lost, _ = ns.apply({"b": 7}, class_="runtime")

    for found, _ in (ns.get_many(form="entries"), ns.get_many(["a", "b", "nope"], form="entries")):
        assert {key: {name: fact.unpack() for name, fact in mapping(facts).items()} for key, facts in found.items()} == {
            "a": {"value": "x", "revision": kept, "class": "persistent"},
            "b": {"value": 7, "revision": lost, "class": "runtime"},
        }
    assert ns.get_many(["a"], form="values")[0]["a"].unpack() == "x"
    with refused(Error.InvalidArgs, "form", "entry"):
        ns.get_many(form="entry")


def test_get_many_names_no_keys_and_options(ns):
    with refused(Error.InvalidArgs):
        ns.get_many(["a"], prefix="a")


def test_describe(root, ns):
    start = time.time()
    revision = ns.set("a", GLib.Variant("(sau)", ("x", [1, 2])))
    found = {key: v for key, v in ns.describe("a").items()}
    types = {key: v.get_type_string() for key, v in found.items()}
    assert types == {
        "type": "s", "size": "t", "revision": "t", "class": "s", "writer": "u", "time": "t", "origin": "s",
    }  # fmt: skip
    assert found["type"].unpack() == "(sau)"
    assert found["size"].unpack() == GLib.Variant("(sau)", ("x", [1, 2])).get_size()
    assert found["revision"].unpack() == revision
    assert found["class"].unpack() == "persistent"
    assert found["writer"].unpack() == 0
    assert found["origin"].unpack() == "set"
    assert start - 1 <= found["time"].unpack() / 1e6 <= time.time() + 1


def test_describe_names_the_writer(root, name, alice):
    space = root.create(name, owner=4001)
    space.seen_by(alice).set("a", 1)
    assert space.describe("a")["writer"].unpack() == 4001


def test_describe_of_a_key_that_is_not_there(ns):
    with refused(Error.NoSuchKey, "nope"):
        ns.describe("nope")


def test_properties_have_documented_types(root, ns):
    found = {n: v.get_type_string() for n, v in root.get_all(ns.path, NAMESPACE).items()}
    assert found == {
        "Name": "s", "Owner": "u", "Group": "u", "Mode": "u", "Revision": "t", "Keys": "t",
        "HiddenKeys": "t", "KernelReleases": "as", "Usage": "t", "QuotaKeys": "t", "QuotaBytes": "t",
        "Participants": "t", "Declaration": "s",
    }  # fmt: skip


def test_properties_follow_changes(ns):
    empty = ns.properties()
    revision, _ = ns.apply({"a": 1, "b": "x" * 1000})
    full = ns.properties()
    assert (full["Keys"], full["Revision"]) == (2, revision)
    assert full["Usage"] >= empty["Usage"] + 1000
    ns.apply(unset=["a", "b"])
    assert (ns.property("Keys"), ns.property("Usage")) == (0, empty["Usage"])


def test_revision_is_that_of_the_namespace(root, ns, name):
    revision = ns.set("a", 1)
    root.create(name + ".Other").set("a", 1)
    assert ns.property("Revision") == revision


def test_properties_cannot_be_set(root, ns):
    with nothing_changed(root, ns), refused(Error.PropertyReadOnly):
        root.set_property(ns.path, NAMESPACE, "Mode", GLib.Variant("u", 0o600))


def test_member_that_is_not_there(ns):
    with refused(Error.UnknownMethod, "Nonsense"):
        ns.call("Nonsense")


def test_namespace_that_is_not_there(root, name):
    absent = root.ns(name)
    for attempt in (
        lambda: absent.get("a"),
        lambda: absent.set("a", 1),
        lambda: absent.delete("a"),
        lambda: absent.get_many(),
        lambda: absent.list(),
        lambda: absent.describe("a"),
        lambda: absent.apply({"a": 1}),
        lambda: absent.set_access(mode=0o600),
        lambda: absent.value_get("a"),
        lambda: absent.value_set("a", 1),
        lambda: absent.value_all(),
        lambda: absent.properties(),
        lambda: absent.property("Mode"),
    ):
        with refused(Error.NoSuchNamespace, name):
            attempt()
    assert name not in root.list_namespaces()


@pytest.mark.parametrize("path", ["/org/regentd/State1/ns", path_of("org"), "/org/regentd/State1/other"])
def test_path_between_namespaces_has_no_members(root, ns, path):
    with pytest.raises(Exception) as caught:
        root.call(path, NAMESPACE, "Get", "(s)", ("a",))
    assert caught.value.name in (
        Error.UnknownObject, Error.UnknownMethod, Error.UnknownInterface, Error.NoSuchNamespace,
        Error.InvalidName,
    )  # fmt: skip


def test_namespace_inside_a_namespace_is_another_one(root, ns):
    inner = root.create(ns.name + ".Inner")
    ns.set("a", 1)
    inner.set("a", 2)
    assert (ns.get("a").unpack(), inner.get("a").unpack()) == (1, 2)
    root.remove(ns.name, 1)
    assert inner.get("a").unpack() == 2


def test_set_access_changes_what_is_named(root, ns):
    before = ns.properties()
    ns.set_access(mode=0o664)
    assert ns.properties() == {**before, "Mode": 0o664, "Revision": ns.property("Revision")}
    ns.set_access(owner=4001, group=4100, quota_keys=5, quota_bytes=4096)
    after = ns.properties()
    assert (after["Owner"], after["Group"], after["Mode"]) == (4001, 4100, 0o664)
    assert (after["QuotaKeys"], after["QuotaBytes"]) == (5, 4096)
    ns.set_access(group=NO_ID)
    assert ns.property("Group") == NO_ID


def test_set_access_is_a_commit(root, ns):
    before = root.revision()
    ns.set_access(mode=0o600)
    assert root.revision() > before


@pytest.mark.parametrize("mode", [0o666, 0o602, 0o755, 0o1644, 0xFFFFFFFF])
def test_set_access_with_a_wrong_mode(root, ns, mode):
    with nothing_changed(root, ns), refused(Error.InvalidArgs, "mode"):
        ns.set_access(mode=mode, owner=4001)


def test_set_access_of_nothing_changes_nothing(root, ns):
    with nothing_changed(root, ns):
        ns.set_access()
        ns.set_access(mode=0o644)


def test_quota_of_keys(root, name):
    space = root.create(name, quota_keys=3)
    space.apply({"a": 1, "b": 2, "c": 3})
    with nothing_changed(root, space):
        with refused(Error.QuotaExceeded):
            space.set("d", 4)
        with refused(Error.QuotaExceeded):
            space.apply({"d": 4, "a": 9})
    space.set("a", 9)
    space.apply({"d": 4}, ["a"])
    assert space.keys() == ["b", "c", "d"]


def test_quota_of_bytes(root, name):
    space = root.create(name, quota_bytes=4096)
    space.set("a", "x" * 2000)
    with nothing_changed(root, space), refused(Error.QuotaExceeded):
        space.set("b", "x" * 3000)
    space.set("a", "x")
    space.set("b", "x" * 3000)


def test_quota_below_what_is_there_still_lets_delete(root, ns):
    ns.apply({"a": 1, "b": 2})
    ns.set_access(quota_keys=1)
    with nothing_changed(root, ns), refused(Error.QuotaExceeded):
        ns.set("c", 3)
    ns.delete("a")
    ns.delete("b")
    ns.set("c", 3)
