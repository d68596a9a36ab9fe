# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names, keys, sizes and signatures that are wrong: the named error, a text that says what, and nothing changed.

What no D-Bus library would send goes over a socket of our own.
"""


import pytest
from gi.repository import GLib
from regent_testing.api import RegentError, blob, change
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import (
    INTROSPECTABLE, MANAGER, NAMESPACE, OBJECT_MANAGER, PEER, PROPERTIES, ROOT_PATH, VALUES, Error,
)  # fmt: skip
from regent_testing.waiting import Deadline
from regent_testing.wire import Disconnected, marshal

BAD_NAMES = {
    "empty": "",
    "one label": "org",
    "leading dot": ".org.example",
    "trailing dot": "org.example.",
    "two dots": "org..example",
    "digit first": "org.1example",
    "dash": "org.exa-mple",
    "slash": "org/example",
    "up": "org.example/../other",
    "dots only": "..",
    "space": "org.exa mple",
    "control": "org.exa\x01mple",
    "newline": "org.example\nX",
    "escape": "org.\x1b[31mexample",
    "umlaut": "org.exämple",
    "201 bytes": "org." + "x" * 197,
    "256 bytes": "org." + "x" * 252,
    "64 KiB": "org." + "x" * 65532,
}
BAD_KEYS = {
    "empty": "",
    "256 bytes": "x" * 256,
    "64 KiB": "x" * 65536,
    "space": "a b",
    "control": "a\x01b",
    "newline": "a\n",
    "delete": "a\x7f",
    "escape": "\x1b[31ma",
    "umlaut": "ä",
    "emoji": "\U0001f600",
    "equals": "a=b",
    "star": "*",
    "quote": "a'b",
    "percent": "%s%n",
    "backslash": "a\\b",
}


def each(table):
    return pytest.mark.parametrize("bad", table.values(), ids=table.keys())


@each(BAD_NAMES)
def test_bad_names(root, bad):
    with nothing_changed(root):
        for attempt in (
            lambda: root.manager("CreateNamespace", "(sa{sv})", (bad, {})),
            lambda: root.remove(bad),
            lambda: root.get_namespace(bad),
            lambda: root.apply_all({bad: change({"a": 1})}),
            lambda: root.get_many([bad]),
        ):
            with refused(Error.InvalidName) as refusal:
                attempt()
            assert_printable(refusal.text)


@pytest.mark.parametrize("good", ["a.b", "_.a", "A1._2", "org." + "x" * 196])
def test_good_names(root, good):
    made = root.create(good)
    made.set("a", 1)
    assert made.get("a").unpack() == 1
    root.remove(good, 1)


@each(BAD_KEYS)
def test_bad_keys(root, ns, bad):
    ns.set("a", 1)
    with nothing_changed(root, ns):
        for attempt in (
            lambda: ns.get(bad),
            lambda: ns.set(bad, 1),
            lambda: ns.delete(bad),
            lambda: ns.describe(bad),
            lambda: ns.get_many([bad]),
            lambda: ns.apply({"ok": 1, bad: 1}),
            lambda: ns.apply({"ok": 1}, [bad]),
            lambda: ns.apply({"ok": 1}, expect={bad: 0}),
            lambda: ns.value_set(bad, 1),
            lambda: root.apply_all({ns.name: change({bad: 1})}),
        ):
            with refused(Error.InvalidName) as refusal:
                attempt()
            assert_printable(refusal.text)


@each(BAD_KEYS)
def test_bad_keys_as_properties_are_not_there(ns, bad):
    with pytest.raises(RegentError) as caught:
        ns.value_get(bad)
    assert caught.value.name in (Error.InvalidName, Error.UnknownProperty, Error.NoSuchKey)
    assert_printable(caught.value.text)


@each(BAD_KEYS)
def test_bad_keys_in_options(root, ns, bad):
    with nothing_changed(root, ns), pytest.raises(RegentError) as caught:
        ns.apply({"ok": 1}, classes={bad: "runtime"})
    assert caught.value.name in (Error.InvalidName, Error.InvalidArgs)
    assert_printable(caught.value.text)


def assert_printable(text):
    """Names are hostile text: an error quotes what can be printed, and not all of a long one."""
    assert text.isprintable(), repr(text)
    assert len(text) < 1000


@pytest.mark.parametrize("good", ["a", "x" * 255, ".", "..", "../..", "/", "-", ":", "a/b.c:d_e-f", "0"])
def test_good_keys(ns, good):
    """A key is only a name: dots and slashes in it lead nowhere."""
    ns.set(good, 1)
    assert ns.get(good).unpack() == 1
    assert ns.keys() == [good]
    ns.delete(good)


@pytest.mark.parametrize("prefix", ["\x01", "a b", "x" * 5000], ids=["control", "space", "long"])
def test_listing_below_what_no_key_begins_with(ns, prefix):
    ns.set("a", 1)
    for attempt in (
        lambda: ns.list(prefix)[0],
        lambda: list(ns.get_many(prefix=prefix)[0]),
    ):
        try:
            assert attempt() == []
        except RegentError as error:
            assert error.name == Error.InvalidName


@pytest.mark.parametrize(
    "given",
    [{"owner": GLib.Variant("s", "root")}, {"owner": GLib.Variant("t", 1)}, {"mode": GLib.Variant("i", 420)},
     {"group": GLib.Variant("as", [])}, {"quota-keys": GLib.Variant("u", 1)}, {"quota-bytes": GLib.Variant("x", 1)},
     {"nonsense": GLib.Variant("u", 1)}, {"Owner": GLib.Variant("u", 1)}],
    ids=lambda given: next(iter(given)) + "-" + next(iter(given.values())).get_type_string(),
)  # fmt: skip
def test_options_of_access(root, ns, name, given):
    option = next(iter(given))
    with nothing_changed(root, ns):
        with refused(Error.InvalidArgs, option):
            root.manager("CreateNamespace", "(sa{sv})", (name + ".New", given))
        with refused(Error.InvalidArgs, option):
            ns.call("SetAccess", "(a{sv})", ({"mode": GLib.Variant("u", 0o600), **given},))


@pytest.mark.parametrize(
    "given",
    [{"prefix": GLib.Variant("u", 1)}, {"limit": GLib.Variant("t", 1)}, {"after": GLib.Variant("ay", b"a")},
     {"nonsense": GLib.Variant("s", "")}],
    ids=lambda given: next(iter(given)),
)  # fmt: skip
def test_options_of_get_many(root, ns, given):
    with refused(Error.InvalidArgs, next(iter(given))):
        ns.call("GetMany", "(asa{sv})", ([], given))


def test_options_of_manager_get_many(root, ns):
    with refused(Error.InvalidArgs, "nonsense"):
        root.manager("GetMany", "(asa{sv})", ([ns.name], {"nonsense": GLib.Variant("s", "")}))


def test_options_of_manager_apply(root, ns):
    for given in ({"nonsense": GLib.Variant("s", "")}, {"class": GLib.Variant("u", 1)}):
        with nothing_changed(root, ns), refused(Error.InvalidArgs, next(iter(given))):
            root.manager("Apply", "(a{sv}ta{sv})", ({ns.name: change({"a": 1})}, 0, given))


def test_reply_over_its_limit_names_what_to_do(root, ns):
    for n in range(3):
        ns.set(f"k{n}", blob(bytes(900 << 10)))
    with refused(Error.LimitsExceeded, "limit", "after"):
        ns.get_many()
    with refused(Error.LimitsExceeded):
        ns.get_many(["k0", "k1", "k2"])
    with refused(Error.LimitsExceeded, "GetMany"):
        root.get_many([ns.name])
    assert list(ns.get_many(limit=2)[0]) == ["k0", "k1"]
    assert list(ns.get_many(limit=2, after="k1")[0]) == ["k2"]


SIGNATURES = {
    # member: (interface, right signature), some wrong ones are made from it
    "Get": (NAMESPACE, "s"),
    "Set": (NAMESPACE, "sv"),
    "Delete": (NAMESPACE, "s"),
    "GetMany": (NAMESPACE, "asa{sv}"),
    "GetChanges": (NAMESPACE, "ta{sv}"),
    "List": (NAMESPACE, "ssu"),
    "Describe": (NAMESPACE, "s"),
    "Apply": (NAMESPACE, "a{sv}asta{sv}"),
    "SetAccess": (NAMESPACE, "a{sv}"),
}


@pytest.mark.parametrize("member", SIGNATURES)
@pytest.mark.parametrize("wrong", ["", "u", "ss", "a{ss}", "(s)", "v", "svs", "ay"])
def test_wrong_signatures(service, root, ns, member, wrong):
    samples = {
        "": (), "u": (1,), "ss": ("a", "b"), "a{ss}": ({},), "(s)": (("a",),), "v": (("s", "a"),),
        "svs": ("a", ("u", 1), "b"), "ay": (b"a",),
    }  # fmt: skip
    raw = service.raw()
    with nothing_changed(root, ns), refused(Error.InvalidArgs):
        raw.call(ns.path, SIGNATURES[member][0], member, wrong, samples[wrong])
    raw.close()


@pytest.mark.parametrize(
    "member, wrong, things",
    [("Get", "s", (VALUES,)), ("Get", "sss", (VALUES, "a", "b")), ("Set", "ss", (VALUES, "a")),
     ("Set", "sss", (VALUES, "a", "b")), ("Set", "ssvv", (VALUES, "a", ("u", 1), ("u", 1))),
     ("GetAll", "", ()), ("GetAll", "u", (1,))],
)  # fmt: skip
def test_wrong_signatures_of_properties(service, root, ns, member, wrong, things):
    raw = service.raw()
    with nothing_changed(root, ns), refused(Error.InvalidArgs):
        raw.call(ns.path, PROPERTIES, member, wrong, things)
    raw.close()


@pytest.mark.parametrize(
    "interface, member",
    [(PROPERTIES, "Nonsense"), (INTROSPECTABLE, "Nonsense"), (PEER, "Nonsense"), (VALUES, "Get"),
     (OBJECT_MANAGER, "GetManagedObjects"), (MANAGER, "Flush")],
)  # fmt: skip
def test_members_of_other_interfaces(service, root, ns, interface, member):
    raw = service.raw()
    with nothing_changed(root, ns), pytest.raises(Exception) as caught:
        raw.call(ns.path, interface, member)
    assert caught.value.name in (
        Error.UnknownMethod, Error.UnknownInterface, Error.AccessDenied, Error.InvalidArgs,
    )  # fmt: skip
    raw.close()


def test_call_without_an_interface(service, root, ns):
    ns.set("a", 1)
    raw = service.raw()
    try:
        raw.call(ns.path, None, "Get", "s", ("a",))
    except Exception as error:
        assert error.name in (Error.UnknownMethod, Error.AccessDenied, Error.InvalidArgs)
    raw.close()


def test_properties_of_no_interface(root, ns):
    """An empty interface name means all of them, where the interface is documented to take it."""
    ns.set("a", 1)
    try:
        found = root.get_all(ns.path, "")
        assert "Mode" in found or found == {}
    except RegentError as error:
        assert error.name in (Error.InvalidArgs, Error.UnknownInterface)
    try:
        root.set_property(ns.path, "", "a", 2)
        assert ns.get("a").unpack() == 2
    except RegentError as error:
        assert error.name in (Error.InvalidArgs, Error.UnknownInterface)
        assert ns.get("a").unpack() == 1


@pytest.mark.parametrize(
    "value",
    [("h", 0), ("ah", [0]), ("(sh)", ("x", 0)), ("a{sv}", {"x": ("h", 0)}), ("v", ("v", ("h", 0))), ("ah", []),
     ("a{sh}", {}), ("av", [("av", [("h", 0)])])],
    ids=["h", "ah", "(sh)", "a{sv} of h", "h in variants", "ah, empty", "a{sh}, empty", "av av h"],
)  # fmt: skip
def test_value_with_a_descriptor(service, root, ns, value):
    """Without one beside it: with one the message comes from nobody, see test_channel_descriptors.py."""
    raw = service.raw()
    with nothing_changed(root, ns):
        for member, signature, things in (
            ("Set", "sv", ("a", value)),
            ("Apply", "a{sv}asta{sv}", ({"ok": ("u", 1), "a": value}, [], 0, {})),
        ):
            serial = raw.send(ns.path, NAMESPACE, member, signature, things)
            with refused(Error.InvalidValue, "a"):
                raw.reply(serial)
        serial = raw.send(ns.path, PROPERTIES, "Set", "ssv", (VALUES, "a", value))
        with refused(Error.InvalidValue, "a"):
            raw.reply(serial)
        serial = raw.send(
            ROOT_PATH, MANAGER, "Apply", "a{sv}ta{sv}",
            ({ns.name: ("a{sv}", {"set": ("a{sv}", {"a": value})})}, 0, {}),
        )  # fmt: skip
        with refused(Error.InvalidValue, "a"):
            raw.reply(serial)
    raw.close()
    root.ping()


def nested(depth, innermost=("y", 1)):
    value = innermost
    for _ in range(depth):
        value = ("v", value)
    return value


@pytest.mark.parametrize("depth", [33, 40, 63])
def test_nested_too_deep(service, root, ns, depth):
    """D-Bus itself goes to 64; the argument's own variant is the first."""
    raw = service.raw()
    with nothing_changed(root, ns), refused(Error.InvalidValue, "a"):
        raw.call(ns.path, NAMESPACE, "Set", "sv", ("a", nested(depth)))
    raw.close()


