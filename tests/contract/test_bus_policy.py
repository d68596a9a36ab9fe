# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bus policy: who may own the name, who may call whom, by its text and by a bus that runs with it."""

import xml.etree.ElementTree as ElementTree

import pytest

import project
from regent_testing import names
from regent_testing.api import RegentError
from regent_testing.names import Error

PARTICIPANT = names.PARTICIPANT


def policies():
    root = ElementTree.fromstring(project.read("dbus", "org.regentd.State1.conf"))
    return {
        (policy.get("context") or policy.get("user")): list(policy)
        for policy in root.findall("policy")
    }


def test_only_regentd_and_root_may_own_the_name():
    owners = {who for who, rules in policies().items()
              for rule in rules if "own" in rule.attrib}  # fmt: skip

    assert owners == {"regent", "root"}


def test_every_rule_about_sending_names_a_destination():
    """What lintian calls dbus-policy-without-send-destination opens other programs too."""
    for rules in policies().values():
        for rule in rules:
            if any(name.startswith("send_") for name in rule.attrib):
                assert rule.get("send_destination")


def test_nothing_is_denied_but_signals_and_descriptors_to_regentd():
    denied = [
        (user, dict(rule.attrib))
        for user, rules in policies().items()
        for rule in rules
        if rule.tag != "allow"
    ]

    assert denied == [
        ("default", {"send_destination": names.BUS_NAME, "send_type": "signal", "send_broadcast": "false"}),
        ("mandatory", {"send_destination": names.BUS_NAME, "min_fds": "1"}),
        ("mandatory", {"send_destination": names.BUS_NAME, "send_requested_reply": "true", "min_fds": "1"}),
    ]


def test_everybody_may_call_every_interface_and_only_regentd():
    rules = [rule for rule in policies()["default"] if rule.tag == "allow"]

    assert {rule.get("send_destination") for rule in rules} == {names.BUS_NAME}
    assert {rule.get("send_interface") for rule in rules} == {
        *(set(project.documented_interfaces()) - project.OF_CLIENTS),
        names.PROPERTIES, names.INTROSPECTABLE, names.PEER, names.OBJECT_MANAGER,
    }  # fmt: skip


def test_what_regentd_calls_is_the_same_for_both_users():
    texts = [
        [ElementTree.tostring(rule).strip() for rule in policies()[user]]
        for user in ("regent", "root")
    ]

    assert texts[0] == texts[1]


STACK = {"start": False}


@pytest.fixture
def client_of_regentd(shared, sandbox):
    """A connection of a user's, with the members regentd calls and one that it does not."""
    user = shared.user("alice")
    yield user.unique_name()
    user.close()


def call(caller, destination, interface, member):
    """The error's name; None when there was an answer."""
    try:
        caller.call("/", interface, member, destination=destination, timeout=10)
    except RegentError as error:
        return error.name
    return None


@pytest.mark.parametrize("user", ["alice", "root"])
def test_name_is_refused_to_strangers(shared, sandbox, user):
    caller = shared.root if user == "root" else shared.user(user)

    def request():
        return caller.call(
            "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName", "(su)",
            (names.BUS_NAME, 4), destination="org.freedesktop.DBus",
        )[0].unpack()  # fmt: skip

    if user == "root":
        assert request() == 1
        caller.call(
            "/org/freedesktop/DBus", "org.freedesktop.DBus", "ReleaseName", "(s)",
            (names.BUS_NAME,), destination="org.freedesktop.DBus",
        )  # fmt: skip
    else:
        with pytest.raises(RegentError) as refused:
            request()
        assert refused.value.name == Error.AccessDenied


def test_regentd_reaches_participants_and_pings_clients(shared, client_of_regentd):
    regent = shared.user("regent")

    assert call(regent, client_of_regentd, names.PEER, "Ping") is None
    assert call(regent, client_of_regentd, PARTICIPANT, "Prepare") in (
        Error.UnknownMethod, Error.UnknownInterface, Error.UnknownObject,
    )  # fmt: skip


def test_regentd_reaches_nothing_else(shared, client_of_regentd):
    regent = shared.user("regent")

    assert call(regent, client_of_regentd, names.PEER, "GetMachineId") == Error.AccessDenied
    assert call(regent, client_of_regentd, names.PROPERTIES, "GetAll") == Error.AccessDenied


def test_others_do_not_reach_participants(shared, client_of_regentd):
    carol = shared.user("carol")

    assert call(carol, client_of_regentd, PARTICIPANT, "Prepare") == Error.AccessDenied
    assert call(carol, client_of_regentd, names.PEER, "Ping") == Error.AccessDenied
