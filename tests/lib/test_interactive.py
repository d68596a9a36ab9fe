# SPDX-License-Identifier: LGPL-2.1-or-later
"""libregent where polkit has to ask somebody for a password: over the bus, and only when that is allowed."""

import pytest

from lib_client import LibClient
from regent_testing.agent import Agent
from regent_testing.names import USERS
from regent_testing.waiting import dispatch_pending, iterate_until

STACK = {"polkit": True}
DBUS_ERROR = "org.freedesktop.DBus.Error."
USER = "carol"


@pytest.fixture
def secret(root, name):
    made = root.create(name, owner=4001, mode=0o600)
    made.set("a", 1)
    return made


@pytest.fixture
def carol(service, polkitd, sandbox):
    """Starts lib-client as carol, and an agent for it that grants or refuses."""
    clients, agents = [], []

    def start(grants, *flags):
        clients.append(LibClient(service.bus, "poll", *flags, user=USER).__enter__())
        agents.append(Agent(service.client(), clients[-1].pid, USERS[USER][0], grants))
        return clients[-1], agents[-1]

    yield start
    for client in clients:
        client.end()
    for agent in agents:
        agent.close()


def result(client, name, is_async):
    """The agent is asked while the test waits."""
    command = ("set", name, "a", "2")
    client.write(("async", "#set", *command) if is_async else command)
    iterate_until(client.has_output, 20, "the answer to a write", [client])
    return client.take_reply("#set" if is_async else "set")


@pytest.mark.parametrize("is_async", [False, True], ids=["waiting", "async"])
@pytest.mark.parametrize("flags", [[], ["bus-only"]], ids=["channel", "bus-only"])
def test_granted_by_password(secret, carol, flags, is_async):
    client, agent = carol(True, "interactive", *flags)

    assert result(client, secret.name, is_async).result == 0
    assert len(agent.questions) == 1
    assert client.who()[1] == (not flags), "what comes next takes the channel again"
    assert secret.get("a").unpack() == 2


@pytest.mark.parametrize("value", ["2", "[1, 2]", "'\u20ac'"])
def test_change_is_sent_again_as_it_was(secret, carol, value):
    client, agent = carol(True, "interactive")

    client.do("change_set", secret.name, "a", value)
    client.do("change_unset", secret.name, "b")
    client.do("change_set_reason", "because")
    client.write(("async", "#apply", "change_apply", "0"))
    iterate_until(client.has_output, 20, "the answer to a change", [client])

    assert client.take_reply("#apply").result == 0
    assert len(agent.questions) == 1
    assert secret.get("a").print_(False) == value


@pytest.mark.parametrize("is_async", [False, True], ids=["waiting", "async"])
def test_refused_by_password(secret, carol, is_async):
    client, agent = carol(False, "interactive")

    assert result(client, secret.name, is_async)[:2] == (-13, DBUS_ERROR + "AccessDenied")
    assert len(agent.questions) == 1 and secret.get("a").unpack() == 1


@pytest.mark.parametrize("is_async", [False, True], ids=["waiting", "async"])
def test_not_asked_unless_allowed(secret, carol, is_async):
    client, agent = carol(True)

    assert result(client, secret.name, is_async)[:2] == (-13, DBUS_ERROR + "InteractiveAuthorizationRequired")
    dispatch_pending()
    assert not agent.questions and secret.get("a").unpack() == 1
