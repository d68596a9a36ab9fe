# SPDX-License-Identifier: LGPL-2.1-or-later
"""regentctl apply: many changes in one commit."""

import json

import pytest
from ctl import CONFLICT, DENIED, INVALID, NOT_FOUND, REFUSED, USAGE, Regentctl
from gi.repository import GLib
from regent_testing.checks import nothing_changed


def transaction(**namespaces):
    return json.dumps({name.replace("_", "."): changes for name, changes in namespaces.items()})


def test_sets_and_removes_in_one_commit(ctl, root, space):
    before = root.revision()
    result = ctl("apply", space.name, "mtu=9000", "new=text", "on=false", "--unset=list", "--unset", "blob")
    assert root.revision() == before + 1
    assert {key: thing.print_(True) for key, thing in space.everything().items()} == {
        "mtu": "int64 9000", "name": "'eth0'", "new": "'text'", "on": "false",
    }  # fmt: skip
    assert result.out == ""
    assert result.err.splitlines() == [
        "mtu = x 9000 (kept its type)",
        'new = s "text" (guessed its type)',
        "on = b false (kept its type)",
        f"3 changed, 2 removed, revision {before + 1}",
    ]


def test_quiet_and_json(ctl, root, space):
    assert ctl("apply", space.name, "mtu=1", "-q").err == ""
    assert ctl.json("apply", space.name, "mtu=2", "--unset=on") == {
        "revision": root.revision(), "changed": 1, "removed": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    "argument, key, value",
    [
        ("a=b=c", "a", "'b=c'"),
        ("a/b:c.d-e=1", "a/b:c.d-e", "1"),
        ("empty=", "empty", "''"),
        ("spaces= a b ", "spaces", "' a b '"),
        ("minus=-5", "minus", "-5"),
        ("mtu=-5", "mtu", "int64 -5"),
        ("name=5", "name", "'5'"),
        ('list=["c"]', "list", "['c']"),
        ("on=no", "on", "false"),
    ],
)
def test_arguments(ctl, space, argument, key, value):
    ctl("apply", space.name, argument)
    assert space.get(key).print_(True) == value


def test_a_type_for_all(ctl, space):
    ctl("apply", space.name, "mtu=5", "more=6", "--type=u")
    assert space.get("mtu").print_(True) == "uint32 5" and space.get("more").print_(True) == "uint32 6"


def test_a_declared_type_counts_before_there_is_a_value(stack):
    service = stack()
    with open(f"{service.regentd.namespaces_dir}/org.example.Declared.conf", "w", encoding="utf-8") as file:
        file.write("[Key mtu]\nType=u\n[Key text]\nType=s\n[Key default]\nType=y\nDefault=1\n")
    service.regentd.restart()
    ctl, space = Regentctl(service.bus), service.root.ns("org.example.Declared")
    said = ctl("apply", space.name, "mtu=1500", "text=1", "default=2", "other=3").err.splitlines()
    assert said[:4] == ["mtu = u 1500 (kept its type)", 'text = s "1" (kept its type)',
                        "default = y 2 (kept its type)", "other = i 3 (guessed its type)"]  # fmt: skip
    assert ctl.failure("apply", space.name, "mtu=many", status=INVALID)["hint"] == (
        ctl.failure("set", space.name, "mtu", "many", status=INVALID)["hint"]
    )
    ctl("reset", space.name)
    assert "mtu = u 1500 (kept its type)" in ctl("set", space.name, "mtu", "1500").err


def test_many_arguments(ctl, space):
    ctl("apply", space.name, *(f"k{number}={number}" for number in range(200)), "mtu=1")
    assert space.get("mtu").print_(True) == "int64 1"
    assert {space.get(f"k{number}").unpack() for number in range(200)} == set(range(200))


def test_who_may_only_write_guesses(ctl_as, root, name):
    made = root.create(name, group=4100, mode=0o620)
    made.set("k", 1)
    assert "k = i 5 (guessed its type)" in ctl_as("bob")("apply", name, "k=5").err
    assert "k = i 6 (guessed its type)" in ctl_as("bob")("set", name, "k", "6").err


