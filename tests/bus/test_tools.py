# SPDX-License-Identifier: LGPL-2.1-or-later
"""What users of busctl and gdbus expect: tree, introspect, call, get-property, set-property, monitor."""

import json

import pytest
from gi.repository import Gio, GLib
from regent_testing.names import BUS_NAME, MANAGER, NAMESPACE, PROPERTIES, ROOT_PATH, VALUES
from regent_testing.tool import Watched, gdbus_monitor, run
from regent_testing.waiting import iterate_until


@pytest.fixture
def space(ns):
    ns.apply(
        {
            "Answer": GLib.Variant("u", 42),
            "greeting": "hello",
            "net.ipv4/odd-key": GLib.Variant("as", ["a", "b"]),
            "blob": b"\x00\x01\xff",
            "ratio": 0.5,
        }
    )
    return ns


def busctl(service, *arguments, **how):
    return run(service.bus, "busctl", "--system", "--no-pager", *arguments, **how)


def gdbus(service, verb, *arguments, **how):
    return run(service.bus, "gdbus", verb, "--system", *arguments, **how)


def test_busctl_list_names_the_service(service, space):
    assert BUS_NAME in busctl(service, "list")


def test_busctl_tree(service, space):
    listed = busctl(service, "tree", "--list", BUS_NAME).splitlines()
    assert ROOT_PATH in listed
    assert space.path in listed
    assert len(listed) == len(set(listed))


def test_busctl_tree_draws_the_labels(service, space):
    assert space.path in busctl(service, "tree", BUS_NAME)


def test_busctl_introspect_lists_keys_with_values(service, space):
    lines = busctl(service, "introspect", BUS_NAME, space.path).splitlines()
    rows = {line.split()[0]: line.split() for line in lines if line.startswith(".")}
    assert rows[".Answer"][1:4] == ["property", "u", "42"]
    assert rows[".greeting"][1:4] == ["property", "s", '"hello"']
    assert "writable" in rows[".Answer"]
    assert ".net.ipv4/odd-key" not in rows
    assert rows[".Mode"][1:4] == ["property", "u", "420"]
    assert rows[".Apply"][1:4] == ["method", "a{sv}asta{sv}", "ta{sv}"]
    assert any(line.startswith(NAMESPACE) for line in lines)
    assert any(line.startswith(VALUES) for line in lines)


def test_busctl_introspect_of_the_manager(service, space):
    lines = busctl(service, "introspect", BUS_NAME, ROOT_PATH).splitlines()
    rows = {line.split()[0]: line.split() for line in lines if line.startswith(".")}
    assert rows[".CreateNamespace"][1:4] == ["method", "sa{sv}", "o"]
    assert rows[".GetManagedObjects"][1:4] == ["method", "-", "a{oa{sa{sv}}}"]
    assert rows[".State"][1:4] == ["property", "s", '"running"']
    assert any(line.startswith(MANAGER) for line in lines)


def test_busctl_introspect_of_a_namespace_without_keys(service, ns):
    assert VALUES in busctl(service, "introspect", BUS_NAME, ns.path)


def test_busctl_call(service, space):
    out = busctl(service, "call", BUS_NAME, space.path, NAMESPACE, "Get", "s", "Answer")
    assert out == "v u 42\n"
    out = busctl(service, "call", BUS_NAME, space.path, NAMESPACE, "Set", "sv", "Answer", "t", "7")
    assert out.startswith("t ")
    assert space.get("Answer") == GLib.Variant("t", 7)


def test_busctl_call_with_json(service, space):
    out = busctl(service, "-j", "call", BUS_NAME, space.path, NAMESPACE, "GetMany", "asa{sv}", "0", "0")
    values = json.loads(out)["data"][0]
    assert values["Answer"] == {"type": "u", "data": 42}
    assert values["net.ipv4/odd-key"] == {"type": "as", "data": ["a", "b"]}
    assert values["blob"] == {"type": "ay", "data": [0, 1, 255]}


def test_busctl_apply(service, space):
    out = busctl(
        service, "call", BUS_NAME, space.path, NAMESPACE, "Apply", "a{sv}asta{sv}",
        "1", "added", "s", "x", "1", "blob", "0", "1", "reason", "s", "by hand",
    )  # fmt: skip
    assert '"changed" u 1' in out
    assert '"removed" u 1' in out
    assert "added" in space.keys()
    assert "blob" not in space.keys()


def test_busctl_get_property(service, space):
    for key, expected in (("Answer", "u 42"), ("net.ipv4/odd-key", 'as 2 "a" "b"'), ("ratio", "d 0.5")):
        if "/" not in key:
            assert busctl(service, "get-property", BUS_NAME, space.path, VALUES, key) == expected + "\n"
        out = busctl(service, "call", BUS_NAME, space.path, PROPERTIES, "Get", "ss", VALUES, key)
        assert out == f"v {expected}\n"


def test_busctl_get_property_of_a_key_that_is_not_there(service, space):
    out = busctl(service, "get-property", BUS_NAME, space.path, VALUES, "nope", status=1)
    assert "nope" in out


def test_busctl_set_property(service, space):
    busctl(service, "set-property", BUS_NAME, space.path, VALUES, "Answer", "u", "43")
    assert space.get("Answer") == GLib.Variant("u", 43)
    busctl(service, "set-property", BUS_NAME, space.path, VALUES, "fresh", "as", "2", "x", "y")
    assert space.get("fresh").unpack() == ["x", "y"]


