# SPDX-License-Identifier: LGPL-2.1-or-later
"""regentctl dump and load: whole namespaces as JSON, and back exactly."""

import json
import os
import re
import struct

import golden
import pytest
from ctl import DENIED, DIFFERS, DONE, INVALID, NOT_FOUND, REFUSED, USAGE, Regentctl
from dump_files import numbers, write
from gi.repository import GLib
from regent_testing.api import blob


def double(bits):
    return GLib.Variant.new_from_bytes(GLib.VariantType("d"), GLib.Bytes.new(struct.pack("=Q", bits)), True)


def parsed(text):
    return GLib.Variant.parse(None, text, None, None)


# What is hard to write down: ends of ranges, bits that text loses, empty containers, text that harms a terminal.
AWKWARD = {
    "b": parsed("true"),
    "y": parsed("byte 255"),
    "n": parsed("int16 -32768"),
    "q": parsed("uint16 65535"),
    "i": parsed("-2147483648"),
    "u": parsed("uint32 4294967295"),
    "x": parsed("int64 -9223372036854775808"),
    "t": parsed("uint64 18446744073709551615"),
    "t-beyond-doubles": parsed("uint64 9007199254740993"),
    "d": parsed("0.1"),
    "d-minus-zero": double(0x8000000000000000),
    "d-smallest": double(1),
    "d-infinity": double(0x7FF0000000000000),
    "d-nan": double(0x7FF8000000000000),
    "d-nan-with-bits": double(0xFFF8DEADBEEF0001),
    "s-empty": parsed("''"),
    "s-number": parsed("'1500'"),
    "s-hostile": GLib.Variant("s", "\x1b[31m\x07\n\t\"\\\x7f\x9b\u2028\u202e\ufeff\U000e0041ü🐉"),
    "o": parsed("objectpath '/a/b_1'"),
    "g": parsed("signature 'a{sv}(ii)'"),
    "v": parsed("<<uint32 1>>"),
    "ay-empty": parsed("@ay []"),
    "ay": blob(bytes(range(256))),
    "as-empty": parsed("@as []"),
    "av": parsed("[<1>, <'a'>, <@as []>]"),
    "struct": parsed("(byte 1, 'a', (int64 2, <true>))"),
    "a{sv}": parsed("{'z': <1>, 'a': <@a{sv} {}>, '': <'empty key'>}"),
    "a{sv}-empty": parsed("@a{sv} {}"),
    "a{xy}": parsed("{int64 -1: byte 2}"),
    "a{bs}": parsed("{true: 'yes', false: 'no'}"),
    "a{ds}": parsed("{0.5: 'half'}"),
    "a{si}-twice": parsed("{'same': 1, 'same': 2}"),
    "aas": parsed("@aas [[], ['a']]"),
}  # fmt: skip
SAFE = {re.sub(r"[{}]", "", key): thing for key, thing in AWKWARD.items()}


def exactly(entries):
    """Types and bytes: a NaN is not equal to itself, and -0.0 is to 0.0."""
    return {
        key: (thing.get_type_string(), bytes(thing.get_normal_form().get_data_as_bytes().get_data()))
        for key, thing in entries.items()
    }


@pytest.fixture
def dump(ctl, tmp_path):
    """Dumps namespaces into a file and returns its path."""

    def take(*names):
        path = tmp_path / f"dump-{'-'.join(names)}.json"
        path.write_bytes(ctl("dump", *names).out_bytes)
        return str(path)

    return take


def test_dump_is_one_entry_a_line(ctl, root, name):
    root.create(name, mode=0o640, group=4100, quota_keys=50).apply(
        {"b": GLib.Variant("u", 1), "a": [], "blob": b"\x01\xff", "c/d.e:f": "ü\x1b"}
    )
    text = ctl("dump", name).out
    golden.check("dump", re.sub(r'"revision": \d+', '"revision": 0', text).replace(name, "org.example.Test"))
    assert text == ctl("dump", name, "--json=pretty").out


def test_dump_on_one_line_is_the_same(ctl, space):
    line = ctl("dump", space.name, "-j").out
    assert line.count("\n") == 1
    assert json.loads(line) == json.loads(ctl("dump", space.name).out)


def test_dump_of_all(ctl, ctl_as, root, name):
    root.create(name + ".open")
    root.create(name + ".closed", mode=0o600)
    everything = ctl.json("dump")["namespaces"]
    assert list(everything) == sorted(root.list_namespaces())
    seen = ctl_as("carol").json("dump")["namespaces"]
    assert name + ".open" in seen and name + ".closed" not in seen


