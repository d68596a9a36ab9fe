# SPDX-License-Identifier: LGPL-2.1-or-later
"""regentctl diff and edit."""

import json
import os
import re
import shutil
import stat

import pytest
from ctl import CONFLICT, DENIED, DIFFERS, DONE, INTERRUPTED, INVALID, NOT_FOUND, OTHER, REFUSED, USAGE, program
from regent_testing.checks import nothing_changed


@pytest.fixture
def dumped(ctl, space, tmp_path):
    """The path of a dump of `space`."""
    path = tmp_path / "dump.json"
    path.write_bytes(ctl("dump", space.name).out_bytes)
    return str(path)


def test_diff_of_a_file_with_what_is_now(ctl, space, dumped):
    assert ctl("diff", dumped).out == ""
    space.apply({"mtu": 9000, "more": "x\x1b[31m"}, ["on"])
    result = ctl("diff", dumped, status=DIFFERS)
    assert result.lines == [space.name, '- more s "x\\u001b[31m"', "- mtu x 9000", "+ mtu x 1500", "+ on b true"]
    assert result.err == ""


def test_diff_as_json(ctl, space, dumped):
    assert ctl.json("diff", dumped) == {}
    space.set("mtu", 9000)
    assert ctl.json("diff", dumped, status=DIFFERS) == {
        space.name: {"mtu": {"old": {"type": "x", "data": 9000}, "new": {"type": "x", "data": 1500}}}
    }


def test_diff_of_access(ctl, root, space, dumped):
    space.set_access(mode=0o600)
    assert ctl("diff", dumped, status=DIFFERS).lines == [space.name, "- mode 0600", "+ mode 0644"]
    mode = {"old": "0600", "new": "0644"}
    assert ctl.json("diff", dumped, status=DIFFERS) == {"access": {space.name: {"mode": mode}}}


def test_diff_of_two_namespaces(ctl, root, space, name):
    other = root.create(name + ".other")
    other.apply({"mtu": 1500, "name": "eth1"})
    result = ctl("diff", space.name, other.name, status=DIFFERS)
    assert result.lines == [
        other.name,
        "- blob ay 2 bytes: 00 ff",
        '- list as ["a","b"]',
        '- name s "eth0"',
        '+ name s "eth1"',
        "- on b true",
    ]
    assert ctl("diff", space.name, space.name).out == ""


def test_diff_of_a_file_and_a_namespace(ctl, root, space, name, dumped):
    other = root.create(name + ".other")
    assert ctl("diff", dumped, space.name).out == ""
    assert ctl("diff", space.name, dumped).out == ""
    assert "+ mtu x 1500" in ctl("diff", other.name, dumped, status=DIFFERS).lines
    assert "- mtu x 1500" in ctl("diff", dumped, other.name, status=DIFFERS).lines


