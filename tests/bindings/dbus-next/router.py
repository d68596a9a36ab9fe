#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A router that keeps its settings in Regent, with dbus-next on asyncio."""

import asyncio

from dbus_next import BusType, DBusError, Variant
from dbus_next.aio import MessageBus

SERVICE = "org.regentd.State1"
PATH = "/org/regentd/State1/ns/org/example/Router"


async def write_defaults(router):
    """Several keys in one commit, here only as long as there is no mtu."""
    defaults = {"mtu": Variant("u", 1500), "peers": Variant("as", ["fe80::1", "fe80::2"])}
    expect = Variant("a{sv}", {"mtu": Variant("t", 0)})
    try:
        _revision, result = await router.call_apply(defaults, [], 0, {"expect": expect})
        print("defaults written, keys:", result["changed"].value)
    except DBusError as error:
        if error.type != SERVICE + ".Error.Conflict":
            raise
        print("settings found")


async def main():
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    state = bus.get_proxy_object(SERVICE, PATH, await bus.introspect(SERVICE, PATH))
    router = state.get_interface(SERVICE + ".Namespace")
    properties = state.get_interface("org.freedesktop.DBus.Properties")
    stopped = asyncio.Event()

    def on_changed(_interface, changed, invalidated):
        if "mtu" in changed:
            print("mtu is now", changed["mtu"].value)
        if "peers" in invalidated:
            print("peers: gone, or too large for a signal")
        if "enabled" in changed and not changed["enabled"].value:
            stopped.set()

    await write_defaults(router)
    properties.on_properties_changed(on_changed)
    print("mtu is", (await router.call_get("mtu")).value)
    await router.call_set("status", Variant("s", "running"))
    await stopped.wait()


asyncio.run(main())
