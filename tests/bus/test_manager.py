# SPDX-License-Identifier: LGPL-2.1-or-later
"""org.regentd.State1.Manager: namespaces, commits over several of them, and the service as a whole."""

import pytest
from gi.repository import GLib
from regent_testing.api import change
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import MANAGER, NO_ID, PROPERTIES, ROOT_PATH, Error, path_of


def test_properties_have_documented_types(root):
    found = {name: v.get_type_string() for name, v in root.get_all(ROOT_PATH, MANAGER).items()}
    assert found == {
        "Version": "s",
        "Revision": "t",
        "DurableRevision": "t",
        "Dirty": "b",
        "LastGoodRevision": "t",
        "Epoch": "s",
        "KernelRelease": "s",
        "LoadedFrom": "s",
        "LoadedReason": "s",
        "State": "s",
    }


def test_properties_of_a_healthy_service(root):
    assert root.property("State") == "running"
    assert root.property("LastGoodRevision") == 0
    assert root.property("Version")[0].isdigit()
    assert root.property("Epoch")
    assert root.property("LoadedFrom")


@pytest.mark.parametrize("name_", ["Version", "Revision", "State"])
def test_properties_cannot_be_set(root, name_):
    with refused(Error.PropertyReadOnly):
        root.set_property(ROOT_PATH, MANAGER, name_, "x")


def test_unknown_property_is_named(root):
    with refused(Error.UnknownProperty, "Nonsense"):
        root.get_property(ROOT_PATH, MANAGER, "Nonsense")


def test_member_that_is_not_there(root):
    with refused(Error.UnknownMethod, "Nonsense"):
        root.manager("Nonsense")


def test_unknown_interface(root):
    with pytest.raises(Exception) as caught:
        root.call(ROOT_PATH, PROPERTIES, "GetAll", "(s)", ("org.example.Nonsense",))
    assert caught.value.name in (Error.UnknownInterface, Error.InvalidArgs)


def test_create_gives_the_path(root, name):
    path = root.manager("CreateNamespace", "(sa{sv})", (name, {}))[0]
    assert path.get_type_string() == "o"
    assert path.get_string() == path_of(name)


def test_create_defaults(root, name):
    found = root.create(name).properties()
    assert (found["Name"], found["Owner"], found["Group"], found["Mode"]) == (name, 0, NO_ID, 0o644)
    assert (found["Keys"], found["Usage"] >= 0, found["Participants"]) == (0, True, 0)
    assert found["QuotaKeys"] == 1048576
    assert found["QuotaBytes"] == 256 << 20


def test_create_with_every_option(root, name):
    space = root.create(
        name, owner=4001, group=4100, mode=0o660, quota_keys=7, quota_bytes=12345
    )
    found = space.properties()
    assert (found["Owner"], found["Group"], found["Mode"]) == (4001, 4100, 0o660)
    assert (found["QuotaKeys"], found["QuotaBytes"]) == (7, 12345)


def test_create_is_a_commit(root, name):
    before = root.revision()
    space = root.create(name)
    assert root.revision() > before
    assert space.property("Revision") == root.revision()


def test_create_twice_is_refused_and_changes_nothing(root, ns):
    ns.set("a", 1)
    with nothing_changed(root, ns), refused(Error.NamespaceExists, ns.name):
        root.create(ns.name, mode=0o600)


@pytest.mark.parametrize("mode", [0o666, 0o602, 0o755, 0o100, 0o1644, 0o4000, 0xFFFFFFFF])
def test_create_with_a_wrong_mode(root, name, mode):
    with nothing_changed(root), refused(Error.InvalidArgs, "mode"):
        root.create(name, mode=mode)


@pytest.mark.parametrize("mode", [0, 0o600, 0o640, 0o644, 0o660, 0o664, 0o444, 0o004])
def test_create_with_a_right_mode(root, name, mode):
    assert root.create(name, mode=mode).property("Mode") == mode


def test_get_namespace(root, ns):
    assert root.get_namespace(ns.name) == ns.path


