#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A router that keeps its settings in Regent, with dbus-python."""

import dbus
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

SERVICE = "org.regentd.State1"
PATH = "/org/regentd/State1/ns/org/example/Router"
VALUES = SERVICE + ".Values"

bus = dbus.SystemBus(mainloop=DBusGMainLoop())
state = bus.get_object(SERVICE, PATH)
router = dbus.Interface(state, SERVICE + ".Namespace")
properties = dbus.Interface(state, dbus.PROPERTIES_IFACE)
loop = GLib.MainLoop()


def on_changed(_interface, changed, invalidated):
    if "mtu" in changed:
        print("mtu is now", int(changed["mtu"]))
    if "peers" in invalidated:
        print("peers: gone, or too large for a signal")
    if "enabled" in changed and not changed["enabled"]:
        loop.quit()


# Several keys in one commit, here only as long as there is no mtu.
try:
    defaults = {"mtu": dbus.UInt32(1500), "peers": ["fe80::1", "fe80::2"]}
    expect = dbus.Dictionary({"mtu": dbus.UInt64(0)}, signature="sv")
    revision, result = router.Apply(defaults, [], 0, {"expect": expect})
    print("defaults written, keys:", int(result["changed"]))
except dbus.DBusException as error:
    if error.get_dbus_name() != SERVICE + ".Error.Conflict":
        raise
    print("settings found")

properties.connect_to_signal("PropertiesChanged", on_changed)
print("mtu is", int(properties.Get(VALUES, "mtu")))
router.Set("status", "running")
loop.run()
