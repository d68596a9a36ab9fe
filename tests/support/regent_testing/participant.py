# SPDX-License-Identifier: LGPL-2.1-or-later
"""A participant whose every answer the test decides. It speaks the wire by hand and reads when told to."""

import contextlib
import os

from . import names
from .waiting import Deadline, Late
from .channel import new_raw_client
from .wire import CALL, INTERFACE, MEMBER, PATH as OBJECT_PATH, SENDER

OPTIONAL = 1  # flag of RegisterParticipant
PATH = "/org/example/Participant"
UNWILLING = "org.example.Error.Unwilling"


@contextlib.contextmanager
def as_user(user):
    """The bus asks who connects when it does."""
    if user is None:
        yield
        return
    uid, gid, groups = names.USERS[user]
    before = os.getgroups()
    os.setgroups(groups)
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)


class Asked:
    """One call of Prepare, Commit or Abort."""

    def __init__(self, participant, message):
        self._participant = participant
        self._message = message
        self.sender = message.field(SENDER)
        self.path = message.field(OBJECT_PATH)
        self.member = message.field(MEMBER)
        self.is_answer_wanted = not message.no_reply
        body = message.body()
        self.transaction = body[0]
        if self.member == "Prepare":
            self.name = body[1]
            self.set, self.current = ({k: v[1] for k, v in each.items()} for each in (body[2], body[4]))
            self.unset = body[3]
        elif self.member == "Commit":
            self.revision = body[1]

    def agree(self):
        if self.is_answer_wanted:
            self._participant.raw.answer(self.sender, self._message.serial)

    def veto(self, text="no", name=UNWILLING):
        self._participant.raw.answer(self.sender, self._message.serial, True, name, text)


class Participant:
    """A connection of its own, of a user's if one is named. Use as a context manager or close()."""

    def __init__(self, stack, user=None):
        with as_user(user):
            self.raw = new_raw_client(stack.bus.socket)
        self.name = self.raw.name

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.raw.close()

    def register(self, space, prefix="", path=PATH, flags=0, **given):
        """The values and the revision."""
        signatures = {"timeout_usec": "t", "no_values": "b"}
        options = {k.replace("_", "-"): (signatures.get(k, "s"), v) for k, v in given.items()}
        found, revision = self.raw.call(
            space.path, names.NAMESPACE, "RegisterParticipant", "sota{sv}", (prefix, path, flags, options)
        )
        return {k: v[1] for k, v in found.items()}, revision

    def unregister(self, space, path=PATH):
        self.raw.call(space.path, names.NAMESPACE, "UnregisterParticipant", "o", (path,))

    def set(self, space, key, text):
        return self.raw.call(space.path, names.NAMESPACE, "Set", "sv", (key, ("s", text)))[0]

    def start_set(self, space, key, text):
        """The serial, for raw.reply()."""
        return self.raw.send(space.path, names.NAMESPACE, "Set", "sv", (key, ("s", text)))

    def next(self, seconds=20):
        """The next call of any kind."""
        deadline = Deadline(seconds)
        while True:
            message = self.raw.take_kept_call() or self.raw.receive(deadline)
            if message.kind == CALL and message.field(INTERFACE) == names.PARTICIPANT:
                return Asked(self, message)
            if message.kind == CALL:
                self.raw.answer(message.field(SENDER), message.serial)
            else:
                self.raw.keep(message)

    def expect(self, member, seconds=20):
        asked = self.next(seconds)
        assert asked.member == member, f"{asked.member} instead of {member}"
        return asked

    def look(self):
        """The next call that regentd has made until now, or None."""
        self.raw.call(names.ROOT_PATH, names.PEER, "Ping")
        try:
            return self.next(0)
        except Late:
            return None

    def expect_nothing(self):
        asked = self.look()
        assert not asked, f"{asked.member} was called"
