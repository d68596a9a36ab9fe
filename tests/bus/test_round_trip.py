# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every D-Bus type but descriptors comes back with the same type and the same bits, also after a restart."""

import struct

import pytest
from gi.repository import GLib
from regent_testing.api import blob, mapping
from regent_testing.names import Error
from regent_testing.checks import nothing_changed, refused

V = GLib.Variant


def double(bits):
    """A `d` with exactly these 64 bits."""
    content = GLib.Bytes.new(struct.pack("<Q", bits))
    return GLib.Variant.new_from_bytes(GLib.VariantType("d"), content, False)


def bits(value):
    return value.get_type_string(), value.get_data_as_bytes().get_data()


VALUES = {
    "y": [V("y", 0), V("y", 255)],
    "b": [V("b", True), V("b", False)],
    "n": [V("n", -32768), V("n", 32767)],
    "q": [V("q", 0), V("q", 65535)],
    "i": [V("i", -(2**31)), V("i", 2**31 - 1)],
    "u": [V("u", 0), V("u", 2**32 - 1)],
    "x": [V("x", -(2**63)), V("x", 2**63 - 1)],
    "t": [V("t", 0), V("t", 2**64 - 1)],
    "d": [
        V("d", 0.1), double(0x8000000000000000), double(0x7FF0000000000000), double(0x0000000000000001),
        double(0x7FF8000000000000), double(0x7FF4DEADBEEF0001), double(0xFFFFFFFFFFFFFFFF),
    ],
    "s": [V("s", ""), V("s", "a"), V("s", "ünïcödé \U0001f600 \u200b \x01\x1b[31m"), V("s", "x" * 70000)],
    "o": [V("o", "/"), V("o", "/org/example/A_1")],
    "g": [V("g", ""), V("g", "a{sv}(ii)")],
    "v": [V("v", V("s", "x")), V("v", V("v", V("v", V("u", 1))))],
    "ay": [V("ay", b""), V("ay", bytes(range(256)))],
    "as": [V("as", []), V("as", ["", "a", "ü"])],
    "empty arrays": [
        V("au", []), V("a(ss)", []), V("a{sv}", {}), V("a{us}", {}), V("aau", []), V("aau", [[], [1], []]),
        V("av", []), V("a{oas}", {}), V("(asau)", ([], [])), V("aa{sv}", [{}]), V("ad", []), V("aay", [b"", b"x"]),
    ],
    "structs": [V("(y)", (1,)), V("(ybnqiuxtdsog)", (1, True, 2, 3, 4, 5, 6, 7, 1.5, "s", "/o", "u")),
                V("((y)(t))", ((1,), (2,))), V("a(yt)", [(1, 2), (3, 4)])],
    "dictionaries": [V("a{sv}", {"a": V("u", 1), "b": V("as", ["x"])}), V("a{us}", {1: "a", 2: "b"}),
                     V("a{ys}", {1: "a"}), V("a{d(iu)}", {0.5: (1, 2)}), V("a{sa{sv}}", {"x": {"y": V("b", True)}})],
    "variants in arrays": [V("av", [V("s", "x"), V("u", 1), V("av", [])])],
    "arrays of fixed size": [V("ab", [True, False]), V("an", [-1, 1]), V("at", [2**64 - 1]), V("ad", [0.5, -0.0])],
}  # fmt: skip

CASES = [
    pytest.param(v, id=f"{name}-{index}")
    for name, group in VALUES.items()
    for index, v in enumerate(group)
]


@pytest.mark.parametrize("value", CASES)
def test_by_methods_and_properties(ns, value):
    log = ns.watch_values()
    ns.set("a", value)
    assert bits(ns.get("a")) == bits(value)
    assert bits(ns.value_get("a")) == bits(value)
    assert bits(ns.value_all()["a"]) == bits(value)
    assert bits(ns.get_many()[0]["a"]) == bits(value)
    assert bits(ns.get_many(["a"])[0]["a"]) == bits(value)
    assert ns.describe("a")["type"].unpack() == value.get_type_string()
    signal = log.wait_for()
    if value.get_size() <= 4096:
        assert bits(signal.changed["a"]) == bits(value)
    else:
        assert signal.invalidated == ["a"]
    ns.value_set("b", value)
    assert bits(ns.get("b")) == bits(value)
    ns.apply({"c": value})
    assert bits(ns.get("c")) == bits(value)
    log.close()