def test_busctl_create_and_remove(service, root, name):
    out = busctl(
        service, "call", BUS_NAME, ROOT_PATH, MANAGER, "CreateNamespace", "sa{sv}", name, "1", "mode", "u", "384"
    )
    assert out == f'o "{root.ns(name).path}"\n'
    assert root.ns(name).property("Mode") == 0o600
    busctl(service, "call", BUS_NAME, ROOT_PATH, MANAGER, "RemoveNamespace", "st", name, "0")
    assert name not in root.list_namespaces()


def test_busctl_errors_say_what_was_wrong(service, space):
    out = busctl(service, "call", BUS_NAME, space.path, NAMESPACE, "Get", "s", "nope", status=1)
    assert "nope" in out


def test_busctl_monitor(service, space):
    with Watched(service.bus, "busctl", "--system", "monitor", BUS_NAME) as monitor:
        monitor.expect("Monitoring bus message stream")
        space.set("Answer", GLib.Variant("u", 44))
        monitor.expect(r"Member=Set\b")
        monitor.expect(r"Member=PropertiesChanged.*Answer.*UINT32 44")


def test_gdbus_introspect(service, space):
    out = gdbus(service, "introspect", "-d", BUS_NAME, "-o", space.path)
    assert "readwrite u Answer = 42;" in out
    assert "readwrite s greeting = 'hello';" in out
    assert "Apply(" in out
    assert gdbus(service, "introspect", "-d", BUS_NAME, "-o", space.path, "--xml").startswith("<")


def test_gdbus_introspect_recursively(service, space):
    out = gdbus(service, "introspect", "-d", BUS_NAME, "-o", ROOT_PATH, "--recurse")
    assert f"node {space.path}" in out


def test_gdbus_call(service, space):
    where = ["-d", BUS_NAME, "-o", space.path, "-m"]
    assert gdbus(service, "call", *where, NAMESPACE + ".Get", "Answer") == "(<uint32 42>,)\n"
    gdbus(service, "call", *where, NAMESPACE + ".Set", "Answer", "<uint64 8>")
    assert space.get("Answer") == GLib.Variant("t", 8)
    out = gdbus(service, "call", *where, NAMESPACE + ".Apply", "{'x': <1>}", "[]", "0", "{}")
    assert "'changed': <uint32 1>" in out
    out = gdbus(service, "call", *where, PROPERTIES + ".GetAll", VALUES)
    assert "'net.ipv4/odd-key': <['a', 'b']>" in out


def test_gdbus_monitor(service, space):
    with gdbus_monitor(service.bus, space) as monitor:
        space.set("Answer", GLib.Variant("u", 45))
        monitor.expect(rf"{space.path}: {PROPERTIES}.PropertiesChanged \('{VALUES}', .*'Answer': <uint32 45>")
        space.delete("blob")
        monitor.expect(r"\['blob'\]")


def test_gdbus_monitor_of_one_object(service, space):
    with gdbus_monitor(service.bus, space, "-o", space.path) as monitor:
        space.set("greeting", "again")
        monitor.expect("'greeting': <'again'>")


def test_proxy_with_a_property_cache(service, space):
    """GDBusProxy keeps every key and follows changes, deletions and keys that come later."""
    proxy = Gio.DBusProxy.new_sync(
        service.root.connection, Gio.DBusProxyFlags.NONE, None, BUS_NAME, space.path, VALUES, None
    )
    assert proxy.get_cached_property("Answer").unpack() == 42
    assert set(proxy.get_cached_property_names()) == set(space.keys())
    space.apply({"Answer": GLib.Variant("u", 1), "late": "x"}, ["blob"])
    iterate_until(lambda: proxy.get_cached_property("late") is not None, 10, "the proxy's cache")
    assert proxy.get_cached_property("Answer").unpack() == 1
    assert proxy.get_cached_property("blob") is None


def test_object_manager_client(service, space):
    """GDBusObjectManagerClient finds namespaces and sees new ones."""
    manager = Gio.DBusObjectManagerClient.new_sync(
        service.root.connection, Gio.DBusObjectManagerClientFlags.NONE, BUS_NAME, ROOT_PATH, None, None, None
    )
    assert manager.get_interface(space.path, NAMESPACE).get_cached_property("Owner").unpack() == 0
    inner = service.root.create(space.name + ".Inner")
    iterate_until(lambda: manager.get_object(inner.path), 10, "the new object")
    service.root.remove(inner.name)
    iterate_until(lambda: not manager.get_object(inner.path), 10, "the object to go")


def test_dbus_python(service, space):
    run(
        service.bus, "/usr/bin/python3", "-c",
        f"""if True:
        import dbus
        bus = dbus.SystemBus()
        thing = bus.get_object("{BUS_NAME}", "{space.path}")
        ns = dbus.Interface(thing, "{NAMESPACE}")
        assert ns.Get("Answer") == 42
        ns.Set("greeting", "from python")
        properties = dbus.Interface(thing, "{PROPERTIES}")
        properties.Set("{VALUES}", "Answer", dbus.UInt32(9))
        assert properties.GetAll("{VALUES}")["Answer"] == 9
        """,
    )  # fmt: skip
    assert space.get("greeting").unpack() == "from python"
