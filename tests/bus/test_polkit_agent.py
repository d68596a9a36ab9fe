# SPDX-License-Identifier: LGPL-2.1-or-later
"""A password prompt, with an authentication agent of the test's that says yes or no for the user."""

import pytest
from regent_testing.agent import Agent
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import Error
from regent_testing.waiting import dispatch_pending, iterate_until

STACK = {"polkit": True}


@pytest.fixture
def secret(root, name):
    made = root.create(name, owner=4001, mode=0o600)
    made.set("a", 1)
    return made


@pytest.fixture
def agent(service, polkitd):
    agents = []

    def make(user, grants):
        client = service.client()
        agents.append(Agent(client, user.pid, user.uid, grants))
        return agents[-1]

    yield make
    for each in agents:
        each.close()


def test_granted_by_password(polkitd, secret, service, agent):
    user = service.user("carol")
    asked = agent(user, True)
    pending = secret.seen_by(user).start_set("a", 2, interactive=True)
    iterate_until(pending.is_done, 20, "the write", [user])
    pending.result()
    assert secret.get("a").unpack() == 2
    action, message = asked.questions[0]
    assert action == "org.regentd.state1.write"
    assert secret.name in message


def test_refused_by_password(root, polkitd, secret, service, agent):
    user = service.user("carol")
    asked = agent(user, False)
    with nothing_changed(root, secret):
        pending = secret.seen_by(user).start_set("a", 2, interactive=True)
        iterate_until(pending.is_done, 20, "the refusal", [user])
        with refused(Error.AccessDenied):
            pending.result()
    assert len(asked.questions) == 1


def test_not_asked_when_the_message_does_not_allow_it(root, polkitd, secret, service, agent):
    user = service.user("carol")
    asked = agent(user, True)
    with nothing_changed(root, secret), refused(Error.InteractiveAuthorizationRequired):
        secret.seen_by(user).set("a", 2)
    dispatch_pending()
    assert not asked.questions


def test_a_password_is_good_for_one_call(polkitd, secret, service, agent):
    """The actions keep nothing: each write asks again."""
    user = service.user("carol")
    asked = agent(user, True)
    for n in range(2):
        pending = secret.seen_by(user).start_set("a", n + 2, interactive=True)
        iterate_until(pending.is_done, 20, "the write", [user])
        pending.result()
    assert len(asked.questions) == 2
    with refused(Error.InteractiveAuthorizationRequired):
        secret.seen_by(user).set("a", 9)


def test_an_open_prompt_delays_nobody(polkitd, root, secret, service, agent, alice):
    user = service.user("carol")
    asked = agent(user, None)
    pending = secret.seen_by(user).start_set("b", 2, interactive=True)
    iterate_until(lambda: asked.questions, 20, "the prompt")
    for n in range(50):
        secret.seen_by(alice).set("a", n)
    assert not pending.is_done()
    user.kill()
    root.ping()
    assert secret.keys() == ["a"]