@pytest.mark.parametrize("value", CASES)
def test_an_equal_value_is_no_change(ns, value):
    revision = ns.set("a", value)
    assert ns.set("a", value) == revision


def nested_variant(depth):
    """depth containers around a byte, all of them variants."""
    value = V("y", 7)
    for _ in range(depth):
        value = V("v", value)
    return value


def nested_array(depth):
    return GLib.Variant.parse(
        GLib.VariantType("a" * depth + "y"), "[" * depth + "7" + "]" * depth, None, None
    )


def nested_struct(depth):
    text = "(" * depth + "byte 7" + ",)" * depth
    return GLib.Variant.parse(GLib.VariantType("(" * depth + "y" + ")" * depth), text, None, None)


def nested_dictionary(depth):
    """Each level an a{sv}: an array and a variant, while a dictionary's entry is no container of its own."""
    value = V("y", 7)
    for _ in range(depth // 2):
        value = V("a{sv}", {"k": value})
    return value


@pytest.mark.parametrize("nested", [nested_variant, nested_array, nested_struct, nested_dictionary])
def test_nested_to_32(root, ns, nested):
    value = nested(32)
    ns.set("a", value)
    assert bits(ns.get("a")) == bits(value)
    assert bits(ns.value_get("a")) == bits(value)
    entry = ns.get_many(["a"], form="entries")[0]["a"]
    assert bits(mapping(entry)["value"]) == bits(value)


@pytest.mark.parametrize(
    "value",
    [nested_variant(33), nested_variant(60), V("v", nested_array(32)), V("v", nested_struct(32)),
     nested_dictionary(34)],
    ids=["33 variants", "60 variants", "32 arrays in a variant", "32 structs in a variant", "17 a{sv}"],
)  # fmt: skip
def test_nested_deeper(root, ns, value):
    with nothing_changed(root, ns):
        with refused(Error.InvalidValue, "a"):
            ns.set("a", value)
        with refused(Error.InvalidValue, "a"):
            ns.value_set("a", value)
        with refused(Error.InvalidValue, "a"):
            ns.apply({"ok": 1, "a": value})


def test_blob_of_a_mebibyte(ns):
    content = bytes(range(256)) * 4096
    ns.set("a", blob(content))
    assert ns.get("a").get_data_as_bytes().get_data() == content
    assert ns.describe("a")["size"].unpack() == 1 << 20


def test_value_over_a_mebibyte(root, ns):
    with nothing_changed(root, ns):
        for attempt in (ns.set, ns.value_set):
            with refused(Error.TooBig, "a"):
                attempt("a", blob(bytes((1 << 20) + 1)))
        with refused(Error.TooBig, "a"):
            ns.apply({"ok": 1, "a": blob(bytes((1 << 20) + 1))})


def test_string_of_nearly_a_mebibyte(ns):
    text = "ü" * ((1 << 19) - 1) + "x"
    ns.set("a", text)
    assert ns.get("a").get_string() == text


def test_all_of_them_survive_a_kill_and_a_restart(stack):
    made = stack()
    ns = made.root.create("org.example.RoundTrip")
    expected = {}
    for case in CASES:
        expected[case.id.replace(" ", "_")] = case.values[0]
    ns.apply(expected)
    ns.set("blob", blob(bytes(range(256)) * 4096))
    for _ in range(2):
        made.regentd.kill()
        made.regentd.start()
        for key, value in expected.items():
            assert bits(ns.get(key)) == bits(value), key
        assert ns.get("blob").get_size() == 1 << 20
        made.regentd.restart()
        for key, value in expected.items():
            assert bits(ns.get(key)) == bits(value), key
