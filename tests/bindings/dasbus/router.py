#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A router that keeps its settings in Regent, with dasbus."""

from dasbus.connection import SystemMessageBus
from dasbus.error import DBusError
from dasbus.loop import EventLoop
from dasbus.typing import get_native, get_variant

SERVICE = "org.regentd.State1"
PATH = "/org/regentd/State1/ns/org/example/Router"

# One interface a proxy: dasbus would mix the methods of all of them otherwise.
bus = SystemMessageBus()
router = bus.get_proxy(SERVICE, PATH, SERVICE + ".Namespace")
values = bus.get_proxy(SERVICE, PATH, SERVICE + ".Values")
properties = bus.get_proxy(SERVICE, PATH, "org.freedesktop.DBus.Properties")
loop = EventLoop()


def on_changed(_interface, changed, invalidated):
    changed = get_native(changed)
    if "mtu" in changed:
        print("mtu is now", changed["mtu"])
    if "peers" in invalidated:
        print("peers: gone, or too large for a signal")
    if changed.get("enabled") is False:
        loop.quit()


# Several keys in one commit, here only as long as there is no mtu.
try:
    defaults = {"mtu": get_variant("u", 1500), "peers": get_variant("as", ["fe80::1", "fe80::2"])}
    expect = get_variant("a{sv}", {"mtu": get_variant("t", 0)})
    revision, result = router.Apply(defaults, [], 0, {"expect": expect})
    print("defaults written, keys:", get_native(result["changed"]))
except DBusError as error:
    if error.dbus_name != SERVICE + ".Error.Conflict":
        raise
    print("settings found")

properties.PropertiesChanged.connect(on_changed)
print("mtu is", values.mtu)
router.Set("status", get_variant("s", "running"))
loop.run()
