# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line itself: help, options, mistakes."""

import json
import re

import pytest
from ctl import DONE, INVALID, UNREACHABLE, USAGE


def verbs_of(ctl):
    return re.findall(r"^  ([a-z-]+)\b", ctl("--help").out.split("Options")[0], re.MULTILINE)


def test_help_names_the_verbs(ctl):
    result = ctl("--help")
    assert "regentctl [OPTION...]" in result.lines[0]
    assert {"status", "get", "set", "monitor", "check", "reset"} <= set(verbs_of(ctl))
    assert ctl("help").out == result.out == ctl("-h").out


def test_help_of_each_verb_fits_80_columns(ctl):
    for arguments in [("--help",)] + [(verb, "--help") for verb in verbs_of(ctl)]:
        result = ctl(*arguments)
        wide = [line for line in result.lines if len(line) > 80]
        assert not wide, wide


def test_help_of_a_verb_shows_its_options_alone(ctl):
    shown = ctl("get", "--help").out
    assert ctl("help", "get").out == shown
    assert "--default=TEXT" in shown and "--prune" not in shown
    assert "regentctl get [OPTION...] NAMESPACE [KEY...]" in shown


def test_help_is_a_verb(ctl):
    shown = ctl("help", "help").out
    assert ctl("help", "--help").out == shown and "regentctl help [OPTION...] [VERB]" in shown
    assert "'help'" in ctl("hlep", status=USAGE).err
    assert "--prune does not go with 'help'" in ctl("help", "--prune", status=USAGE).err
    ctl("help", "get", "set", status=USAGE)


def test_help_is_ascii(ctl):
    for verb in verbs_of(ctl):
        assert ctl(verb, "--help").out.isascii()


def test_version(ctl):
    assert re.fullmatch(r"regentctl \d+\.\d+\.\d+\n", ctl("--version").out)


def test_help_needs_no_bus(ctl):
    dead = ctl.with_(environ={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"})
    dead("--help")
    dead("--version")


def test_unknown_verb_suggests_the_nearest(ctl):
    result = ctl("stauts", status=USAGE)
    assert "'stauts'" in result.err and "'status'" in result.err
    assert "--help" in ctl("frobnicate", status=USAGE).err
    ctl("frobnicate", "--help", status=USAGE)
    ctl("help", "frobnicate", status=USAGE)


def test_unknown_option_suggests_the_nearest(ctl):
    assert "--default" in ctl("get", "a.b", "c", "--defualt=x", status=USAGE).err
    ctl("get", "a.b", "c", "-Z", status=USAGE)


@pytest.mark.parametrize(
    "arguments",
    [
        ("get",),
        ("set", "a.b"),
        ("set", "a.b", "c"),
        ("set", "a.b", "c", "d", "e"),
        ("set", "a.b", "c", "d", "--from-file=-"),
        ("flush", "now"),
        ("list",),
        ("list", "a.b", "c"),
        ("delete", "a.b"),
        ("get", "--raw", "a.b"),
        ("get", "--raw", "a.b", "c", "d"),
        ("get", "a.b", "--default=x"),
        ("get", "a.b", "c", "--prefix=x"),
        ("get", "a.b", "c", "--changed"),
        ("get", "a.b", "c", "--default"),
        ("status", "--timeout=0"),
        ("status", "--timeout=abc"),
        ("status", "--timeout=nan"),
        ("status", "--json=yes"),
        ("status", "--quiet=yes"),
        ("status", "--host=-oProxyCommand=x"),
        ("status", "--host="),
        ("status", "--address=nonsense"),
        ("status", "--address=unix:path=/x", "--host=y"),
        ("set", "a.b", "c", "d", "--create-only", "--change-only"),
    ],
)
def test_usage(ctl, arguments):
    result = ctl(*arguments, status=USAGE)
    assert result.err.startswith("regentctl: ") and not result.out


def test_raw_and_json_exclude_each_other(ctl):
    assert json.loads(ctl("get", "--raw", "a.b", "c", "-j", status=USAGE).err)["error"]["status"] == "usage"


def test_an_option_of_another_verb(ctl):
    result = ctl("get", "a.b", "c", "--owner=root", status=USAGE)
    assert "--owner" in result.err and "'get'" in result.err and "create access" in result.err


def test_usage_errors_in_json(ctl):
    for mode in ("--json=short", "-j"):
        error = json.loads(ctl(mode, "get", status=USAGE).err)["error"]
        assert error["status"] == "usage" and "NAMESPACE" in error["hint"]
    for before, after in [(("--json=pretty",), ()), ((), ("--json=pretty",)), (("--json", "short"), ()),
                          (("-qj",), ()), ((), ("get", "-jq")), (("--json=off", "-j"), ("--worse",))]:  # fmt: skip
        error = json.loads(ctl(*before, "--bogus", *after, status=USAGE).err)["error"]
        assert error["status"] == "usage" and "--bogus" in error["text"]
    error = json.loads(ctl("-j", "status", "--address=unix:path=/x", "--host=y", status=USAGE).err)["error"]
    assert "exclude each other" in error["text"]


def test_usage_errors_in_text(ctl):
    for arguments in [("--bogus", "--json=off"), ("-j", "--json=off", "--bogus"), ("--bogus", "--", "-j"),
                      ("get", "--default", "-j", "--bogus")]:  # fmt: skip
        assert ctl(*arguments, status=USAGE).err.startswith("regentctl: There is no option --bogus")


def test_options_stand_anywhere(ctl, space):
    expected = ctl("get", space.name, "mtu", "--json=short").out
    assert ctl("--json=short", "get", space.name, "mtu").out == expected
    assert ctl("get", "--json", "short", space.name, "mtu").out == expected
    assert ctl("-qj", "get", space.name, "mtu").out == expected
    assert ctl("get", space.name, "mtu", "--json=pretty", "--json=off").out == "1500\n"


def test_short_options_with_an_argument(ctl, space):
    ctl("set", "-tu", space.name, "a", "7")
    ctl("set", "-qt", "u", space.name, "b", "7")
    assert space.get("a").get_type_string() == space.get("b").get_type_string() == "u"


def test_two_dashes_end_the_options(ctl, space):
    ctl("set", space.name, "text", "--", "--help")
    assert space.get("text").unpack() == "--help"
    ctl("set", "--", space.name, "text", "-q")
    assert space.get("text").unpack() == "-q"


@pytest.mark.parametrize("text,value", [("-5", -5), ("-.5", -0.5), ("-1e3", -1000.0)])
def test_a_negative_number_is_no_option(ctl, space, text, value):
    ctl("set", space.name, "n", text, "--type=d")
    assert space.get("n").unpack() == value


def test_no_verb_is_status(ctl):
    assert ctl().out.splitlines()[0] == ctl("status").out.splitlines()[0] == "       State: running"


def test_what_is_no_utf8_is_invalid(ctl, space):
    for arguments in [("get", space.name, b"\xff"), ("set", space.name, "k", b"\xff"),
                      ("list", space.name, b"--prefix=\xff"), ("status", b"\xff")]:  # fmt: skip
        assert "UTF-8" in ctl(*arguments, status=INVALID).err


def test_address(service, ctl, space):
    elsewhere = ctl.with_(environ={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"})
    elsewhere("get", space.name, "mtu", status=UNREACHABLE)
    result = elsewhere("get", space.name, "mtu", "--address=" + service.bus.address, status=DONE)
    assert result.out == "1500\n"
