#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A router that keeps its settings in Regent, with GLib. Its proxy keeps the keys at hand, and follows them."""

from gi.repository import Gio, GLib

SERVICE = "org.regentd.State1"
PATH = "/org/regentd/State1/ns/org/example/Router"


def proxy(interface):
    return Gio.DBusProxy.new_for_bus_sync(
        Gio.BusType.SYSTEM, Gio.DBusProxyFlags.NONE, None, SERVICE, PATH, interface, None
    )


def on_changed(_values, changed, invalidated):
    changed = changed.unpack()
    if "mtu" in changed:
        print("mtu is now", changed["mtu"])
    if "peers" in invalidated:
        print("peers: gone, or too large for a signal")
    if changed.get("enabled") is False:
        loop.quit()


loop = GLib.MainLoop()
router = proxy(SERVICE + ".Namespace")

# Several keys in one commit, here only as long as there is no mtu.
try:
    defaults = {"mtu": GLib.Variant("u", 1500), "peers": GLib.Variant("as", ["fe80::1", "fe80::2"])}
    expect = GLib.Variant("a{sv}", {"mtu": GLib.Variant("t", 0)})
    revision, result = router.Apply("(a{sv}asta{sv})", defaults, [], 0, {"expect": expect})
    print("defaults written, keys:", result["changed"])
except GLib.Error as error:
    if Gio.DBusError.get_remote_error(error) != SERVICE + ".Error.Conflict":
        raise
    print("settings found")

values = proxy(SERVICE + ".Values")
values.connect("g-properties-changed", on_changed)
print("mtu is", values.get_cached_property("mtu").unpack())
router.Set("(sv)", "status", GLib.Variant("s", "running"))
loop.run()
