# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a person sees: colours, a pager, and nothing hostile."""

import pathlib
import re
import stat

import pytest
from ctl import DENIED, DONE, NOT_FOUND, OTHER
from gi.repository import GLib
from regent_testing import environment
from regent_testing.names import USERS

HOSTILE = "\x1b[31mred\x07\x1b]0;title\x07\x9b2J\r\nnext\x7f\u202eevil\u2028\u200b"
COLOR = re.compile(r"\x1b\[[0-9;]*m")


def plain(text):
    return COLOR.sub("", text)


def harmful(text):
    """Control characters that are left besides newlines and regentctl's own colours."""
    return re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e\u2028]", plain(text))


def test_a_value_is_shown_with_its_type(ctl, ns):
    ns.set("k", GLib.Variant("u", 1500))
    with ctl.terminal("get", ns.name, "k") as terminal:
        shown = terminal.finish()
    assert plain(shown) == "u 1500\n" and COLOR.search(shown)


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"SYSTEMD_COLORS": "0"}, {"TERM": None}])
def test_no_colour(ctl, ns, environ):
    ns.set("k", GLib.Variant("u", 1500))
    with ctl.with_(environ=environ).terminal("get", ns.name, "k") as terminal:
        assert terminal.finish() == "u 1500\n"


def test_an_empty_no_color_counts_for_nothing(ctl, ns):
    ns.set("k", 1)
    with ctl.with_(environ={"NO_COLOR": ""}).terminal("get", ns.name, "k") as terminal:
        assert COLOR.search(terminal.finish())


def test_no_colour_in_a_pipe(ctl, space):
    for arguments in [("get", space.name), ("status",), ("namespaces",), ("list", space.name), ("--help",)]:
        assert "\x1b" not in ctl(*arguments).out
    assert "\x1b" not in ctl("get", space.name, "none", status=NOT_FOUND).err


def test_hostile_values_on_a_terminal(ctl, ns):
    ns.apply({"k": HOSTILE, "list": [HOSTILE], "v": GLib.Variant("v", GLib.Variant("s", HOSTILE))})
    for arguments in [("get", ns.name), ("get", ns.name, "k"), ("get", ns.name, "list"), ("get", ns.name, "k", "v"),
                      ("get", ns.name, "-j"), ("get", ns.name, "k", "--json=pretty")]:  # fmt: skip
        with ctl.terminal(*arguments) as terminal:
            shown = terminal.finish()
        assert "red" in shown and not harmful(shown), shown


def test_hostile_values_in_a_monitor(ctl, ns):
    with ctl.terminal("monitor", ns.name) as terminal:
        terminal.expect("Watching[^\n]*\n")
        ns.set("k", HOSTILE)
        line = terminal.line()
        assert "red" in line and not harmful(line)
        terminal.type("\x03")
        terminal.finish(DONE)


def test_hostile_arguments_in_errors(ctl, ns):
    for arguments in [("get", ns.name, HOSTILE), (HOSTILE,), ("--" + HOSTILE,), ("get", HOSTILE, "k"),
                      ("create", "a.b", "--owner=" + HOSTILE), ("set", ns.name, "k", HOSTILE, "--type=u"),
                      ("set", ns.name, HOSTILE, "1", "--reason=" + HOSTILE)]:  # fmt: skip
        with ctl.terminal(*arguments) as terminal:
            terminal.process.wait(20)
            shown = terminal.finish(terminal.process.returncode)
        assert terminal.process.returncode != DONE
        assert "red" in shown and not harmful(shown.replace("\r", "")), shown
        result = ctl.run(*arguments, "--json=short")
        assert not harmful(result.err), result.err


def test_hostile_values_in_a_table_in_a_pipe(ctl, ns):
    ns.apply({"k": HOSTILE, "l": "x"})
    printed = ctl("get", ns.name).out
    assert not harmful(printed) and len(printed.splitlines()) == 3


