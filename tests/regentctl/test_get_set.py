# SPDX-License-Identifier: LGPL-2.1-or-later
"""get and set: what people type, and what scripts read."""

import json

import pytest
from ctl import CONFLICT, INVALID, NOT_FOUND, REFUSED, USAGE
from gi.repository import GLib


def stored(space, key):
    value = space.get(key)
    return value.get_type_string(), value.unpack()


@pytest.mark.parametrize(
    "text,expected",
    [
        ("1500", ("i", 1500)),
        ("-5", ("i", -5)),
        ("2147483648", ("x", 2147483648)),
        ("9223372036854775808", ("t", 9223372036854775808)),
        ("1.5", ("d", 1.5)),
        ("true", ("b", True)),
        ("false", ("b", False)),
        ("yes", ("s", "yes")),
        ("007", ("s", "007")),
        ("hello world", ("s", "hello world")),
        ("", ("s", "")),
        ("[1,2]", ("s", "[1,2]")),
        ("/etc/passwd", ("s", "/etc/passwd")),
    ],
)
def test_set_guesses_and_says_so(ctl, ns, text, expected):
    said = ctl("set", ns.name, "k", text)
    assert stored(ns, "k") == expected
    assert not said.out
    assert f"k = {expected[0]} " in said.err and "(guessed its type)" in said.err
    assert f"revision {ns.describe('k')['revision'].unpack()}" in said.err


@pytest.mark.parametrize(
    "signature,text,expected",
    [
        ("u", "1500", 1500), ("s", "10", "10"), ("y", "0xff", 255), ("d", "3", 3.0), ("b", "yes", True),
        ("as", '["a","b"]', ["a", "b"]), ("a{si}", '{"a":1}', {"a": 1}), ("(is)", '[1,"x"]', (1, "x")),
        ("o", "/org/x", "/org/x"), ("g", "a{sv}", "a{sv}"), ("v", "1", 1),
    ],
)  # fmt: skip
def test_type_decides(ctl, ns, signature, text, expected):
    said = ctl("set", ns.name, "k", text, "--type=" + signature)
    assert stored(ns, "k") == (signature, expected)
    assert "guessed" not in said.err and "kept" not in said.err


def test_an_existing_key_keeps_its_type(ctl, ns):
    ns.set("k", GLib.Variant("u", 1))
    assert "(kept its type)" in ctl("set", ns.name, "k", "7").err
    assert stored(ns, "k") == ("u", 7)
    ns.set("s", "text")
    ctl("set", ns.name, "s", "7")
    assert stored(ns, "s") == ("s", "7")


def test_a_value_of_another_type_is_invalid(ctl, ns):
    ns.set("k", GLib.Variant("u", 1))
    error = ctl.failure("set", ns.name, "k", "many", status=INVALID)
    assert "type u" in error["hint"] and "--type=" in error["hint"]
    assert stored(ns, "k") == ("u", 1)
    ctl("set", ns.name, "k", "many", "--type=s")
    assert stored(ns, "k") == ("s", "many")


def test_a_type_that_is_none_is_invalid(ctl, ns):
    for signature in ("q!", "ss", "h", "", "a"):
        ctl("set", ns.name, "k", "1", "--type=" + signature, status=INVALID)
    assert not ns.keys()


def test_bytes_come_from_a_file(ctl, ns, tmp_path):
    content = bytes(range(256))
    path = tmp_path / "blob"
    path.write_bytes(content)
    ctl("set", ns.name, "k", "--from-file=" + str(path))
    assert stored(ns, "k") == ("ay", list(content))
    ctl("set", ns.name, "k", "--from-file=-", stdin=b"a\0b")
    assert stored(ns, "k") == ("ay", [97, 0, 98])
    assert ctl("get", ns.name, "k", "--raw").out_bytes == b"a\0b"


