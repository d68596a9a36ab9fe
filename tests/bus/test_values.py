# SPDX-License-Identifier: LGPL-2.1-or-later
"""org.regentd.State1.Values: keys as properties, their signal, and their introspection."""

import xml.etree.ElementTree as ElementTree

import pytest
from gi.repository import GLib
from regent_testing.api import blob, change
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import (
    INTROSPECTABLE, MANAGER, NAMESPACE, OBJECT_MANAGER, PEER, PROPERTIES, ROOT_PATH, VALUES, Error,
)  # fmt: skip
from regent_testing.wire import RETURN, SIGNAL
from regent_testing.waiting import Deadline

V = GLib.Variant


def listed_properties(xml):
    """name -> (type, access) of the Values interface in introspection XML."""
    for interface in ElementTree.fromstring(xml).iter("interface"):
        if interface.get("name") == VALUES:
            return {
                each.get("name"): (each.get("type"), each.get("access"))
                for each in interface.iter("property")
            }
    return None


def test_get_and_set(root, ns):
    ns.value_set("a", V("u", 5))
    assert ns.get("a") == V("u", 5)
    assert ns.value_get("a") == V("u", 5)
    assert ns.describe("a")["class"].unpack() == "persistent"


@pytest.mark.parametrize("key", ["net.ipv4/odd-key", "1", "with:colon", "-", "class", "Get"])
def test_keys_that_are_no_member_names(ns, key):
    ns.value_set(key, "x")
    assert ns.value_get(key).unpack() == "x"
    assert ns.value_all()[key].unpack() == "x"


def test_get_of_a_key_that_is_not_there(ns):
    """The error that clients of properties know, not the one of Namespace.Get."""
    with refused(Error.UnknownProperty, "nope"):
        ns.value_get("nope")


def test_get_all(ns):
    ns.apply({"a": 1, "b/c": "x"})
    assert {key: v.unpack() for key, v in ns.value_all().items()} == {"a": 1, "b/c": "x"}


def test_get_all_of_nothing(ns):
    assert ns.value_all() == {}


def test_get_all_over_the_reply_limit_names_the_paged_call(ns):
    for n in range(3):
        ns.set(f"k{n}", blob(bytes(900 << 10)))
    with refused(Error.LimitsExceeded, "GetMany"):
        ns.value_all()


def test_equal_value_announces_nothing(root, ns):
    ns.set("a", 1)
    with nothing_changed(root, ns):
        ns.value_set("a", 1)


def test_one_signal_a_commit_with_last_values(root, ns):
    log = ns.watch_values()
    ns.apply({"a": 1, "b": "x"})
    root.settle()
    assert len(log) == 1
    signal = log.items[0]
    assert signal.arguments[0].unpack() == VALUES
    assert {key: v.unpack() for key, v in signal.changed.items()} == {"a": 1, "b": "x"}
    assert signal.invalidated == []


def test_signal_of_a_property_set(root, ns):
    log = ns.watch_values()
    ns.value_set("a", V("q", 7))
    root.settle()
    assert [signal.changed for signal in log.items] == [{"a": V("q", 7)}]


def test_deleted_keys_are_invalidated(root, ns):
    ns.apply({"a": 1, "b": 1})
    log = ns.watch_values()
    ns.apply({"c": 1}, ["a", "b"])
    root.settle()
    assert len(log) == 1
    assert list(log.items[0].changed) == ["c"]
    assert sorted(log.items[0].invalidated) == ["a", "b"]


def test_large_values_are_invalidated(root, ns):
    log = ns.watch_values()
    ns.apply({"small": blob(bytes(4096)), "large": blob(bytes(4097))})
    root.settle()
    assert len(log) == 1
    assert list(log.items[0].changed) == ["small"]
    assert log.items[0].invalidated == ["large"]


def test_a_signal_holds_64_kib_at_most(root, ns):
    log = ns.watch_values()
    keys = {f"k{n:03}": blob(bytes(4000)) for n in range(40)}
    ns.apply(keys)
    root.settle()
    assert len(log) == 1
    changed, invalidated = log.items[0].changed, log.items[0].invalidated
    assert sum(v.get_size() for v in changed.values()) <= 64 << 10
    assert len(changed) >= 10
    assert sorted([*changed, *invalidated]) == sorted(keys)


def test_many_changes_are_one_signal(root, ns):
    log = ns.watch_values()
    ns.apply({f"k{n:04}": n for n in range(4096)})
    root.settle()
    assert len(log) == 1
    signal = log.items[0]
    assert len(signal.changed) + len(signal.invalidated) == 4096


def test_signal_goes_before_the_reply(service, ns):
    raw = service.raw()
    rule = f"type='signal',interface='{PROPERTIES}',path='{ns.path}'"
    raw.call(
        "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s", (rule,),
        destination="org.freedesktop.DBus",
    )  # fmt: skip
    serial = raw.send(ns.path, NAMESPACE, "Set", "sv", ("a", ("u", 1)))
    kinds = []
    while RETURN not in kinds:
        message = raw.receive(Deadline(10))
        if message.kind == SIGNAL or message.field(5) == serial:
            kinds.append(message.kind)
    assert kinds == [SIGNAL, RETURN]
    raw.close()