def test_a_megabyte_on_a_terminal(ctl, ns):
    ns.set("k", "\x1b[31m" + "x" * (2**20 - 100))
    with ctl.terminal("get", ns.name) as terminal:
        shown = plain(terminal.finish())
    assert max(len(line) for line in shown.splitlines()) == 80 and not harmful(shown)
    with ctl.terminal("get", ns.name, "k") as terminal:
        shown = plain(terminal.finish())
    assert len(shown) > 2**20 - 100 and not harmful(shown)


def test_rows_fit_the_terminal(ctl, ns):
    ns.apply({"key": "wörter " * 40, "wide": "漢字" * 60})
    for columns in (40, 80, 132):
        with ctl.terminal("get", ns.name, columns=columns) as terminal:
            lines = plain(terminal.finish()).splitlines()
        assert all(line.endswith("…") for line in lines[1:])
        assert len(lines[1]) == columns and len(lines[2]) < columns
    with ctl.with_(environ={"LC_ALL": "C"}).terminal("get", ns.name) as terminal:
        shown = plain(terminal.finish())
    assert shown.isascii() and shown.splitlines()[1].endswith("...")


def test_columns_of_the_environment(ctl, ns):
    ns.set("key", "x" * 200)
    with ctl.with_(environ={"COLUMNS": "50"}).terminal("get", ns.name, columns=90) as terminal:
        assert max(len(line) for line in plain(terminal.finish()).splitlines()) == 50


@pytest.fixture
def scratch():
    """A directory that every user can enter; that of pytest is closed."""
    path = environment.make_scratch()
    yield pathlib.Path(path)
    environment.remove_scratch(path)


@pytest.fixture
def tools(scratch):
    """A directory of programs that stands first in PATH: tools("less", text)."""
    directory = scratch / "bin"
    directory.mkdir(mode=0o755)

    def make(name, text):
        path = directory / name
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        return str(path)

    make.path = f"{directory}:/usr/bin:/bin"
    return make


PAGER = 'echo "pager $* LESS=$LESS secure=${LESSSECURE-no}"\ncat\n'


def test_the_pager(ctl, space, tools):
    tools("less", PAGER)
    paged = ctl.with_(environ={"PATH": tools.path, "SYSTEMD_PAGER": None})
    with paged.terminal("get", space.name) as terminal:
        shown = plain(terminal.finish())
    assert shown.startswith("pager  LESS=FRSXMK secure=no\nKEY ") and "1500" in shown
    for arguments in [("get", space.name, "--no-pager"), ("set", space.name, "k", "1"), ("flush",)]:
        with paged.terminal(*arguments) as terminal:
            assert "pager" not in terminal.finish()
    assert "pager" not in paged("get", space.name).out


@pytest.mark.parametrize("environ,expected", [
    ({"SYSTEMD_PAGER": "mine -x"}, "mine -x"), ({"SYSTEMD_PAGER": None, "PAGER": "mine"}, "mine"),
    ({"SYSTEMD_PAGER": "mine", "PAGER": "less"}, "mine"), ({"SYSTEMD_PAGER": "cat"}, None),
    ({"SYSTEMD_PAGER": "", "PAGER": "mine"}, None),
    ({"SYSTEMD_PAGER": "mine", "SUDO_UID": "1000"}, "less"),
])  # fmt: skip
def test_which_pager(ctl, space, tools, environ, expected):
    tools("less", 'echo "pager less secure=${LESSSECURE-no}"; cat')
    tools("mine", 'echo "pager mine $*"; cat')
    with ctl.with_(environ={"PATH": tools.path, **environ}).terminal("get", space.name) as terminal:
        shown = terminal.finish()
    if expected is None:
        assert "pager" not in shown
    elif "SUDO_UID" in environ:
        assert "pager less secure=1" in shown
    else:
        assert f"pager {expected}" in shown.replace(" \n", "\n")


def test_without_a_pager_it_prints(ctl, space):
    alone = ctl.with_(environ={"PATH": "/nonexistent", "SYSTEMD_PAGER": None})
    with alone.terminal("get", space.name) as terminal:
        assert "1500" in terminal.finish()