def test_dump_of_what_is_not_there(ctl, ctl_as, root, name):
    assert ctl.failure("dump", name, status=NOT_FOUND)["status"] == "not-found"
    ctl("dump", "no-name", status=INVALID)
    root.create(name, mode=0o600)
    ctl_as("carol").failure("dump", name, status=DENIED)


def test_every_value_comes_back_exactly(ctl, root, name, dump):
    space = root.create(name)
    space.apply(SAFE)
    before = exactly(space.everything())
    assert before == exactly(SAFE)
    path = dump(name)
    space.apply({}, list(SAFE))
    assert space.keys() == []
    ctl("load", path)
    assert exactly(space.everything()) == before
    ctl("diff", path)


def test_dump_on_a_terminal_harms_nobody(ctl, root, name):
    root.create(name).set("s", SAFE["s-hostile"])
    with ctl.terminal("dump", name) as terminal:
        shown = terminal.finish()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e\ufeff]", shown)
    assert json.loads(shown)["namespaces"][name]["entries"]["s"]["data"] == SAFE["s-hostile"].unpack()


def test_load_of_what_is_there_already(ctl, root, space, dump):
    path = dump(space.name)
    before = root.revision()
    result = ctl("load", path)
    assert result.err == "nothing to do\n" and not result.out
    assert ctl("load", path, "--dry-run").err == "nothing to do\n"
    assert ctl("load", path, "--quiet").err == ""
    assert ctl.json("load", path) == {"changed": 0, "removed": 0, "created": []}
    assert root.revision() == before


def test_load_sets_only_what_differs(ctl, root, space, dump):
    path = dump(space.name)
    kept = space.describe("name")["revision"].unpack()
    space.set("mtu", 9000)
    before = root.revision()
    assert "1 set, 0 removed in 1 commit" in ctl("load", path).err
    assert root.revision() == before + 1
    assert space.get("mtu").unpack() == 1500
    assert space.describe("name")["revision"].unpack() == kept


def test_load_keeps_or_prunes(ctl, space, dump):
    path = dump(space.name)
    space.set("more", 1)
    assert ctl("load", path).err == "nothing to do\n"
    assert "more" in space.keys()
    assert ctl.json("load", path, "--prune")["removed"] == 1
    assert "more" not in space.keys()


def test_load_changes_a_type(ctl, space, dump):
    path = dump(space.name)
    space.set("mtu", GLib.Variant("u", 1500))
    ctl("load", path)
    assert space.get("mtu").get_type_string() == "x"


def test_dry_run_shows_and_changes_nothing(ctl, root, space, dump):
    path = dump(space.name)
    space.apply({"mtu": 9000, "more": 1}, ["on"])
    before = root.revision()
    result = ctl("load", path, "--dry-run", "--prune")
    assert result.lines == [space.name, "- more x 1", "- mtu x 9000", "+ mtu x 1500", "+ on b true"]
    document = ctl.json("load", path, "-n", "--prune")
    assert document["changed"] == 2 and document["removed"] == 1 and document["created"] == []
    assert document["changes"][space.name]["on"] == {"old": None, "new": {"type": "b", "data": True}}
    assert root.revision() == before


def test_dry_run_asks_regentd(ctl, ctl_as, root, name, tmp_path):
    root.create(name, quota_keys=2)
    path = write(tmp_path / "more.json", {name: {"entries": numbers(3)}})
    os.chmod(tmp_path, 0o755)
    assert ctl.failure("load", path, "--dry-run", status=REFUSED)["name"].endswith("QuotaExceeded")


def test_dry_run_of_a_namespace_that_is_missing(ctl, root, name, tmp_path):
    path = write(tmp_path / "new.json", {name: {"entries": numbers(1)}})
    assert ctl("load", path, "-n").lines == [f"{name} (new)", "+ key-000000 u 0"]
    assert ctl.json("load", path, "-n")["created"] == [name]
    assert name not in root.list_namespaces()


def test_load_of_some_of_a_file(ctl, root, name, tmp_path):
    path = write(tmp_path / "two.json", {name + ".a": {"entries": numbers(2)}, name + ".b": {"entries": numbers(2)}})
    ctl("load", path, name + ".b")
    assert name + ".b" in root.list_namespaces() and name + ".a" not in root.list_namespaces()
    assert name + ".c" in ctl.failure("load", path, name + ".c", status=NOT_FOUND)["text"]


