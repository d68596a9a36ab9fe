# SPDX-License-Identifier: LGPL-2.1-or-later
"""org.freedesktop.LogControl1, the interface behind `systemctl service-log-level regentd`."""

import os
import subprocess

import pytest
from regent_testing import names
from regent_testing.api import value
from regent_testing.checks import refused
from regent_testing.names import Error

STACK = {"polkit": True}

PATH = "/org/freedesktop/LogControl1"
INTERFACE = "org.freedesktop.LogControl1"
LEVELS = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]


def get(caller, name):
    return caller.get_property(PATH, INTERFACE, name).unpack()


def put(caller, name, thing, interface=INTERFACE):
    caller.set_property(PATH, interface, name, thing)


def start_put(caller, name, text, **how):
    arguments = (INTERFACE, name, value(text))
    return caller.start(PATH, names.PROPERTIES, "Set", "(ssv)", arguments, **how)


@pytest.fixture(autouse=True)
def level_of_the_start(root):
    put(root, "LogLevel", "info")


def yes_if(condition):
    return f"""
    polkit.addRule(function(action, subject) {{
        if (action.id == "org.regentd.state1.manage" && {condition})
            return polkit.Result.YES;
    }});
    """


def test_everybody_may_read(carol):
    assert get(carol, "LogLevel") == "info"
    assert get(carol, "LogTarget") == "console"
    assert get(carol, "SyslogIdentifier") == "regentd"
    assert set(carol.get_all(PATH, INTERFACE)) == {"LogLevel", "LogTarget", "SyslogIdentifier"}


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_of_syslog_can_be_set(root, level):
    put(root, "LogLevel", level)

    assert get(root, "LogLevel") == level


def test_level_counts_at_once(root, ns, service):
    ns.set("before", 1)
    put(root, "LogLevel", "debug")
    ns.set("after", 1)
    put(root, "LogLevel", "info")
    ns.set("later", 1)

    log = service.regentd.log()
    assert "after" in log
    assert "before" not in log and "later" not in log


def test_change_is_logged_with_who_made_it(root, service):
    put(root, "LogLevel", "err")
    put(root, "LogLevel", "debug")

    log = service.regentd.log()
    assert "uid 0 sets the log level to err" in log
    assert "uid 0 sets the log level to debug" in log


@pytest.mark.parametrize("level", ["loud", "", "DEBUG", "7", "debug ", "x" * 100000, "\x1b[31m"])
def test_unknown_levels_are_refused_and_change_nothing(root, level):
    with refused(Error.InvalidArgs, "log level", "warning") as refusal:
        put(root, "LogLevel", level)

    assert get(root, "LogLevel") == "info"
    assert len(refusal.text) < 1000 and "\x1b" not in refusal.text


def test_values_of_another_type_are_refused(root):
    with refused(Error.InvalidArgs, "LogLevel", "'s'"):
        put(root, "LogLevel", 7)

    assert get(root, "LogLevel") == "info"


def test_target_is_the_one_there_is(root):
    put(root, "LogTarget", "console")
    for target in ("journal", "kmsg", "null", "syslog", "nowhere"):
        with refused(Error.NotSupported, "console"):
            put(root, "LogTarget", target)

    assert get(root, "LogTarget") == "console"


def test_other_properties_cannot_be_set(root):
    with refused(Error.PropertyReadOnly, "SyslogIdentifier"):
        put(root, "SyslogIdentifier", "other")
    with refused(Error.UnknownProperty, "Nonsense"):
        put(root, "Nonsense", "x")
    with refused(Error.UnknownInterface, "org.example.Nonsense"):
        put(root, "LogLevel", "debug", interface="org.example.Nonsense")
    with refused(Error.InvalidArgs):
        root.call(PATH, names.PROPERTIES, "Set", "(ss)", (INTERFACE, "LogLevel"))

    assert get(root, "SyslogIdentifier") == "regentd"
    assert get(root, "LogLevel") == "info"