def test_a_pager_that_ends_early(ctl, ns, tools):
    tools("less", "head -n 1\n")
    ns.apply({f"k{number}": "x" * 60 for number in range(3000)})
    with ctl.with_(environ={"PATH": tools.path, "SYSTEMD_PAGER": None}).terminal("get", ns.name) as terminal:
        terminal.expect("KEY")
        terminal.process.wait(20)
        assert terminal.process.returncode in (DONE, -13)


AGENT = """
echo "agent $*" >>"$AGENT_LOG"; echo "bus $DBUS_SYSTEM_BUS_ADDRESS" >>"$AGENT_LOG"
trap 'echo "agent ended" >>"$AGENT_LOG"; exit 0' TERM
eval "exec $2>&-"
for _ in $(seq 1000); do sleep 0.05; done
"""


@pytest.fixture
def agent(tools, scratch):
    """A pkttyagent that notes what becomes of it."""
    log = scratch / "agent.log"
    log.touch()
    log.chmod(0o666)
    tools("pkttyagent", AGENT)
    return log, {"PATH": tools.path, "AGENT_LOG": str(log)}


STACK = {"polkit": True}


def test_the_agent_is_started_on_a_terminal_alone(ctl_as, polkitd, ns, agent):
    log, environ = agent
    bob = ctl_as("bob", environ=environ)
    hint = bob.failure("set", ns.name, "k", "1", status=DENIED)["hint"]
    assert "On a terminal" in hint and log.read_text() == ""
    with bob.terminal("set", ns.name, "k", "1", "--no-ask-password") as terminal:
        assert "Without --no-ask-password a password could be given" in terminal.finish(DENIED)
    with bob.terminal("set", ns.name, "k", "1", "-j") as terminal:
        terminal.finish(DENIED)
    assert log.read_text() == ""
    with bob.terminal("set", ns.name, "k", "1") as terminal:
        assert "nobody typed it" in terminal.finish(DENIED)
    said = log.read_text()
    assert said.startswith("agent --notify-fd ") and "--fallback" in said and said.endswith("agent ended\n")


def test_the_agent_knows_the_bus(ctl_as, service, polkitd, ns, agent):
    log, environ = agent
    bob = ctl_as("bob", environ={**environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"})
    with bob.terminal("set", ns.name, "k", "1", "--address=" + service.bus.address) as terminal:
        terminal.finish(DENIED)
    assert f"bus {service.bus.address}\n" in log.read_text()


def test_no_agent_where_none_is_needed(ctl, ctl_as, polkitd, root, name, agent):
    log, environ = agent
    root.create(name, owner=USERS["bob"][0])
    with ctl_as("bob", environ=environ).terminal("set", name, "k", "1") as terminal:
        terminal.finish()
    with ctl.with_(environ=environ).terminal("set", name, "k", "2") as terminal:
        terminal.finish()
    assert log.read_text() == ""


def test_without_an_agent_it_says_so(ctl_as, polkitd, ns):
    bob = ctl_as("bob", environ={"PATH": "/nonexistent"})
    with bob.terminal("set", ns.name, "k", "1") as terminal:
        assert "pkttyagent" in terminal.finish(DENIED)


def test_a_rule_grants_without_a_password(ctl_as, polkitd, ns):
    polkitd.set_rules(
        'polkit.addRule(function(action, subject) { if (action.id == "org.regentd.state1.write" && '
        f'action.lookup("namespace") == "{ns.name}" && action.lookup("verb") == "Set" && subject.user == "bob") '
        "return polkit.Result.YES; });"
    )
    ctl_as("bob")("set", ns.name, "k", "1")
    assert ns.get("k").unpack() == 1


def test_a_full_disk_is_an_error(ctl, space):
    for arguments in [("get", space.name), ("get", space.name, "mtu"), ("status", "-j"), ("--help",)]:
        with open("/dev/full", "wb") as full:
            process = ctl.start(*arguments, stdout=full)
            _, err = process.communicate(timeout=20)
        assert process.returncode == OTHER and b"No space left" in err


def test_a_pipe_that_closes_ends_it_quietly(ctl, ns):
    ns.apply({f"k{number}": "x" * 500 for number in range(1000)})
    process = ctl.start("get", ns.name)
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(20) == -13 and not err