def test_get_namespace_that_is_not_there(root, name):
    with refused(Error.NoSuchNamespace, name):
        root.get_namespace(name)


def test_remove_an_empty_namespace(root, ns):
    before = root.revision()
    root.remove(ns.name)
    assert root.revision() > before
    assert ns.name not in root.list_namespaces()
    with refused(Error.NoSuchNamespace, ns.name):
        ns.get("a")


def test_remove_needs_flag_1_when_keys_are_there(root, ns):
    ns.apply({f"k{n}": n for n in range(12)})
    with nothing_changed(root, ns), refused(Error.Conflict, ns.name, "12 keys", "flag 1"):
        root.remove(ns.name)
    root.remove(ns.name, 1)
    assert ns.name not in root.list_namespaces()


def test_remove_and_create_again_starts_empty(root, ns):
    old = ns.set("a", 1)
    root.remove(ns.name, 1)
    again = root.create(ns.name)
    assert again.keys() == []
    assert again.set("a", 1) > old


def test_remove_what_is_not_there(root, name):
    with refused(Error.NoSuchNamespace, name):
        root.remove(name)


def test_remove_with_an_unknown_flag(root, ns):
    with nothing_changed(root, ns), refused(Error.InvalidArgs, "flag"):
        root.remove(ns.name, 2)


def test_list_in_byte_order(root, name):
    names = [f"{name}.{label}" for label in ("B", "_a", "a", "A", "Aa", "A.b")]
    for each in names:
        root.create(each)
    assert root.list_namespaces(name) == sorted(names)


def test_list_pages(root, name):
    names = [f"{name}.N{n:02}" for n in range(10)]
    for each in names:
        root.create(each)
    assert root.list_namespaces(name + ".", "", 4) == names[:4]
    assert root.list_namespaces(name + ".", names[3], 4) == names[4:8]
    assert root.list_namespaces(name + ".", names[7], 4) == names[8:]
    assert root.list_namespaces(name + ".", names[9], 4) == []
    assert root.list_namespaces(name + ".N03z") == []


def test_list_after_a_name_that_is_not_there(root, name):
    names = [f"{name}.N{n}" for n in (1, 3, 5)]
    for each in names:
        root.create(each)
    assert root.list_namespaces(name, f"{name}.N2") == names[1:]


def two(root, name):
    return root.create(name + ".One"), root.create(name + ".Two")


def test_apply_changes_several_namespaces_in_one_commit(root, name):
    one, two_ = two(root, name)
    two_.set("old", 1)
    before = root.revision()
    revision, result = root.apply_all(
        {one.name: change({"a": 1, "b": 2}), two_.name: change({"c": "x"}, ["old"])}
    )
    assert revision > before
    assert result == {"changed": 3, "removed": 1}
    assert root.revision() == one.property("Revision") == two_.property("Revision") == revision
    assert one.describe("a")["revision"].unpack() == two_.describe("c")["revision"].unpack() == revision
    assert (one.keys(), two_.keys()) == (["a", "b"], ["c"])


def test_apply_that_changes_nothing_keeps_the_revision(root, name):
    one, two_ = two(root, name)
    one.set("a", 1)
    with nothing_changed(root, one, two_):
        revision, result = root.apply_all({one.name: change({"a": 1}), two_.name: change({}, ["b"])})
        assert revision == root.revision()
        assert result == {"changed": 0, "removed": 0}


def test_apply_is_refused_as_a_whole(root, name):
    one, two_ = two(root, name)
    revision = two_.set("a", 1)
    two_.set("b", 1)
    with nothing_changed(root, one, two_), refused(Error.Conflict, "b") as refusal:
        root.apply_all(
            {
                one.name: change({"a": 1}),
                two_.name: change({"c": 1}, expect={"a": revision, "b": 3}),
            }
        )
    assert str(two_.describe("b")["revision"].unpack()) in refusal.text


def test_apply_with_an_absent_namespace(root, ns, name):
    with nothing_changed(root, ns), refused(Error.NoSuchNamespace, name + ".Not"):
        root.apply_all({ns.name: change({"a": 1}), name + ".Not": change({"a": 1})})


