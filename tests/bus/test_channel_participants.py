# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls to a participant on a channel: nothing is kept of those whose answer nobody wants to know."""

import pytest
from regent_testing.names import MANAGER, NAMESPACE, ROOT_PATH
from regent_testing.wire import RawClient


@pytest.fixture
def clients(service):
    made = [RawClient(service.bus.socket) for _ in range(2)]
    for each in made:
        each.take_channel()
    yield made
    for each in made:
        each.close()


def n_waiting(root):
    return root.statistics()["participant-calls-waiting"].unpack()


def join(participant, ns):
    participant.call(ns.path, NAMESPACE, "RegisterParticipant", "sota{sv}", ("", "/p", 0, {}))


def test_one_that_leaves_while_asked_leaves_nothing(root, ns, clients):
    participant, writer = clients
    for n in range(50):
        join(participant, ns)
        serial = writer.send(ns.path, NAMESPACE, "Set", "sv", ("k", ("u", n)))
        participant.receive_call()
        participant.call(ns.path, NAMESPACE, "UnregisterParticipant", "o", ("/p",))
        writer.reply_message(serial)
    assert n_waiting(root) == 0


def test_a_late_answer_harms_nobody(root, ns, clients):
    participant, writer = clients
    join(participant, ns)
    serial = writer.send(ns.path, NAMESPACE, "Set", "sv", ("k", ("u", 1)))
    asked = participant.receive_call()
    participant.call(ns.path, NAMESPACE, "UnregisterParticipant", "o", ("/p",))
    writer.reply_message(serial)
    participant.answer(None, asked.serial)
    participant.call(ROOT_PATH, MANAGER, "Flush")
    assert root.statistics()["channels"].unpack() == 2


def test_one_commit_at_most_is_waited_for(root, ns, clients):
    participant, writer = clients
    join(participant, ns)
    for n in range(5):
        serial = writer.send(ns.path, NAMESPACE, "Set", "sv", ("k", ("u", n)))
        participant.answer(None, participant.receive_call().serial)
        assert participant.receive_call().no_reply == (n > 0)
        writer.reply(serial)
    assert n_waiting(root) == 1