@pytest.mark.parametrize("argument", ["mtu=many", "mtu=1.5", "on=maybe", "list=a", "blob=abc"])
def test_values_that_do_not_fit(ctl, root, space, argument):
    with nothing_changed(root, space):
        error = ctl.failure("apply", space.name, "name=x", argument, status=INVALID)
    assert error["text"].startswith(argument.split("=")[0] + ": ")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("a.b",),
        ("a.b", "key"),
        ("a.b", "=value"),
        ("a.b", "k=v", "--expect=k"),
        ("a.b", "k=v", "--expect=k=x"),
        ("a.b", "k=v", "--expect==1"),
        ("a.b", "--file=-"),
        ("--file=-", "--unset=k"),
        ("--file=-", "--type=u"),
        ("--file=-", "--expect=k=1"),
        ("a.b", "k=v", "--create-only", "--change-only"),
        ("a.b", "k=v", "--prune"),
    ],
)
def test_usage(ctl, arguments):
    ctl("apply", *arguments, status=USAGE)


def test_expectations(ctl, root, space):
    revision = space.describe("mtu")["revision"].unpack()
    ctl("apply", space.name, "mtu=1", f"--expect=mtu={revision}", "--expect=absent=0")
    now = root.revision()
    with nothing_changed(root, space):
        error = ctl.failure("apply", space.name, "name=x", f"--expect=mtu={revision}", status=CONFLICT)
        assert error["name"].endswith(".Conflict") and "mtu" in error["text"] and str(now) in error["text"]
        ctl("apply", space.name, "mtu=2", "--expect=mtu=0", status=CONFLICT)
        ctl("apply", space.name, "--expect=mtu=1", status=CONFLICT)
    ctl("apply", space.name, f"--expect=mtu={now}")
    assert root.revision() == now


def test_create_only_and_change_only(ctl, root, space):
    with nothing_changed(root, space):
        ctl("apply", space.name, "new=1", "mtu=2", "--create-only", status=CONFLICT)
        ctl("apply", space.name, "new=1", "mtu=2", "--change-only", status=NOT_FOUND)
    ctl("apply", space.name, "new=1", "--create-only")
    ctl("apply", space.name, "new=2", "mtu=2", "--change-only")
    assert space.get("new").unpack() == 2


def test_class_and_reason(ctl, service, space):
    ctl("apply", space.name, "uptime=5", "--class=runtime", "--reason=because of that")
    assert space.describe("uptime")["class"].unpack() == "runtime"
    assert ctl.failure("apply", space.name, "x=1", "--class=wrong", status=INVALID)["text"]
    ctl("apply", space.name, "x=1", "--class=session", status=REFUSED)
    assert ctl.failure("apply", space.name, "x=1", "--reason=" + "r" * 1025, status=REFUSED)["name"].endswith("TooBig")


def test_dry_run_shows_and_changes_nothing(ctl, root, space):
    with nothing_changed(root, space):
        result = ctl("apply", space.name, "mtu=9000", "name=eth0", "new=5", "--unset=on", "--unset=nope", "--dry-run")
        document = ctl.json("apply", space.name, "mtu=9000", "--unset=on", "-n")
        assert ctl("apply", space.name, "name=eth0", "-n").err == "nothing to do\n"
        ctl("apply", space.name, "mtu=1", "--expect=mtu=0", "-n", status=CONFLICT)
    assert result.lines == [space.name, "- mtu x 1500", "+ mtu x 9000", "+ new i 5", "- on b true"]
    assert document == {
        "revision": root.revision(),
        "changes": {
            space.name: {
                "mtu": {"old": {"type": "x", "data": 1500}, "new": {"type": "x", "data": 9000}},
                "on": {"old": {"type": "b", "data": True}, "new": None},
            }
        },
        "vetoes": [],
    }


def test_a_dry_run_shows_the_class(ctl, space):
    assert ctl("apply", space.name, "mtu=1500", "--class=runtime", "-n").lines == [
        space.name, "- mtu x 1500", "+ mtu x 1500 (runtime)",
    ]  # fmt: skip