def test_interface_may_be_left_out(root):
    put(root, "LogLevel", "notice", interface="")

    assert get(root, "LogLevel") == "notice"


@pytest.mark.parametrize("property_name, wanted, verb", [
    ("LogLevel", "debug", "SetLogLevel"),
    ("LogTarget", "console", "SetLogTarget"),
])  # fmt: skip
def test_strangers_need_a_password(polkitd, carol, root, property_name, wanted, verb):
    with refused(Error.InteractiveAuthorizationRequired, "4003", verb, "org.regentd.state1.manage",
                 "needs a password"):  # fmt: skip
        put(carol, property_name, wanted)

    assert get(root, "LogLevel") == "info"


def test_stranger_whom_nobody_can_ask_for_a_password(polkitd, carol, root):
    with refused(Error.AccessDenied, "SetLogLevel", "nobody typed it"):
        start_put(carol, "LogLevel", "debug", interactive=True).result(30)

    assert get(root, "LogLevel") == "info"


def test_rule_decides_by_verb_with_an_empty_namespace(polkitd, carol, dave, root):
    polkitd.set_rules(
        yes_if('action.lookup("verb") == "SetLogLevel" && action.lookup("namespace") === ""'
               ' && subject.isInGroup("netadmins")')  # fmt: skip
    )
    put(dave, "LogLevel", "warning")
    with refused(Error.InteractiveAuthorizationRequired):
        put(dave, "LogTarget", "console")
    with refused(Error.InteractiveAuthorizationRequired):
        put(carol, "LogLevel", "debug")

    assert get(root, "LogLevel") == "warning"


def test_others_go_on_while_polkit_decides(polkitd, carol, root):
    polkitd.set_rules(yes_if('subject.user == "carol"'))
    polkitd.stop()
    try:
        waiting = start_put(carol, "LogLevel", "notice")
        assert get(carol, "LogLevel") == "info"
        assert get(root, "LogLevel") == "info"
        assert not waiting.is_done()
    finally:
        polkitd.cont()

    waiting.result(30)
    assert get(root, "LogLevel") == "notice"


def test_without_polkit_the_answer_is_no(stack, sandbox):
    made = stack()
    carol = made.user("carol")
    with refused(Error.AccessDenied, "polkit is not there"):
        put(carol, "LogLevel", "debug")

    assert get(made.root, "LogLevel") == "info"


def test_reload_brings_back_the_configured_level(stack, sandbox):
    made = stack(config="[Service]\nLogLevel=warning\n")
    assert get(made.root, "LogLevel") == "warning"
    put(made.root, "LogLevel", "debug")
    made.regentd.check_running()
    made.root.reload()

    assert get(made.root, "LogLevel") == "warning"


def test_restart_brings_back_the_level_of_the_command_line(stack, sandbox):
    made = stack(options=["--log-level=notice"])
    put(made.root, "LogLevel", "debug")
    made.root.reload()
    assert get(made.root, "LogLevel") == "notice"
    put(made.root, "LogLevel", "debug")
    made.regentd.restart()

    assert get(made.root, "LogLevel") == "notice"


def test_introspection_shows_what_systemctl_looks_for(carol):
    xml = carol.introspect(PATH)

    assert f'<interface name="{INTERFACE}">' in xml
    assert '<property name="LogLevel" type="s" access="readwrite">' in xml
    assert '<property name="LogTarget" type="s" access="readwrite">' in xml
    assert '<property name="SyslogIdentifier" type="s" access="read">' in xml


def test_busctl_sets_it_as_systemctl_does(shared, root):
    """systemctl asks systemd for the unit's bus name and then makes just this call."""
    result = subprocess.run(
        ["busctl", "--system", "set-property", names.BUS_NAME, PATH, INTERFACE, "LogLevel", "s", "debug"],
        env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": shared.bus.address},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip

    assert (result.returncode, result.stderr) == (0, "")
    assert get(root, "LogLevel") == "debug"