def test_text_comes_from_a_file_exactly(ctl, ns):
    ctl("set", ns.name, "k", "--from-file=-", "--type=s", stdin="two\nlines\n")
    assert stored(ns, "k") == ("s", "two\nlines\n")
    ctl("set", ns.name, "k", "--from-file=-", stdin="again\n")  # it is a string, and stays one
    assert stored(ns, "k") == ("s", "again\n")


def test_a_file_of_another_type_is_invalid(ctl, ns):
    ctl("set", ns.name, "k", "--from-file=-", "--type=u", stdin="5", status=INVALID)
    ctl("set", ns.name, "k", "--from-file=-", "--type=s", stdin=b"\xff", status=INVALID)
    ctl("set", ns.name, "k", "--from-file=-", "--type=s", stdin=b"a\0b", status=INVALID)
    ctl("set", ns.name, "k", "--from-file=/nonexistent", status=NOT_FOUND)
    assert not ns.keys()


def test_a_value_is_never_a_file_name(ctl, ns, tmp_path):
    path = tmp_path / "file"
    path.write_text("content")
    for text in (str(path), "@" + str(path)):
        ctl("set", ns.name, "k", text)
        assert stored(ns, "k") == ("s", text)


def test_set_in_json(ctl, root, ns):
    document = ctl.json("set", ns.name, "k", "1500")
    assert document == {"revision": root.revision(), "key": "k", "value": {"type": "i", "data": 1500}}


def test_quiet_set_says_nothing(ctl, ns):
    said = ctl("set", "-q", ns.name, "k", "1")
    assert not said.out and not said.err


def test_create_only_and_change_only(ctl, ns):
    ctl("set", ns.name, "k", "1", "--change-only", status=NOT_FOUND)
    ctl("set", ns.name, "k", "1", "--create-only")
    ctl("set", ns.name, "k", "2", "--create-only", status=CONFLICT)
    assert stored(ns, "k") == ("i", 1)
    ctl("set", ns.name, "k", "2", "--change-only")
    assert stored(ns, "k") == ("i", 2)


def test_class_and_reason(ctl, ns, service):
    ctl("set", ns.name, "k", "1", "--class=runtime", "--reason=because of the test")
    assert ns.describe("k")["class"].unpack() == "runtime"
    assert "because of the test" in service.regentd.log()
    ctl("set", ns.name, "k", "1", "--class=nonsense", status=INVALID)


def test_session_is_for_programs(ctl, ns, root):
    assert "connection" in ctl("set", ns.name, "k", "1", "--class=session", status=REFUSED).err
    ns.apply({"k": 1}, class_="session")
    described = ctl("describe", ns.name, "k").out
    assert f"Goes with: {root.unique_name()}" in " ".join(described.split())
    document = ctl.json("describe", ns.name, "k")
    assert document["class"] == "session" and document["session"] == root.unique_name()
    said = ctl("set", ns.name, "k", "2")
    assert "persistent now" in said.out + said.err
    assert ns.describe("k")["class"].unpack() == "persistent"


def test_durability(ctl, ns, root):
    ctl("set", ns.name, "k", "1", "--durability=lazy")
    assert stored(ns, "k") == ("i", 1)
    assert root.property("Dirty")
    shown = ctl("status").out
    assert f"Revision: {root.revision()}, on disk up to {root.property('DurableRevision')}\n" in shown
    document = ctl.json("status")
    assert document["dirty"] is True and document["durable-revision"] < document["revision"]
    ctl("set", ns.name, "other", "1", "--durability=sync")
    assert ctl.json("status")["dirty"] is False

    ctl("apply", ns.name, "k=2", "--durability=lazy")
    ctl("delete", ns.name, "other", "--durability=lazy")
    ctl("reset", ns.name, "k", "--durability=lazy")
    assert root.property("Dirty")
    assert f"On disk up to revision {root.revision()}." in ctl("flush").err
    assert not root.property("Dirty")
    ctl("set", ns.name, "k", "1", "--durability=later", status=INVALID)