def test_diff_of_two_files_needs_no_bus(ctl, space, dumped, tmp_path):
    dead = ctl.with_(environ={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"})
    other = tmp_path / "other.json"
    document = json.loads(open(dumped, encoding="utf-8").read())
    document["namespaces"]["org.example.More"] = {"entries": {"k": {"type": "u", "data": 1}}}
    del document["namespaces"][space.name]["entries"]["on"]
    other.write_text(json.dumps(document))
    assert dead("diff", dumped, dumped).out == ""
    result = dead("diff", dumped, str(other), status=DIFFERS)
    assert result.lines == ["org.example.More (new)", "+ k u 1", "", space.name, "- on b true"]
    result = dead("diff", "-", dumped, status=DIFFERS, stdin=other.read_text())
    assert result.lines == ["org.example.More", "- k u 1", "", space.name, "+ on b true"]


def test_diff_of_a_namespace_that_is_missing(ctl, root, space, name, dumped):
    root.remove(space.name, 1)
    assert ctl("diff", dumped, status=DIFFERS).lines[0] == f"{space.name} (new)"
    ctl("diff", name + ".nothing", dumped, status=NOT_FOUND)


def test_diff_usage(ctl, space, dumped):
    ctl("diff", status=USAGE)
    assert "./" in ctl("diff", space.name, status=USAGE).err
    ctl("diff", "-", "-", status=USAGE)
    ctl("diff", "/nonexistent/file", status=NOT_FOUND)
    ctl("diff", "-", status=INVALID, stdin="x")


def test_diff_says_how_a_file_is_named(ctl, space):
    process = ctl.start("diff", "bin", space.name)  # it runs in /, where there is such a file
    _, err = process.communicate(timeout=30)
    assert process.returncode == INVALID and b"./bin" in err


def test_diff_is_coloured_on_a_terminal(ctl, space, dumped):
    space.set("mtu", 9000)
    with ctl.terminal("diff", dumped) as terminal:
        shown = terminal.finish(DIFFERS)
    assert re.search("\x1b\\[[0-9;]+m- mtu x 9000\x1b\\[0m\n\x1b\\[[0-9;]+m\\+ mtu x 1500\x1b\\[0m\n", shown)
    with ctl.with_(environ={"NO_COLOR": "1"}).terminal("diff", dumped) as terminal:
        assert "\x1b" not in terminal.finish(DIFFERS)


@pytest.fixture
def editing(ctl, tmp_path):
    """editing(script) is a regentctl whose editor runs the script on the file, as $1."""

    def make(script, **environ):
        path = tmp_path / "editor"
        path.write_text("#!/bin/sh\nset -e\n" + script)
        path.chmod(0o755)
        runtime = tmp_path / "runtime"
        runtime.mkdir(exist_ok=True)
        return ctl.with_(environ={"EDITOR": str(path), "XDG_RUNTIME_DIR": str(runtime), **environ})

    return make


def left_behind(tmp_path):
    return [os.path.join(at, name) for at, _, names in os.walk(tmp_path / "runtime") for name in names]


def test_edit_changes_adds_and_removes(editing, root, space, tmp_path):
    kept = space.describe("name")["revision"].unpack()
    script = """sed -i -e 's/"data":1500/"data":9000/' -e '/"on":/d' \\
        -e 's/^\\( *\\)"name": .*/&\\n\\1"new": {"type":"u","data":5}/' "$1"
    sed -n 's/"new"/&/p' "$1" >&2
    """
    before = root.revision()
    result = editing(script)("edit", space.name)
    assert root.revision() == before + 1
    assert {key: thing.print_(True) for key, thing in space.everything().items()} == {
        "blob": "[byte 0x00, 0xff]", "list": "['a', 'b']", "mtu": "int64 9000", "name": "'eth0'", "new": "uint32 5",
    }  # fmt: skip
    assert space.describe("name")["revision"].unpack() == kept
    assert result.lines == [space.name, "- mtu x 1500", "+ mtu x 9000", "+ new u 5", "- on b true"]
    assert left_behind(tmp_path) == [] and os.listdir(tmp_path / "runtime") == []


def test_edit_keeps_the_class(editing, space):
    space.apply({"mtu": 1500}, class_="runtime")
    editing("sed -i s/1500/9000/ \"$1\"")("edit", space.name)
    assert space.describe("mtu")["class"].unpack() == "runtime" and space.get("mtu").unpack() == 9000


def test_edit_leaves_sessions_alone(editing, root, space):
    space.apply({"s": 1500, "t": 1}, class_="session")
    editing("sed -i s/9000/9001/ \"$1\"")("edit", space.name)
    editing("sed -i 's/\"name\"/\"other\"/' \"$1\"")("edit", space.name)
    assert space.describe("s")["session"].unpack() == root.unique_name()
    failed = editing("sed -i s/1500/1501/ \"$1\"")("edit", space.name, status=REFUSED)
    assert "class session" in failed.err
    assert space.get("s").unpack() == 1500
    editing("sed -i '/\"s\"/s/,\"class\":\"session\"//' \"$1\"")("edit", space.name)
    assert space.describe("s")["class"].unpack() == "persistent"
    assert space.describe("t")["class"].unpack() == "session"


def test_edit_of_nothing(editing, root, space, tmp_path):
    with nothing_changed(root, space):
        assert editing("true")("edit", space.name).err == "nothing to do\n"
        assert editing("sed -i 's/: /:  /' \"$1\"")("edit", space.name).err == "nothing to do\n"
    assert left_behind(tmp_path) == []


def test_edit_file_is_private(editing, space):
    script = 'stat -c "%a %n" "$1" "$(dirname "$1")"; grep -c . "$1"; grep access "$1" || true'
    result = editing(script)("edit", space.name)
    file, directory, *rest = result.lines
    assert re.fullmatch(rf"600 .*/regentctl-\w+/{space.name}.json", file)
    assert directory.startswith("700 ") and rest == ["15"]


def test_edit_below_tmp_without_a_runtime_directory(editing, space):
    result = editing('echo "$1"', XDG_RUNTIME_DIR=None)("edit", space.name)
    assert result.out.startswith("/tmp/regentctl-") and not os.path.exists(result.out.strip())
    assert not os.path.exists(os.path.dirname(result.out.strip()))


@pytest.mark.parametrize("owner,mode", [(4001, 0o700), (0, 0o770), (0, 0o702)])
def test_edit_writes_nothing_below_the_directory_of_others(editing, space, tmp_path, owner, mode):
    """As "su" leaves it in the environment."""
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    os.chown(foreign, owner, owner)
    foreign.chmod(mode)
    result = editing('echo "$1"', XDG_RUNTIME_DIR=str(foreign))("edit", space.name)
    assert result.out.startswith("/tmp/regentctl-") and os.listdir(foreign) == []


def test_edit_reads_no_text_of_another_directory(editing, root, space):
    script = """at=$(dirname "$1")
    mv "$at" "$at.old"
    mkdir -m 700 "$at"
    sed s/1500/666/ "$at.old/${1##*/}" >"$1"
    """
    with nothing_changed(root, space):
        assert "replaced" in editing(script)("edit", space.name, status=OTHER).err


def test_edit_follows_no_link(editing, root, space, tmp_path):
    script = f"""sed s/1500/666/ "$1" >{tmp_path}/other
    ln -sf {tmp_path}/other "$1"
    """
    with nothing_changed(root, space):
        editing(script)("edit", space.name, status=OTHER)


def test_edit_notices_what_others_changed(editing, root, space, tmp_path):
    """The editor runs regentctl itself, as somebody else would meanwhile."""
    script = f"""sed -i 's/"data":1500/"data":9000/' "$1"
    {program()} set {space.name} mtu 7 -q
    """
    error = editing(script)("edit", space.name, status=CONFLICT)
    assert space.get("mtu").unpack() == 7
    (kept,) = left_behind(tmp_path)
    assert "mtu" in error.err and f"Your text is kept in {kept}" in error.err
    assert '"data":9000' in open(kept, encoding="utf-8").read()
    assert stat.S_IMODE(os.stat(kept).st_mode) == 0o600


def test_edit_minds_only_the_keys_it_touches(editing, space):
    script = f"""sed -i 's/"data":1500/"data":9000/' "$1"
    {program()} set {space.name} name eth9 -q
    """
    editing(script)("edit", space.name)
    assert space.get("mtu").unpack() == 9000 and space.get("name").unpack() == "eth9"


def test_edit_notices_a_key_that_others_made(editing, root, space):
    script = f"""sed -i 's/^\\( *\\)"mtu": /\\1"new": {{"type":"u","data":5}},\\n&/' "$1"
    {program()} set {space.name} new mine -q
    """
    editing(script)("edit", space.name, status=CONFLICT)
    assert space.get("new").unpack() == "mine"


def test_edit_of_wrong_text_without_a_terminal(editing, root, space, tmp_path):
    with nothing_changed(root, space):
        error = editing('echo oops >>"$1"')("edit", space.name, status=INVALID)
    (kept,) = left_behind(tmp_path)
    assert "line " in error.err and kept in error.err


@pytest.mark.parametrize(
    "script",
    [
        'sed -i s/org.example/org.other/ "$1"',
        """sed -i 's/"entries"/"access": {"mode":"0600"}, "entries"/' "$1" """,
        'echo "{}" >"$1"',
    ],
)
def test_edit_of_something_else(editing, root, space, script):
    with nothing_changed(root, space):
        editing(script)("edit", space.name, status=INVALID)


def test_edit_again_on_a_terminal(editing, root, space, tmp_path):
    script = """
    if [ -e "$0.again" ]; then sed -i -e '/oops/d' -e 's/"data":1500/"data":9000/' "$1"
    else echo oops >>"$1"; touch "$0.again"; fi
    """
    with editing(script).terminal("edit", space.name) as terminal:
        terminal.expect(r"Edit again\? \[Y/n\]")
        terminal.type("\n")
        terminal.finish()
    assert space.get("mtu").unpack() == 9000 and left_behind(tmp_path) == []


def test_edit_not_again(editing, root, space, tmp_path):
    with nothing_changed(root, space):
        with editing('echo oops >>"$1"').terminal("edit", space.name) as terminal:
            terminal.expect(r"Edit again\?")
            terminal.type("n\n")
            assert "Your text is kept in" in terminal.finish(INVALID)


def test_an_interrupt_at_the_question_tells_where_the_text_is(editing, root, space, tmp_path):
    with nothing_changed(root, space):
        with editing('echo oops >>"$1"').terminal("edit", space.name) as terminal:
            terminal.expect(r"Edit again\?")
            terminal.type("\x03")
            assert "Your text is kept in" in terminal.finish(INTERRUPTED)
    assert len(left_behind(tmp_path)) == 1


def test_an_interrupt_is_meant_for_the_editor(editing, space):
    script = """trap 'sed -i s/1500/9000/ "$1"; exit 0' INT
    echo ready
    read line
    """
    with editing(script).terminal("edit", space.name) as terminal:
        terminal.expect("ready")
        terminal.type("\x03")
        terminal.finish()
    assert space.get("mtu").unpack() == 9000


def test_edit_as_json(editing, space):
    assert editing("true").json("edit", space.name) == {}
    assert editing("sed -i s/1500/9000/ \"$1\"").json("edit", space.name) == {
        space.name: {"mtu": {"old": {"type": "x", "data": 1500}, "new": {"type": "x", "data": 9000}}}
    }


def test_an_editor_that_fails(editing, root, space, tmp_path):
    with nothing_changed(root, space):
        assert "status 3" in editing("exit 3")("edit", space.name, status=OTHER).err
        assert left_behind(tmp_path) == []
        assert "status 3" in editing('sed -i s/1500/9000/ "$1"; exit 3')("edit", space.name, status=OTHER).err
        assert len(left_behind(tmp_path)) == 1
        editing("", EDITOR="/nonexistent/editor")("edit", space.name, status=OTHER)
        editing("", EDITOR=None, VISUAL=None, PATH="/nonexistent")("edit", space.name, status=OTHER)
        assert len(left_behind(tmp_path)) == 1


def test_visual_comes_before_editor_and_may_have_options(ctl, space):
    there, back = "sed -i s/1500/9000/", "sed -i s/9000/1500/"
    for given in [{"VISUAL": there, "EDITOR": "false"}, {"VISUAL": "", "EDITOR": back}]:
        before = space.get("mtu").unpack()
        ctl.with_(environ=given)("edit", space.name)
        assert space.get("mtu").unpack() == 10500 - before


def test_edit_goes_to_a_service_that_may_refuse(editing, ctl_as, root, space, name):
    limited = root.create(name + ".limited", quota_keys=1)
    limited.set("a", 1)
    more = """sed -i 's/"a": .*/&,\\n"b": {"type":"u","data":1}/' "$1" """
    with nothing_changed(root, limited):
        editing(more)("edit", limited.name, status=REFUSED)
    carols = ctl_as("carol", environ={"EDITOR": "sed -i s/1500/9000/"})("edit", space.name, status=DENIED)
    assert space.get("mtu").unpack() == 1500
    kept = re.search("Your text is kept in (/tmp/regentctl-.*)", carols.err).group(1)
    assert os.stat(kept).st_uid == 4003
    shutil.rmtree(os.path.dirname(kept))


def test_edit_of_many_keys(editing, root, name):
    space = root.create(name)
    for first in range(0, 8000, 4000):
        space.apply({f"k{i}": i for i in range(first, first + 4000)})
    editing("sed -i 's/\"data\":7999}/\"data\":1}/' \"$1\"")("edit", name)
    assert space.get("k7999").unpack() == 1
    before = root.revision()
    editing("sed -i 's/\"data\":/\"data\":1/' \"$1\"")("edit", name, status=REFUSED)
    assert root.revision() == before


def test_edit_of_what_is_not_there(editing, name):
    editing("true")("edit", name, status=NOT_FOUND)
