# SPDX-License-Identifier: LGPL-2.1-or-later
"""ObjectManager: what a caller may read, and namespaces that come and go."""

import pytest
from regent_testing.names import MANAGER, NAMESPACE, NO_ID, OBJECT_MANAGER, PROPERTIES, ROOT_PATH, VALUES

STANDARD = {
    "org.freedesktop.DBus.Peer",
    "org.freedesktop.DBus.Introspectable",
    "org.freedesktop.DBus.Properties",
}


def watch(caller):
    return caller.subscribe(interface=OBJECT_MANAGER, path=ROOT_PATH)


def test_lists_namespaces_with_properties_that_announce_changes(root, ns):
    ns.set("a", 1)
    interfaces = root.managed_objects()[ns.path]
    assert set(interfaces) - STANDARD == {NAMESPACE, VALUES}
    assert {n: v.unpack() for n, v in interfaces[NAMESPACE].items()} == {
        "Name": ns.name, "Owner": 0, "Group": NO_ID, "Mode": 0o644,
        "QuotaKeys": 1048576, "QuotaBytes": 256 << 20, "Declaration": "",
    }  # fmt: skip
    assert interfaces[VALUES] == {}


def test_lists_namespaces_only(root, ns):
    assert all(path.startswith(ROOT_PATH + "/ns/") for path in root.managed_objects())


def test_shows_a_caller_only_what_it_may_read(root, name, alice, bob, carol):
    own = root.create(name + ".Own", owner=4001, mode=0o600)
    group = root.create(name + ".Group", owner=0, group=4100, mode=0o640)
    everyone = root.create(name + ".Everyone", mode=0o644)
    nobody = root.create(name + ".Nobody", mode=0o600)
    mine = [own, group, everyone, nobody]

    def seen(caller):
        paths = caller.managed_objects()
        return [space.name.rsplit(".")[-1] for space in mine if space.path in paths]

    assert seen(root) == ["Own", "Group", "Everyone", "Nobody"]
    assert seen(alice) == ["Own", "Everyone"]
    assert seen(bob) == ["Group", "Everyone"]
    assert seen(carol) == ["Everyone"]


def test_interfaces_added(root, name):
    log = watch(root)
    space = root.create(name)
    root.settle()
    assert [(s.member, s.arguments[0].get_string()) for s in log.items] == [
        ("InterfacesAdded", space.path)
    ]
    interfaces = log.items[0].arguments[1].unpack()
    assert set(interfaces) >= {NAMESPACE, VALUES}
    assert interfaces[NAMESPACE]["Name"] == name
    assert interfaces[VALUES] == {}
    log.close()


def test_interfaces_removed(root, ns):
    log = watch(root)
    root.remove(ns.name)
    root.settle()
    assert [(s.member, s.arguments[0].get_string()) for s in log.items] == [
        ("InterfacesRemoved", ns.path)
    ]
    assert set(log.items[0].arguments[1].unpack()) >= {NAMESPACE, VALUES}
    log.close()


def test_removing_keys_with_the_namespace_announces_the_object_going(root, ns):
    ns.apply({"a": 1, "b": 2})
    log = watch(root)
    root.remove(ns.name, 1)
    root.settle()
    assert [s.member for s in log.items] == ["InterfacesRemoved"]
    log.close()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o660])
def test_secret_namespaces_come_and_go_in_silence(root, name, mode):
    log = watch(root)
    root.create(name, mode=mode, group=4100)
    root.remove(name)
    root.settle()
    assert not log.items
    log.close()


def test_set_access_across_the_line_sends_the_matching_signal(root, ns):
    log = watch(root)
    ns.set_access(mode=0o640)
    ns.set_access(mode=0o600)
    ns.set_access(mode=0o644)
    ns.set_access(mode=0o664)
    root.settle()
    found = [(s.member, s.arguments[0].get_string()) for s in log.items]
    assert found == [("InterfacesRemoved", ns.path), ("InterfacesAdded", ns.path)]
    log.close()


def test_access_of_a_public_namespace_is_announced(root, ns):
    log = root.subscribe(
        interface=PROPERTIES, member="PropertiesChanged", path=ns.path, arg0=NAMESPACE
    )
    ns.set_access(owner=4001, mode=0o664)
    root.settle()
    found = {}
    for signal in log.items:
        found.update({key: v.unpack() for key, v in signal.changed.items()})
    assert found == {"Owner": 4001, "Mode": 0o664}
    log.close()


def test_access_of_a_secret_namespace_is_not_announced(root, name):
    space = root.create(name, mode=0o600)
    log = root.subscribe(path=space.path)
    space.set_access(owner=4001)
    root.settle()
    assert not log.items
    log.close()


def test_keys_and_revision_are_not_announced(root, ns):
    log = root.subscribe(
        interface=PROPERTIES, member="PropertiesChanged", path=ns.path, arg0=NAMESPACE
    )
    manager = root.subscribe(
        interface=PROPERTIES, member="PropertiesChanged", path=ROOT_PATH, arg0=MANAGER
    )
    ns.set("a", 1)
    root.settle()
    assert not log.items
    assert not manager.items
    log.close()
    manager.close()