def test_deep_arrays_and_structs_in_variants(service, root, ns):
    deep = ("a" * 32 + "y", marshalled_empty(32))
    raw = service.raw()
    raw.call(ns.path, NAMESPACE, "Set", "sv", ("ok", deep))
    with nothing_changed(root, ns), refused(Error.InvalidValue, "a"):
        raw.call(ns.path, NAMESPACE, "Set", "sv", ("a", ("v", deep)))
    raw.close()


def marshalled_empty(depth):
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


def deep_expectations(depth):
    return {"expect": ("a{sv}", {"a": nested(depth, ("t", 1))})}


def test_options_nested_deep(service, root, ns):
    raw = service.raw()
    with nothing_changed(root, ns), refused(Error.InvalidArgs):
        things = ({"a": ("u", 1)}, [], 0, deep_expectations(50))
        raw.call(ns.path, NAMESPACE, "Apply", "a{sv}asta{sv}", things)
    raw.close()


BROKEN = {
    "bad UTF-8": ("sv", marshal("sv", (b"\xff\xfe", ("u", 1)))),
    "bad UTF-8 in the value": ("sv", marshal("sv", ("a", ("s", b"\xc3\x28")))),
    "NUL inside a string": ("sv", marshal("sv", (b"a\0b", ("u", 1)))),
    "a boolean of 2": ("sv", marshal("sv", ("a", ("u", 2))).replace(b"\1u\0", b"\1b\0")),
    "truncated": ("sv", marshal("sv", ("a", ("t", 1)))[:-4]),
    "trailing bytes": ("sv", marshal("sv", ("a", ("u", 1))) + b"\0\0\0\0"),
    "array longer than the message": ("ay", b"\xff\xff\0\0"),
    "a variant without a type": ("sv", marshal("s", ("a",)) + b"\0\0\0"),
    "a variant of two types": ("sv", marshal("s", ("a",)) + b"\2uu\0" + bytes(10)),
    "a bad type": ("sv", marshal("s", ("a",)) + b"\1!\0" + bytes(5)),
    "signature too deep": ("sv", marshal("s", ("a",)) + b"\x28" + b"a" * 39 + b"y\0" + bytes(4)),
    "a bad object path": ("o", marshal("s", ("not/a/path",))),
}