def test_load_creates_with_the_access_of_the_file(ctl, root, name, tmp_path):
    access = {"owner": "alice", "group": "operators", "mode": "0640", "quota-keys": 10, "quota-bytes": 100000}
    path = write(tmp_path / "new.json", {name: {"access": access, "entries": numbers(1)}})
    assert "1 namespace created" in ctl("load", path).err
    facts = root.ns(name).properties()
    assert (facts["Owner"], facts["Group"], facts["Mode"]) == (4001, 4100, 0o640)
    assert (facts["QuotaKeys"], facts["QuotaBytes"]) == (10, 100000)
    assert json.loads(ctl("dump", name).out)["namespaces"][name]["access"] == access


@pytest.mark.parametrize("access", [{"owner": "nobody-of-that-name"}, {"group": "nobody-of-that-name"}])
def test_load_of_an_owner_that_nobody_knows(ctl, root, name, tmp_path, access):
    path = write(tmp_path / "new.json", {name + ".a": {"entries": {}}, name + ".b": {"access": access, "entries": {}}})
    for options in ([], ["--dry-run"], ["--atomic"]):
        error = ctl.failure("load", path, *options, status=INVALID)
        assert "'nobody-of-that-name'" in error["text"] and name + ".b" in error["text"]
        assert "regentctl create" in error["hint"]
    assert not {name + ".a", name + ".b"} & set(root.list_namespaces())


def test_load_leaves_the_access_of_what_is_there(ctl, root, space, tmp_path):
    access = {"owner": "alice", "mode": "0600", "quota-keys": 77}
    path = write(tmp_path / "x.json", {space.name: {"access": access, "entries": {}}})
    lines = ["- owner root", "+ owner alice", "- mode 0644", "+ mode 0600", "- quota-keys default", "+ quota-keys 77"]
    left = {
        "owner": {"old": "root", "new": "alice"},
        "mode": {"old": "0644", "new": "0600"},
        "quota-keys": {"old": "default", "new": "77"},
    }
    dry = ctl("load", path, "--dry-run")
    assert dry.lines == [space.name, *lines] and "'regentctl access'" in dry.err
    assert ctl.json("load", path, "--dry-run")["changes"] == {"access": {space.name: left}}
    done = ctl("load", path)
    assert "nothing to do" not in done.err and space.name in done.err and "'regentctl access'" in done.err
    assert ctl.json("load", path)["access-left"] == {space.name: left}
    assert space.property("Mode") == 0o644


def test_load_of_the_same_access_has_nothing_to_do(ctl, space, tmp_path):
    access = {"owner": "0", "group": "none", "mode": "0644"}
    path = write(tmp_path / "x.json", {space.name: {"access": access, "entries": {}}})
    assert ctl("load", path).err == "nothing to do\n"
    assert "access-left" not in ctl.json("load", path)


def test_keys_of_a_new_namespace_are_checked_first(ctl, root, name, tmp_path):
    path = write(tmp_path / "new.json", {name: {"entries": {"a b": {"type": "u", "data": 1}}}})
    for options in ([], ["--dry-run"]):
        error = ctl.failure("load", path, *options, status=INVALID)
        assert "'a b'" in error["text"] and error["name"].endswith("InvalidName")
    assert name not in root.list_namespaces()


def test_a_load_that_fails_names_what_it_created(ctl, root, name, tmp_path):
    small = {"access": {"quota-keys": 1}, "entries": numbers(3)}
    path = write(tmp_path / "new.json", {name + ".a": small, name + ".b": {"entries": {}}})
    hint = ctl("load", path, status=REFUSED).err
    assert f"Created, and still there: {name}.a, {name}.b" in hint
    assert name + ".a" in root.list_namespaces()


def test_load_by_an_owner_and_by_a_stranger(ctl_as, root, name, tmp_path):
    space = root.create(name, owner=4001)
    text = json.dumps({"regent-dump": 1, "namespaces": {name: {"entries": numbers(2)}}})
    before = root.revision()
    error = ctl_as("carol").failure("load", "-", status=DENIED, stdin=text)
    assert error["status"] == "denied" and error["hint"]
    assert root.revision() == before
    ctl_as("alice")("load", "-", stdin=text)
    assert len(space.keys()) == 2
    other = json.dumps({"regent-dump": 1, "namespaces": {name + ".new": {"entries": numbers(2)}}})
    ctl_as("alice")("load", "-", status=DENIED, stdin=other)
    assert name + ".new" not in root.list_namespaces()


