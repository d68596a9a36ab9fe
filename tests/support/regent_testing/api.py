# SPDX-License-Identifier: LGPL-2.1-or-later
"""Regent's interface as Python methods, the same for a caller in this process and for one under another uid.

Values go in and come out as GLib.Variant, so that a test sees types. Plain str, int (as `x`), float, bool, bytes and
list of str are taken too where a value is expected, as a convenience.
"""

from gi.repository import GLib

from . import names


class RegentError(Exception):
    """A D-Bus error reply: name and text."""

    def __init__(self, name, text):
        super().__init__(f"{name}: {text}")
        self.name = name
        self.text = text

    def __reduce__(self):
        return (RegentError, (self.name, self.text))


def value(thing):
    """A GLib.Variant for a value."""
    if isinstance(thing, GLib.Variant):
        return thing
    if isinstance(thing, bool):
        return GLib.Variant("b", thing)
    if isinstance(thing, int):
        return GLib.Variant("x", thing)
    if isinstance(thing, float):
        return GLib.Variant("d", thing)
    if isinstance(thing, str):
        return GLib.Variant("s", thing)
    if isinstance(thing, (bytes, bytearray)):
        return blob(bytes(thing))
    if isinstance(thing, list) and all(isinstance(element, str) for element in thing):
        return GLib.Variant("as", thing)
    raise TypeError(f"no D-Bus value for {thing!r}")


def blob(content):
    """An `ay`, without a Python object for each byte."""
    return GLib.Variant.new_from_bytes(GLib.VariantType("ay"), GLib.Bytes.new(content), True)


def values(mapping):
    """An a{sv} as the mapping GLib.Variant("(a{sv})", …) takes."""
    return {key: value(thing) for key, thing in mapping.items()}


_OPTION_TYPES = {
    "owner": "u",
    "group": "u",
    "mode": "u",
    "quota-keys": "t",
    "quota-bytes": "t",
    "class": "s",
    "reason": "s",
    "prefix": "s",
    "after": "s",
    "limit": "u",
    "only": "s",
    "form": "s",
    "release": "s",
    "confirm-timeout-usec": "t",
    "no-values": "b",
    "since": "t",
    "resume": "t",
}


def options(given):
    """Options by Python name (quota_keys, class_): each gets the type the interface documents for it.

    A GLib.Variant is passed on as it is, so a test can send the wrong type.
    """
    result = {}
    for name, thing in given.items():
        name = name.rstrip("_").replace("_", "-")
        if isinstance(thing, GLib.Variant):
            result[name] = thing
        elif name == "expect":
            result[name] = GLib.Variant(
                "a{sv}", {key: GLib.Variant("t", revision) for key, revision in thing.items()}
            )
        elif name == "classes":
            result[name] = GLib.Variant(
                "a{sv}", {key: GLib.Variant("s", name_) for key, name_ in thing.items()}
            )
        else:
            result[name] = GLib.Variant(_OPTION_TYPES.get(name, "s"), thing)
    return result


def change(set_=None, unset=None, expect=None, class_=None, classes=None, release=None):
    """The changes of one namespace, as Manager.Apply takes them."""
    result = {}
    if set_ is not None:
        result["set"] = GLib.Variant("a{sv}", values(set_))
    if unset is not None:
        result["unset"] = GLib.Variant("as", unset)
    given = {"expect": expect, "class": class_, "classes": classes, "release": release}
    result.update(options({key: thing for key, thing in given.items() if thing is not None}))
    return GLib.Variant("a{sv}", result)


def children(variant):
    """The members of a tuple or array, each a GLib.Variant, with variants opened."""
    members = (variant.get_child_value(index) for index in range(variant.n_children()))
    return [m.get_variant() if m.get_type_string() == "v" else m for m in members]


def mapping(variant):
    """An a{sv} (or a{s…}) as a dict of GLib.Variant, in the order sent."""
    result = {}
    for index in range(variant.n_children()):
        key, inner = children(variant.get_child_value(index))
        result[key.get_string()] = inner
    return result