@pytest.mark.parametrize("signature, body", BROKEN.values(), ids=BROKEN.keys())
def test_messages_that_are_not_dbus_end_at_the_bus(service, root, ns, signature, body):
    """The bus drops who sends them. Nobody else notices."""
    raw = service.raw()
    with nothing_changed(root, ns):
        try:
            raw.send(ns.path, NAMESPACE, "Set", signature, body=body)
            raw.wait_disconnected()
        except Disconnected:
            pass
        root.ping()
    raw.close()


def test_replies_nobody_asked_for(service, root):
    raw = service.raw()
    for kind in (2, 3):
        message, _ = raw.build("/", None, "X", destination=service.regentd.name, kind=kind, reply_to=7)
        raw.send_bytes(message)
    root.ping()
    raw.close()


def test_signals_sent_to_the_service(service, root, ns):
    """NameOwnerChanged that does not come from the bus must not make regentd forget anyone."""
    raw = service.raw()
    body = marshal("sss", (root.unique_name(), root.unique_name(), ""))
    with nothing_changed(root, ns):
        for destination in (service.regentd.name, None):
            message, _ = raw.build(
                "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged", "sss", body,
                destination=destination, kind=4,
            )  # fmt: skip
            raw.send_bytes(message)
        root.ping()
    ns.set("a", 1)
    raw.close()