@pytest.mark.parametrize(
    "text, where",
    [
        ("", "line 1, column 1"),
        ('{"regent-dump": 1,\n "namespaces": }', "line 2, column 16"),
        ("{}", "no dump"),
        ('{"regent-dump": 9, "namespaces": {}}', "version 9"),
        ('{"regent-dump": 1, "namespaces": {"a.b": {"entries": {"k": 5}}}}', "a.b: entries: k: expected a value"),
        ('{"regent-dump": 1, "namespaces": {"a.b": {}, "a.b": {}}}', "'a.b' stands twice"),
        ('{"regent-dump": 1, "namespaces": {"a.b": {"entries": {"k": {"type": "h", "data": 0}}}}}', "'h' is no type"),
    ],
)
def test_files_that_are_wrong(ctl, root, text, where):
    before = root.revision()
    result = ctl("load", "-", status=INVALID, stdin=text)
    assert where in result.err and "Standard input: " in result.err
    assert root.revision() == before


def test_names_that_are_wrong_are_found_before_anything_is_changed(ctl, root, name, tmp_path):
    before = root.list_namespaces()
    path = write(tmp_path / "wrong.json", {name: {"entries": numbers(1)}, "wrong": {"entries": {}}})
    ctl("load", path, status=INVALID)
    assert root.list_namespaces() == before


def test_a_key_that_is_wrong(ctl, space, tmp_path):
    path = write(tmp_path / "wrong.json", {space.name: {"entries": {"not a key": {"type": "u", "data": 1}}}})
    assert "not a key" in ctl.failure("load", path, status=INVALID)["text"]


def test_classes_come_back(ctl, root, name):
    space = root.create(name)
    space.apply({f"k{i:04d}": i for i in range(3000)}, classes={f"k{i:04d}": "runtime" for i in range(0, 3000, 3)})
    text = ctl("dump", name).out
    entries = json.loads(text)["namespaces"][name]["entries"]
    assert [key for key, entry in entries.items() if entry.get("class") == "runtime"] == [
        f"k{i:04d}" for i in range(0, 3000, 3)
    ]
    assert list(entries) == sorted(entries) and len(entries) == 3000
    assert ctl("load", "-", stdin=text).err == "nothing to do\n"
    space.set("k0003", 3)  # the same value, but persistent now
    assert ctl("diff", "-", status=DIFFERS, stdin=text).lines == [name, "- k0003 x 3", "+ k0003 x 3 (runtime)"]
    space.apply({}, list(entries))
    ctl("load", "-", stdin=text)
    assert [space.describe(key)["class"].unpack() for key in ("k0000", "k0001", "k0003")] == [
        "runtime", "persistent", "runtime",
    ]  # fmt: skip
    assert ctl("diff", "-", stdin=text).out == ""


ROUTER = """[Key mtu]
Type=u
Default=1500
Maximum=9216

[Key name]
Type=s
Default='router'
"""


def test_defaults_are_no_entries(stack, tmp_path):
    """A dump holds what was set, so that a default stays one where it is loaded."""
    declared = stack(namespaces={"org.example.Router": ROUTER})
    ctl, space = Regentctl(declared.bus), declared.root.ns("org.example.Router")
    space.set("mtu", GLib.Variant("u", 9000))
    text = ctl("dump", space.name).out
    assert json.loads(text)["namespaces"][space.name]["entries"] == {"mtu": {"type": "u", "data": 9000}}
    space.set("name", "mine")
    assert ctl("load", "-", "--prune", stdin=text).status == DONE
    assert space.get("name").unpack() == "router" and space.get_many(only="set")[0].keys() == {"mtu"}
    wrong = text.replace("9000", "9999")
    assert ctl.failure("load", "-", "-n", status=INVALID, stdin=wrong)["name"].endswith("InvalidValue")
    assert "9216" in ctl.failure("load", "-", status=INVALID, stdin=wrong)["text"]
    ctl("apply", space.name, "name=5")
    assert space.get("name").unpack() == "5"


def test_a_file_that_is_not_there(ctl, tmp_path):
    assert "nothing.json" in ctl.failure("load", str(tmp_path / "nothing.json"), status=NOT_FOUND)["text"]
    ctl("load", status=USAGE)


def test_the_reason_is_logged(ctl, service, space, dump):
    path = dump(space.name)
    space.set("mtu", 1)
    ctl("load", path, "--reason=back to what it was")
    assert space.get("mtu").unpack() == 1500


def test_a_full_disk_is_noticed(ctl, space):
    with open("/dev/full", "wb") as full:
        process = ctl.start("dump", space.name, stdout=full)
        _, err = process.communicate(timeout=30)
    assert process.returncode not in (0, None) and b"No space left" in err