def test_a_declared_type_is_kept(stack):
    # pylint: disable=import-outside-toplevel
    from ctl import Regentctl

    service = stack()
    directory = service.regentd.namespaces_dir
    with open(f"{directory}/org.example.Declared.conf", "w", encoding="utf-8") as file:
        file.write("[Key mtu]\nType=u\nDefault=1500\nMaximum=9216\n")
    service.regentd.restart()
    ctl = Regentctl(service.bus)
    assert "u 1400 (kept its type)" in ctl("set", "org.example.Declared", "mtu", "1400").err
    error = ctl.failure("set", "org.example.Declared", "mtu", "10000", status=INVALID)
    assert "9216" in error["text"]
    ctl("reset", "org.example.Declared", "mtu")
    assert ctl("get", "org.example.Declared", "mtu").out == "1500\n"
    assert ctl("list", "org.example.Declared").out == "mtu\n"
    assert ctl("list", "org.example.Declared", "--changed").out == ""
    assert ctl.json("get", "org.example.Declared", "--changed") == {}
    ctl("set", "org.example.Declared", "mtu", "1400")
    assert ctl("list", "org.example.Declared", "--changed").out == "mtu\n"
    assert ctl.json("describe", "org.example.Declared", "mtu")["maximum"] == {"type": "u", "data": 9216}
    described = ctl("describe", "org.example.Declared", "mtu").out
    assert "Maximum: 9216" in described and f"{directory}/org.example.Declared.conf" in described
    assert f"{directory}/org.example.Declared.conf" in ctl("status", "org.example.Declared").out


@pytest.mark.parametrize(
    "value,bare",
    [
        (GLib.Variant("s", "plain"), "plain"),
        (GLib.Variant("s", "two\nlines"), "two\nlines"),
        (GLib.Variant("s", "\x1b[31m"), "\x1b[31m"),
        (GLib.Variant("u", 7), "7"),
        (GLib.Variant("b", True), "true"),
        (GLib.Variant("d", 0.1), "0.1"),
        (GLib.Variant("t", 18446744073709551615), "18446744073709551615"),
        (GLib.Variant("as", ["a", "b"]), '["a","b"]'),
    ],
)
def test_get_into_a_pipe_is_bare(ctl, ns, value, bare):
    ns.set("k", value)
    assert ctl("get", ns.name, "k").out_bytes == bare.encode() + b"\n"
    assert ctl("get", "--raw", ns.name, "k").out_bytes == bare.encode()


def test_what_get_prints_set_takes(ctl, ns):
    for value in (GLib.Variant("as", ["a b", "\u2028", '"']), GLib.Variant("d", -0.0), GLib.Variant("x", -(2**63))):
        ns.set("k", value)
        ctl("set", ns.name, "copy", "--type=" + value.get_type_string(), "--", ctl("get", ns.name, "k").out[:-1])
        assert ns.get("copy").equal(value)


def test_get_in_json(ctl, ns):
    ns.apply({"b": GLib.Variant("u", 30), "a": "text"})
    assert ctl("get", ns.name, "b", "--json=short").out == '{"type":"u","data":30}\n'
    assert json.loads(ctl("get", ns.name, "b", "--json=pretty").out) == {"type": "u", "data": 30}
    everything = {"a": {"type": "s", "data": "text"}, "b": {"type": "u", "data": 30}}
    assert ctl.json("get", ns.name) == everything
    assert ctl.json("get", ns.name, "b", "a") == everything


def test_get_several(ctl, ns):
    ns.apply({"b": 1, "a": "text", "c": True})
    assert ctl("get", ns.name, "b", "a").out == 'KEY TYPE VALUE\nb   x    1\na   s    "text"\n'
    assert ctl("get", ns.name, "b", "a", "--no-legend").out == 'b x 1\na s "text"\n'
    assert ctl("get", ns.name, "--prefix=c", "--no-legend").out == "c b true\n"
    error = ctl.failure("get", ns.name, "b", "missing", status=NOT_FOUND)
    assert "missing" in error["text"] and error["name"].endswith(".NoSuchKey")