class Caller:
    """Calls on one connection. Subclasses provide _call, _start, subscribe and unique_name."""

    def _call(self, destination, path, interface, member, parameters, interactive, timeout):
        raise NotImplementedError

    def _start(self, destination, path, interface, member, parameters, interactive, timeout):
        raise NotImplementedError

    def call(
        self, path, interface, member, signature="()", arguments=(),
        destination=names.BUS_NAME, interactive=False, timeout=30,
    ):  # fmt: skip
        """Calls and returns the reply's members as a list of GLib.Variant. Raises RegentError."""
        parameters = GLib.Variant(signature, tuple(arguments))
        reply = self._call(
            destination, path, interface, member, parameters, interactive, timeout
        )
        return children(reply)

    def start(
        self, path, interface, member, signature="()", arguments=(),
        destination=names.BUS_NAME, interactive=False, timeout=30,
    ):  # fmt: skip
        """Sends a call and returns a pending one: is_done(), result(seconds)."""
        parameters = GLib.Variant(signature, tuple(arguments))
        return self._start(destination, path, interface, member, parameters, interactive, timeout)

    def ping(self):
        """A round trip to regentd: what it sent this caller before has arrived afterwards."""
        self.call(names.ROOT_PATH, names.PEER, "Ping")

    def manager(self, member, signature="()", arguments=(), **how):
        return self.call(names.ROOT_PATH, names.MANAGER, member, signature, arguments, **how)

    def ns(self, name):
        return Namespace(self, name)

    def create(self, name, **given):
        path = self.manager("CreateNamespace", "(sa{sv})", (name, options(given)))[0].get_string()
        assert path == names.path_of(name)
        return Namespace(self, name)

    def remove(self, name, flags=0):
        self.manager("RemoveNamespace", "(st)", (name, flags))

    def get_namespace(self, name):
        return self.manager("GetNamespace", "(s)", (name,))[0].get_string()

    def list_namespaces(self, prefix="", after="", limit=0):
        reply = self.manager("ListNamespaces", "(ssu)", (prefix, after, limit))
        return reply[0].unpack()

    def apply_all(self, changes, flags=0, **given):
        """Manager.Apply: {name: change(…)}; returns the revision and the result as a dict."""
        revision, result = self.manager(
            "Apply", "(a{sv}ta{sv})", (changes, flags, options(given))
        )
        return revision.get_uint64(), result.unpack()

    def get_many(self, ns_names, **given):
        """Manager.GetMany: {name: {key: value}} and the revision."""
        found, revision = self.manager("GetMany", "(asa{sv})", (ns_names, options(given)))
        return {name: mapping(v) for name, v in mapping(found).items()}, revision.get_uint64()

    def flush(self):
        return self.manager("Flush")[0].get_uint64()

    def mark_good(self):
        return self.manager("MarkGood")[0].get_uint64()

    def restore(self, source="last-known-good", flags=0):
        return self.manager("Restore", "(st)", (source, flags))[0].get_uint64()

    def confirm(self, token):
        return self.manager("ConfirmChange", "(s)", (token,))[0].get_uint64()

    def cancel(self, token):
        return self.manager("CancelChange", "(s)", (token,))[0].get_uint64()

    def pending_changes(self, **given):
        """ListPendingChanges: {revision: dict}."""
        found = self.manager("ListPendingChanges", "(a{sv})", (given,))[0].unpack()
        return {int(revision): about for revision, about in found.items()}

    def statistics(self):
        return mapping(self.manager("GetStatistics", "(t)", (0,))[0])

    def reload(self):
        self.manager("Reload")

    def get_property(self, path, interface, name):
        reply = self.call(path, names.PROPERTIES, "Get", "(ss)", (interface, name))
        return reply[0]

    def set_property(self, path, interface, name, thing):
        self.call(path, names.PROPERTIES, "Set", "(ssv)", (interface, name, value(thing)))

    def get_all(self, path, interface):
        return mapping(self.call(path, names.PROPERTIES, "GetAll", "(s)", (interface,))[0])

    def introspect(self, path):
        return self.call(path, names.INTROSPECTABLE, "Introspect")[0].get_string()

    def managed_objects(self, path=names.ROOT_PATH):
        reply = self.call(path, names.OBJECT_MANAGER, "GetManagedObjects")[0]
        objects = {}
        for index in range(reply.n_children()):
            object_path, interfaces = children(reply.get_child_value(index))
            objects[object_path.get_string()] = {
                name: mapping(properties) for name, properties in mapping(interfaces).items()
            }
        return objects

    def property(self, name):
        """A property of the Manager, as a Python value."""
        return self.get_property(names.ROOT_PATH, names.MANAGER, name).unpack()

    def revision(self):
        return self.property("Revision")