def test_calls_that_want_no_reply(service, root, ns):
    """They count like the others, and get none, not even an error."""
    raw = service.raw()
    raw.send(ns.path, NAMESPACE, "Set", "sv", ("a", ("u", 1)), flags=1)
    raw.send(ns.path, NAMESPACE, "Get", "s", ("nope",), flags=1)
    raw.send(ns.path, NAMESPACE, "Set", "sv", ("bad key", ("u", 1)), flags=1)
    last = raw.send(ns.path, NAMESPACE, "Set", "sv", ("b", ("u", 1)))
    assert raw.receive_reply(Deadline(10)).field(5) == last
    assert ns.keys() == ["a", "b"]
    raw.close()


@pytest.mark.parametrize("is_on_channel", [False, True])
def test_reads_that_want_no_reply(service, root, ns, is_on_channel):
    """They do nothing at all: else 168 bytes would cost as much as the largest reply does."""
    ns.set("a", 1)
    raw = service.raw()
    if is_on_channel:
        raw.take_channel()
    before = root.statistics()
    for _ in range(20):
        raw.send(ns.path, NAMESPACE, "OpenView", "a{sv}", ({},), flags=1)
        raw.send(ROOT_PATH, MANAGER, "Connect", "a{sv}", ({},), flags=1)
    raw.call(ROOT_PATH, PEER, "Ping")
    after = root.statistics()
    for each in ("views", "view-generations", "channels", "channels-made"):
        assert after[each].unpack() == before[each].unpack(), each
    raw.close()


def test_string_that_the_service_cannot_read(root, ns):
    """libsystemd takes no noncharacters, which D-Bus allows: an error, and the connection goes on."""
    with nothing_changed(root, ns):
        for attempt in (ns.set, ns.value_set):
            with refused(Error.InvalidValue, "a"):
                attempt("a", "\ufdd0")
        with refused(Error.InvalidValue, "a"):
            ns.apply({"ok": 1, "a": GLib.Variant("as", ["x", "\uffff"])})
    ns.set("a", 1)


def test_value_over_two_mebibytes_on_the_wire(service, root, ns):
    """A struct of one byte takes eight there and one at rest."""
    raw = service.raw()
    value = ("a(y)", [(1,)] * 300000)
    with nothing_changed(root, ns), refused(Error.TooBig, "a"):
        raw.call(ns.path, NAMESPACE, "Set", "sv", ("a", value))
    raw.close()