def test_apply_dry_run_tells_what_would_change(root, name):
    one, two_ = two(root, name)
    one.set("same", 1)
    two_.set("old", 1)
    with nothing_changed(root, one, two_):
        _, result = root.apply_all(
            {one.name: change({"same": 1, "new": 2}), two_.name: change({}, ["old", "not"])}, 1
        )
    assert (result["changed"], result["removed"]) == (1, 1)
    changed = {name_: keys for name_, keys in result["changed-keys"].items() if keys}
    removed = {name_: keys for name_, keys in result["removed-keys"].items() if keys}
    assert changed == {one.name: ["new"]}
    assert removed == {two_.name: ["old"]}


def test_apply_flags_count_for_all_namespaces(root, name):
    one, two_ = two(root, name)
    one.set("a", 1)
    with nothing_changed(root, one, two_):
        with refused(Error.KeyExists, "a"):
            root.apply_all({one.name: change({"a": 2}), two_.name: change({"b": 2})}, 2)
        with refused(Error.NoSuchKey, "b"):
            root.apply_all({one.name: change({"a": 2}), two_.name: change({"b": 2})}, 4)
        with refused(Error.InvalidArgs, "flag"):
            root.apply_all({one.name: change({"a": 2})}, 6)


def test_apply_classes(root, name):
    one, two_ = two(root, name)
    root.apply_all(
        {
            one.name: change({"a": 1, "b": 1}, classes={"b": "persistent"}),
            two_.name: change({"c": 1}, class_="persistent"),
        },
        class_="runtime",
        reason="a test",
    )
    found = [s.describe(k)["class"].unpack() for s, k in ((one, "a"), (one, "b"), (two_, "c"))]
    assert found == ["runtime", "persistent", "persistent"]


@pytest.mark.parametrize(
    "changes",
    [
        {"set": GLib.Variant("as", ["a"])},
        {"unset": GLib.Variant("s", "a")},
        {"nonsense": GLib.Variant("s", "a")},
        {"class": GLib.Variant("u", 1)},
        {"expect": GLib.Variant("a{sv}", {"a": GLib.Variant("u", 1)})},
    ],
)
def test_apply_with_wrong_changes(root, ns, changes):
    with nothing_changed(root, ns), refused(Error.InvalidArgs, next(iter(changes))):
        root.apply_all({ns.name: GLib.Variant("a{sv}", changes)})


def test_apply_with_a_namespace_that_is_no_dictionary(root, ns):
    with nothing_changed(root, ns), refused(Error.InvalidArgs, ns.name):
        root.apply_all({ns.name: GLib.Variant("s", "x")})


def test_get_many_of_several_namespaces(root, name):
    one, two_ = two(root, name)
    one.set("a", 1)
    two_.apply({"b": "x", "c": b"\0\1"})
    found, revision = root.get_many([one.name, two_.name])
    assert revision == root.revision()
    assert {n: {k: v.unpack() for k, v in ks.items()} for n, ks in found.items()} == {
        one.name: {"a": 1},
        two_.name: {"b": "x", "c": [0, 1]},
    }


def test_get_many_with_an_absent_namespace(root, ns, name):
    with refused(Error.NoSuchNamespace, name + ".Not"):
        root.get_many([ns.name, name + ".Not"])


def test_flush_answers_with_what_is_on_disk(root, ns):
    revision = ns.set("a", 1)
    assert root.flush() >= revision
    assert root.property("DurableRevision") >= revision


def test_what_is_acknowledged_is_durable(root, ns):
    revision = ns.set("a", 1)
    assert root.property("DurableRevision") >= revision
    assert root.property("Revision") == revision


def test_statistics_are_numbers_with_names(root):
    found = root.statistics()
    assert found
    assert all(name and name == name.lower() for name in found)


def test_statistics_with_a_flag(root):
    with refused(Error.InvalidArgs, "flag"):
        root.manager("GetStatistics", "(t)", (2,))


def test_reload(root):
    root.reload()
    assert root.property("State") == "running"
