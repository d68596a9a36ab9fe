# SPDX-License-Identifier: LGPL-2.1-or-later
"""A namespace that a file of namespaces.d declares."""

from gi.repository import GLib

V = GLib.Variant
ALICE, OPERATORS, NETADMINS = 4001, 4100, 4200
NAME = "org.example.Router"

ROUTER = """# The settings of a router.
[Namespace]
Owner=4001
Mode=0644

[Key mtu]
Type=u
Default=1500
Minimum=68
Maximum=9216

[Key name]
Type=s
Default='router'
LengthMaximum=16

[Key peers]
Type=as
Default=['fe80::1']
LengthMinimum=1
LengthMaximum=2

[Key mode]
Type=s
Allowed=['bridge', 'route']

[Key secret]
Locked=yes

[Key serial]
WriteOnce=yes

[Key if/*/mtu]
Type=u
Maximum=9000
"""
DEFAULTS = {"mtu": V("u", 1500), "name": V("s", "router"), "peers": V("as", ["fe80::1"])}


def declared(stack, text=ROUTER, **how):
    made = stack(namespaces={NAME: text}, **how)
    return made, made.root.ns(NAME)


def keys_of(text):
    """A file with these [Key …] sections, as (name, settings) pairs."""
    return "".join(f"[Key {name}]\n" + "\n".join(settings) + "\n" for name, settings in text.items())


def errors(root):
    return root.statistics()["declaration-errors"].unpack()