class Namespace:
    """A namespace as one caller sees it."""

    def __init__(self, caller, name):
        self.caller = caller
        self.name = name
        self.path = names.path_of(name)

    def seen_by(self, caller):
        return Namespace(caller, self.name)

    def call(self, member, signature="()", arguments=(), **how):
        return self.caller.call(
            self.path, names.NAMESPACE, member, signature, arguments, **how
        )

    def start(self, member, signature="()", arguments=(), **how):
        return self.caller.start(
            self.path, names.NAMESPACE, member, signature, arguments, **how
        )

    def get(self, key, **how):
        return self.call("Get", "(s)", (key,), **how)[0]

    def set(self, key, thing, **how):
        return self.call("Set", "(sv)", (key, value(thing)), **how)[0].get_uint64()

    def start_set(self, key, thing, **how):
        return self.start("Set", "(sv)", (key, value(thing)), **how)

    def delete(self, key):
        return self.call("Delete", "(s)", (key,))[0].get_uint64()

    def apply(self, set_=None, unset=(), flags=0, **given):
        """Namespace.Apply; returns the revision and the result as a dict."""
        arguments = (values(set_ or {}), list(unset), flags, options(given))
        revision, result = self.call("Apply", "(a{sv}asta{sv})", arguments)
        return revision.get_uint64(), result.unpack()

    def start_apply(self, set_=None, unset=(), flags=0, **given):
        arguments = (values(set_ or {}), list(unset), flags, options(given))
        return self.start("Apply", "(a{sv}asta{sv})", arguments)

    def get_many(self, keys=(), **given):
        found, revision = self.call("GetMany", "(asa{sv})", (list(keys), options(given)))
        return mapping(found), revision.get_uint64()

    def everything(self):
        """All keys and values, by as many pages as it takes."""
        found, after = {}, ""
        while True:
            page, _ = self.get_many(after=after, limit=1000)
            found.update(page)
            if len(page) < 1000:
                return found
            after = max(page)

    def get_changes(self, since, **given):
        """What is different now: {key: value}, the keys that are gone, and the revision."""
        changed, removed, revision = self.call("GetChanges", "(ta{sv})", (since, options(given)))
        return mapping(changed), removed.unpack(), revision.get_uint64()

    def list(self, prefix="", after="", limit=0):
        keys, revision = self.call("List", "(ssu)", (prefix, after, limit))
        return keys.unpack(), revision.get_uint64()

    def keys(self):
        return self.list()[0]

    def describe(self, key):
        return mapping(self.call("Describe", "(s)", (key,))[0])

    def set_access(self, **given):
        self.call("SetAccess", "(a{sv})", (options(given),))

    def property(self, name):
        return self.caller.get_property(self.path, names.NAMESPACE, name).unpack()

    def properties(self):
        return {
            name: v.unpack() for name, v in self.caller.get_all(self.path, names.NAMESPACE).items()
        }

    def value_get(self, key):
        return self.caller.get_property(self.path, names.VALUES, key)

    def value_set(self, key, thing):
        self.caller.set_property(self.path, names.VALUES, key, thing)

    def value_all(self):
        return self.caller.get_all(self.path, names.VALUES)

    def introspect(self):
        return self.caller.introspect(self.path)

    def watch_values(self):
        """The PropertiesChanged of this namespace's Values, from now on."""
        return self.caller.subscribe(
            interface=names.PROPERTIES, member="PropertiesChanged", path=self.path, arg0=names.VALUES
        )
