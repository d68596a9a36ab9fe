#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A process that has a say in changes, and writes down what it is asked and told: participant.py SUPPORT SPEC.

What it does about each Prepare is by chance, with the weights of spec["moods"]: `agree`, `veto`, `hang` (it never
answers), `late` (it answers when nobody waits any more). It registers again whenever it is not registered.
"""

import json
import random
import sys

sys.path.insert(0, sys.argv[1])

# pylint: disable=wrong-import-position
from process import Process, is_unanswered, now, plain
from regent_testing.names import NAMESPACE, path_of
from regent_testing.wire import MEMBER, PATH, SENDER

REGISTER_SECONDS = 0.1
TIMEOUT_USEC = 100_000
LATE_SECONDS = 0.15
OPTIONAL = 1
REASONS = ["no", "", "\x1b[31mred\x07\r\n\tline", "ä" * 40_000, "%s%n"]


class Participant(Process):
    turn_seconds = 0.05

    def __init__(self, spec):
        super().__init__(spec["socket"], spec["log"])
        self._random = random.Random(spec["seed"])
        self._moods = [mood for mood, n in spec["moods"].items() for _ in range(n)]
        self._registrations = {f"/part/{number}": each for number, each in enumerate(spec["registrations"])}
        self._register_at = dict.fromkeys(self._registrations, 0)
        self._late = []  # (when, sender, serial)
        self._begun = set()
        self.log.add({"is": "began", "name": self.raw.name})

    def on_command(self, word):
        """`agree`: from now on it does nothing else."""
        self._moods = [word]

    def on_owner(self):
        self.log.add({"is": "lost"})
        self._register_at = dict.fromkeys(self._registrations, 0)

    def on_turn(self):
        for path, at in self._register_at.items():
            if self.owner and at <= now():
                self._register(path)
        while self._late and self._late[0][0] <= now():
            _, sender, serial = self._late.pop(0)
            self.raw.answer(sender, serial)

    def _register(self, path):
        each = self._registrations[path]
        self._register_at[path] = now() + 1000  # until the answer comes

        def on_reply(body, error):
            self._register_at[path] = now() + REGISTER_SECONDS
            if error is None:
                self.log.add({
                    "is": "registered", "path": path, "name": each["name"], "prefix": each["prefix"],
                    "values": plain(body[0]), "revision": body[1],
                })  # fmt: skip
            elif not is_unanswered(error):
                self.log.add({"is": "refused", "path": path, "error": error[0], "text": error[1][:200]})
            if error is None or not is_unanswered(error):
                self._begin(path)

        flags = OPTIONAL if each.get("optional") else 0
        given = {"timeout-usec": ("t", TIMEOUT_USEC)}
        arguments = [each["prefix"], path, flags, given]
        self.ask(path_of(each["name"]), NAMESPACE, "RegisterParticipant", "sota{sv}", arguments, on_reply)

    def _begin(self, path):
        if len(self._begun) < len(self._registrations):
            self._begun.add(path)
            if len(self._begun) == len(self._registrations):
                self.say("registered")

    def on_call(self, message):
        member, path, body = message.field(MEMBER), message.field(PATH), message.body()
        sender, serial = message.field(SENDER), message.serial
        if member == "Prepare":
            transaction, name, set_, unset, current = body
            mood = self._random.choice(self._moods)
            self.log.add({
                "is": "prepare", "path": path, "of": transaction, "name": name, "set": plain(set_), "unset": unset,
                "current": plain(current), "mood": mood,
            })  # fmt: skip
            self._answer(mood, sender, serial)
        elif member == "Commit":
            self.log.add({"is": "commit", "path": path, "of": body[0], "revision": body[1]})
            self.raw.answer(sender, serial, error=self._random.random() < 0.1)
        elif member == "Abort":
            self.log.add({"is": "abort", "path": path, "of": body[0]})
            self.raw.answer(sender, serial)
        else:
            super().on_call(message)

    def _answer(self, mood, sender, serial):
        if mood == "agree":
            self.raw.answer(sender, serial)
        elif mood == "veto":
            self.raw.answer(sender, serial, error=True, text=self._random.choice(REASONS))
        elif mood == "late":
            self._late.append((now() + LATE_SECONDS, sender, serial))


if __name__ == "__main__":
    Participant(json.loads(sys.argv[2])).run()