def test_columns_are_never_cut_or_tabbed_in_a_pipe(ctl, ns):
    ns.apply({"k" * 255: "x" * 5000, "tab": "a\tb\nc"})
    printed = ctl("get", ns.name).out
    assert "x" * 5000 in printed and "k" * 255 in printed
    assert "\t" not in printed and len(printed.splitlines()) == 3


def test_default(ctl, ns):
    assert ctl("get", ns.name, "k", "--default=7").out == "7\n"
    assert ctl("get", "org.example.Nowhere", "k", "--default=").out == "\n"
    assert ctl("get", ns.name, "k", "--default=7", "--raw").out == "7"
    assert ctl.json("get", ns.name, "k", "--default=7") == {"type": "s", "data": "7"}
    ns.set("k", 1)
    assert ctl("get", ns.name, "k", "--default=7").out == "1\n"
    assert ctl("get", ns.name, "k", "x", "--default=7", "--no-legend").out == 'k x 1\nx s "7"\n'


def test_default_where_there_is_no_namespace(ctl):
    nowhere = ("get", "org.example.Nowhere", "a", "b")
    assert ctl(*nowhere, "--default=7", "--no-legend").out == 'a s "7"\nb s "7"\n'
    assert ctl.json(*nowhere, "--default=7") == {key: {"type": "s", "data": "7"} for key in "ab"}
    ctl(*nowhere, status=NOT_FOUND)
    ctl("get", "wrong", "a", "b", "--default=7", status=INVALID)


def test_a_missing_key_is_no_empty_output(ctl, ns):
    result = ctl("get", ns.name, "k", status=NOT_FOUND)
    assert not result.out and "'k'" in result.err and f"regentctl list {ns.name}" in result.err
    result = ctl("get", "org.example.Nowhere", "k", status=NOT_FOUND)
    assert not result.out and "regentctl create org.example.Nowhere" in result.err


def test_an_empty_namespace(ctl, ns):
    result = ctl("get", ns.name)
    assert not result.out and result.err == "No keys.\n"
    assert ctl.json("get", ns.name) == {}


def test_a_megabyte(ctl, ns):
    text = "ä" * (2**19 - 64)
    ctl("set", ns.name, "k", "--from-file=-", "--type=s", stdin=text)
    assert ctl("get", ns.name, "k").out == text + "\n"
    assert ctl.json("get", ns.name, "k")["data"] == text


def test_many_large_values_are_read_in_parts(ctl, ns):
    for number in range(6):
        ns.set(f"k{number}", b"x" * 900000)
    assert [line.split()[0] for line in ctl("get", ns.name, "--no-legend").lines] == [f"k{n}" for n in range(6)]


def test_a_name_that_is_none(ctl):
    for ns_name in ("x", "", "a..b", "1a.b", "a.b/c", "a.b-c"):
        error = ctl.failure("get", ns_name, "k", status=INVALID)
        assert error["name"].endswith(".InvalidName")
    ctl("get", "org.example.A", "", status=INVALID)


def test_set_needs_a_value(ctl, ns):
    assert "--from-file" in ctl("set", ns.name, "k", status=USAGE).err


def test_a_default_stands_in_for_what_one_may_not_read(ctl_as, root, name):
    root.create(name, mode=0o600).set("k", "hidden")

    assert ctl_as("bob")("get", name, "k", "--default=5").out == "5\n"
    assert ctl_as("bob")("get", "org.example.Nowhere", "k", "--default=5").out == "5\n"


def test_a_runtime_key_that_becomes_persistent_is_told(ctl, space):
    ctl("set", space.name, "r", "1", "--class=runtime")
    assert "(kept its type; persistent now)" in ctl("set", space.name, "r", "2").err
    assert space.describe("r")["class"].unpack() == "persistent"
    ctl("set", space.name, "s", "1", "--class=runtime")
    assert "persistent now" not in ctl("set", space.name, "s", "2", "--class=runtime").err