def test_a_file_of_several_namespaces(ctl, root, name, tmp_path):
    one, two = root.create(name + ".a"), root.create(name + ".b")
    two.apply({"x": 1, "y": 2})
    revision = two.describe("x")["revision"].unpack()
    changes = {
        one.name: {"set": {"k": {"type": "ay", "data": [1, 255]}, "r": {"type": "u", "data": 1, "class": "runtime"}}},
        two.name: {
            "set": {"z": {"type": "a{sv}", "data": {"n": {"type": "t", "data": 1 << 63}}}},
            "unset": ["y"], "expect": {"x": revision}, "class": "runtime",
        },
    }  # fmt: skip
    path = tmp_path / "changes.json"
    path.write_text(json.dumps(changes))
    before = root.revision()
    assert ctl.json("apply", f"--file={path}") == {"revision": before + 1, "changed": 3, "removed": 1}
    assert one.get("k").unpack() == [1, 255]
    assert two.get("z").print_(True) == "{'n': <uint64 9223372036854775808>}"
    assert [one.describe(key)["class"].unpack() for key in ("k", "r")] == ["persistent", "runtime"]
    assert two.describe("z")["class"].unpack() == "runtime"
    assert two.keys() == ["x", "z"]
    ctl("apply", "-f", str(path), status=0)


def test_a_file_happens_wholly_or_not_at_all(ctl, ctl_as, root, name):
    mine, other = root.create(name + ".a", owner=4001), root.create(name + ".b")
    text = json.dumps({space.name: {"set": {"k": {"type": "u", "data": 1}}} for space in (mine, other)})
    with nothing_changed(root, mine, other):
        ctl_as("alice")("apply", "--file=-", status=DENIED, stdin=text)
        ctl("apply", "--file=-", status=CONFLICT, stdin=text.replace('"set"', '"expect": {"k": 5}, "set"', 1))
        ctl("apply", "--file=-", "-n", stdin=text)
    ctl("apply", "--file=-", stdin=text)
    assert mine.keys() == other.keys() == ["k"]


def test_a_dry_run_of_a_file(ctl, root, space):
    text = json.dumps({space.name: {"set": {"mtu": {"type": "u", "data": 1}}, "unset": ["on"]}})
    with nothing_changed(root, space):
        result = ctl("apply", "--file=-", "-n", stdin=text)
    assert result.lines == [space.name, "- mtu x 1500", "+ mtu u 1", "- on b true"]


@pytest.mark.parametrize(
    "text, where",
    [
        ("", "line 1, column 1"),
        ("[]", "expected an object"),
        ('{"a.b": {"put": {}}}', "a.b: put: "),
        ('{"a.b": {"set": {"k": 1}}}', "a.b: set: k: expected a value"),
        ('{"a.b": {"set": {"k": {"type": "u", "data": 1}, "k": {"type": "u", "data": 2}}}}', "'k' stands twice"),
    ],
)
def test_files_that_are_wrong(ctl, root, text, where):
    before = root.revision()
    assert where in ctl("apply", "--file=-", status=INVALID, stdin=text).err
    assert root.revision() == before


def test_namespaces_that_are_not_there(ctl, name):
    assert name in ctl.failure("apply", name, "k=1", status=NOT_FOUND)["text"]
    ctl("apply", "wrong", "k=1", status=INVALID)
    ctl("apply", "--file=-", status=INVALID, stdin=transaction(wrong={"set": {"k": {"type": "u", "data": 1}}}))
    ctl("apply", "--file=/nonexistent/file", status=NOT_FOUND)


def test_a_stranger_is_denied(ctl_as, root, space):
    with nothing_changed(root, space):
        assert ctl_as("carol").failure("apply", space.name, "mtu=1", status=DENIED)["hint"]


def test_more_than_one_commit_takes(ctl, root, space):
    many = {f"k{i}": {"type": "u", "data": i} for i in range(4097)}
    with nothing_changed(root, space):
        ctl("apply", "--file=-", status=REFUSED, stdin=json.dumps({space.name: {"set": many}}))
    del many["k0"]
    ctl("apply", "--file=-", stdin=json.dumps({space.name: {"set": many}}))
    assert space.get("k4096") == GLib.Variant("u", 4096)