def test_pipelined_writes_end_with_the_last_value(root, ns):
    log = ns.watch_values()
    pending = [ns.start_set("a", n) for n in range(40)]
    for call in pending:
        call.result()
    root.settle()
    values = [signal.changed["a"].unpack() for signal in log.items]
    assert values[-1] == 39
    assert values == sorted(set(values))
    assert len(values) <= 40


def test_a_commit_over_two_namespaces_is_a_signal_each(root, ns, name):
    other = root.create(name + ".Other")
    logs = [ns.watch_values(), other.watch_values()]
    root.apply_all({ns.name: change({"a": 1}), other.name: change({"b": 2})})
    root.settle()
    assert [[list(signal.changed) for signal in log.items] for log in logs] == [[["a"]], [["b"]]]


def test_match_on_a_subtree(root, ns):
    inner = root.create(ns.name + ".Inner")
    seen = root.subscribe(interface=PROPERTIES, member="PropertiesChanged", arg0=VALUES)
    inner.set("a", 1)
    root.settle()
    assert [signal.path for signal in seen.items] == [inner.path]
    seen.close()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o660])
def test_nothing_is_broadcast_where_not_everyone_may_read(root, name, alice, mode):
    secret = root.create(name, owner=4001, mode=mode)
    public = root.create(name + ".Public")
    log = root.subscribe(path=secret.path)
    seen = secret.seen_by(alice).watch_values()
    secret.apply({"a": 1})
    secret.seen_by(alice).set("a", 2)
    secret.delete("a")
    public.set("a", 1)
    root.settle()
    alice.settle()
    assert not log.items
    assert not seen.items
    log.close()


def test_signals_follow_the_mode(root, ns):
    log = ns.watch_values()
    ns.set("a", 1)
    ns.set_access(mode=0o640)
    ns.set("a", 2)
    ns.set_access(mode=0o644)
    ns.set("a", 3)
    root.settle()
    assert [signal.changed["a"].unpack() for signal in log.items] == [1, 3]


def test_a_stranger_who_may_read_gets_the_signal(ns, carol):
    log = ns.seen_by(carol).watch_values()
    ns.set("a", 1)
    assert log.wait_for().changed["a"].unpack() == 1


def test_introspection_lists_legal_names_with_their_types(ns):
    ns.apply(
        {"a": V("u", 1), "B_2": V("a{sv}", {}), "with-dash": 1, "1digit": 1, "dot.ted": 1, "a/b": 1, "class": "x"}
    )
    assert listed_properties(ns.introspect()) == {
        "a": ("u", "readwrite"), "B_2": ("a{sv}", "readwrite"), "class": ("s", "readwrite"),
    }  # fmt: skip


def test_introspection_follows_changes(ns):
    ns.set("a", 1)
    ns.set("a", "x")
    ns.set("b", 1)
    ns.delete("b")
    assert listed_properties(ns.introspect()) == {"a": ("s", "readwrite")}


def test_introspection_names_every_interface(root, ns):
    found = {each.get("name") for each in ElementTree.fromstring(ns.introspect()).iter("interface")}
    assert found >= {NAMESPACE, VALUES, PROPERTIES, INTROSPECTABLE, PEER}
    root_xml = ElementTree.fromstring(root.introspect(ROOT_PATH))
    found = {each.get("name") for each in root_xml.iter("interface")}
    assert found >= {MANAGER, OBJECT_MANAGER, PROPERTIES, INTROSPECTABLE, PEER}


def test_introspection_names_an_interface_once(ns):
    ns.set("a", 1)
    found = [each.get("name") for each in ElementTree.fromstring(ns.introspect()).iter("interface")]
    assert len(found) == len(set(found))


def test_introspection_lists_1024_keys_at_most(ns):
    ns.apply({f"k{n:05}": n for n in range(1500)})
    assert 0 < len(listed_properties(ns.introspect())) <= 1024


def test_introspection_lists_none_where_get_all_would_fail(ns):
    for n in range(3):
        ns.set(f"k{n}", blob(bytes(900 << 10)))
    assert listed_properties(ns.introspect()) == {}


def test_introspection_walks_down_to_a_namespace(root, ns):
    path = ROOT_PATH
    for label in ["ns", *ns.name.split(".")]:
        children = [
            node.get("name") for node in ElementTree.fromstring(root.introspect(path)).iterfind("node")
        ]
        assert label in children, f"{label} is not below {path}"
        assert len(children) == len(set(children))
        path += "/" + label
    assert path == ns.path


def test_introspection_shows_a_caller_only_what_it_may_read(root, name, carol):
    root.create(name + ".Public")
    root.create(name + ".Secret", mode=0o600)
    above = root.ns(name).path

    def children(caller):
        return [
            node.get("name") for node in ElementTree.fromstring(caller.introspect(above)).iterfind("node")
        ]

    assert children(root) == ["Public", "Secret"]
    assert children(carol) == ["Public"]


def test_introspection_of_a_path_that_hides_only_secrets(root, name, carol):
    """An intermediate path with nothing readable below looks like one that is not there."""
    root.create(name + ".Hidden.Secret", mode=0o600)
    hidden = root.ns(name + ".Hidden").path
    absent = root.ns(name + ".Absent").path

    def answer(path):
        try:
            return carol.introspect(path)
        except Exception as error:
            return error.name, error.text.replace(path, "PATH").replace("Hidden", "N").replace("Absent", "N")

    assert answer(hidden) == answer(absent)
