#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A process that watches, and writes down what it is told: watcher.py SUPPORT SPEC, SPEC being JSON.

It goes on after regentd's death and its own with `since`. Now and then it reads everything, between two changes and on
the same connection, so that what it was told until then must be what it reads. Commands: `settle` (read everything once
more, and say so), and the end of stdin.
"""

import json
import random
import sys

sys.path.insert(0, sys.argv[1])

# pylint: disable=wrong-import-position
from follower import Follower
from plants import plant
from process import Process, is_unanswered, now, plain, read_log
from regent_testing.names import MANAGER, NAMESPACE, PROPERTIES, ROOT_PATH
from regent_testing.wire import INTERFACE, MEMBER, PATH

RETRY_SECONDS = 0.03
CALL_SECONDS = 8  # regentd does not answer at all whoever leaves too much unread, and a client asks again
GAP_SECONDS = 10  # within which regentd says by itself that something is missing
HISTORY_LOST = "org.regentd.State1.Error.HistoryLost"
ACKNOWLEDGED = 1


class Watcher(Process):
    turn_seconds = RETRY_SECONDS

    def __init__(self, spec):
        self._random = random.Random(spec["seed"])
        self.followers = [Follower(each) for each in spec["watches"]]
        for line in read_log(spec["log"]):
            for follower in self.followers:
                follower.take(line)
        super().__init__(spec["socket"], spec["log"])
        self._plant = plant(spec.get("plant"))
        self._epoch = None
        self._gap_seconds = spec.get("gap_seconds", GAP_SECONDS)
        self._is_settling = False
        self._began = set()
        self._refused = set()
        self._busy = {}  # follower.id: until when nothing is to be begun, unless the answer comes before
        self._n_asked = {}  # follower.id: the calls so far, so that an answer that is too late is known
        self._settled = set()
        self._gaps = {}  # follower.id: until when a Resynchronize has to follow a gap
        self.note({"is": "began", "name": self.raw.name})

    def note(self, line):
        """Writes a line down, and has the followers follow it."""
        self.log.add(line)
        return [follower for follower in self.followers if not follower.take(line)]

    def on_owner(self):
        self._epoch = None
        self._busy.clear()
        self._gaps.clear()
        self.note({"is": "lost"})
        if self.owner:
            self.ask(ROOT_PATH, PROPERTIES, "Get", "ss", [MANAGER, "Epoch"], self._on_epoch)

    def _on_epoch(self, body, error):
        if not error:
            self._epoch = body[0][1]

    def on_command(self, word):
        assert word == "settle", word
        self._is_settling = True
        self._settled = set()

    def on_turn(self):
        if self._epoch is None:
            return
        for follower in self.followers:
            self._step(follower)
            if len(self._began) < len(self.followers):
                self._note_begin(follower)
        if self._is_settling and len(self._settled) == len(self.followers):
            self._is_settling = False
            self.say("settled")

    def _note_begin(self, follower):
        """Says `watching` when there is nothing that is not watched, or had to be refused."""
        if follower.known is not None or follower.id in self._refused:
            self._began.add(follower.id)
            if len(self._began) == len(self.followers):
                self.say("watching")

    def _step(self, follower):
        if follower.id in self._busy:
            if now() < self._busy[follower.id]:
                return
            del self._busy[follower.id]
        if follower.kind == "poll":
            self._poll(follower)
        elif follower.number is None:
            self._watch(follower)
        elif follower.is_stale:
            self._mend(follower)
        elif self._is_settling and follower.id not in self._settled:
            self._read(follower)

    def _ask_for(self, follower, path, interface, member, signature, things, on_body):
        """One call at a time for each follower. on_body(body) is left out when regentd goes before it answers."""
        owner = self.owner
        self._busy[follower.id] = now() + CALL_SECONDS
        number = self._n_asked[follower.id] = self._n_asked.get(follower.id, 0) + 1

        def on_reply(body, error):
            if owner != self.owner or number != self._n_asked[follower.id]:
                return
            self._busy.pop(follower.id, None)
            if error is None:
                on_body(body)
            elif not is_unanswered(error):
                self._on_refused(follower, member, error)

        self.ask(path, interface, member, signature, things, on_reply)

    def _on_refused(self, follower, member, error):
        self.note({"is": "refused", "of": follower.id, "member": member, "error": error[0], "text": error[1][:200]})
        self._busy[follower.id] = now() + RETRY_SECONDS
        self._refused.add(follower.id)
        if error[0] == HISTORY_LOST:
            self.note({"is": "forgot", "of": follower.id})
        elif member in ("Watch", "GetChanges") or follower.kind == "poll":
            # Absent, or not ours to read: there is nothing to compare.
            self._settled.add(follower.id)

    def _watch(self, follower, resume=None):
        given = {}
        if follower.known is not None:
            given = {"since": ("t", follower.since), "epoch": ("s", follower.epoch)}
        if resume is not None:
            given["resume"] = ("t", resume)
        since, epoch = follower.since, self._epoch
        flags = ACKNOWLEDGED if follower.is_acknowledged else 0

        def on_body(body):
            number, values, removed, *complete, revision = body
            unknown = None
            if follower.is_manager and since is not None:
                unknown = set(values).difference(follower.names, *complete)
            self._note_state("watched", follower, since, epoch, values, removed, complete, revision, number=number)
            if unknown:
                # May be read again: what differs from then is not all of it.
                self.note({"is": "forgot", "of": follower.id})
            elif self._random.random() < 0.7:
                self._read(follower)

        self._ask_for(
            follower, follower.path, follower.interface, "Watch", "sta{sv}",
            [follower.name if follower.is_manager else follower.prefix, flags, given], on_body,
        )  # fmt: skip

    def _note_state(self, what, follower, since, epoch, values, removed, complete, revision, **more):
        if follower.is_manager:
            values = {name: plain(inner[1]) for name, inner in values.items()}
            removed = {name: inner[1] for name, inner in removed.items()}
            complete = complete[0]
        else:
            values, removed, complete = {follower.name: plain(values)}, {follower.name: removed}, []
        values, removed = self._plant.answer(since, values, removed)
        self.note({
            "is": what, "of": follower.id, "path": follower.path, "since": since, "epoch": epoch,
            "revision": revision, "values": values, "removed": removed, "complete": complete, **more,
        })  # fmt: skip

    def _mend(self, follower):
        """After something was missed. A gap alone is not enough: regentd knows of it, and says so."""
        until = self._gaps.get(follower.id)
        if until is not None:
            if now() < until:
                return
            del self._gaps[follower.id]
            self.note({"is": "forsaken", "of": follower.id})
        if follower.known is None:
            self._unwatch(follower)
        elif follower.is_acknowledged or self._random.random() < 0.5:
            self._watch(follower, resume=follower.number)
        elif follower.is_manager:
            self._unwatch(follower)
        else:
            self._get_changes(follower)

    def _unwatch(self, follower):
        number = follower.number

        def on_body(_body):
            self.note({"is": "unwatched", "path": follower.path, "number": number})

        self._ask_for(follower, follower.path, follower.interface, "Unwatch", "t", [number], on_body)

    def _get_changes(self, follower):
        since, epoch = follower.since, self._epoch
        given = {"epoch": ("s", follower.epoch), "prefix": ("s", follower.prefix)}

        def on_body(body):
            self._note_state("caught-up", follower, since, epoch, body[0], body[1], [], body[2])

        self._ask_for(follower, follower.path, NAMESPACE, "GetChanges", "ta{sv}", [since, given], on_body)

    def _poll(self, follower):
        """GetChanges now and then, and no watch."""
        if follower.known is not None and self._is_settling:
            self._read(follower)
        elif follower.known is not None:
            self._get_changes(follower)
        else:
            self._read_first(follower)

    def _read_first(self, follower):
        epoch = self._epoch

        def on_body(body):
            self._note_state("caught-up", follower, None, epoch, body[0], [], [], body[1])

        given = {"prefix": ("s", follower.prefix)}
        self._ask_for(follower, follower.path, NAMESPACE, "GetMany", "asa{sv}", [[], given], on_body)

    def _read(self, follower):
        """What is there, to be held against what was told."""
        if follower.kind == "poll":
            self._settled.add(follower.id)
            self._get_changes(follower)
            return
        is_settling = self._is_settling

        def on_body(body):
            values, revision = body
            if follower.is_manager:
                values = {name: plain(inner[1]) for name, inner in values.items()}
            else:
                values = {follower.name: plain(values)}
            self.note({"is": "read", "of": follower.id, "values": values, "revision": revision})
            if is_settling and not follower.is_stale and follower.number is not None:
                self._settled.add(follower.id)

        names = sorted(follower.names) if follower.is_manager else []
        given = {} if follower.is_manager else {"prefix": ("s", follower.prefix)}
        self._ask_for(follower, follower.path, follower.interface, "GetMany", "asa{sv}", [names, given], on_body)

    def on_signal(self, message):
        for each in self._plant(message):
            self._on_signal(each)

    def _on_signal(self, message):
        member, path = message.field(MEMBER), message.field(PATH)
        if message.field(INTERFACE) not in (MANAGER, NAMESPACE):
            return
        body = message.body()
        if member == "Changed":
            number, name, previous, revision, changed, removed, invalidated = body
            line = {
                "is": "changed", "path": path, "number": number, "name": name, "previous": previous,
                "revision": revision, "changed": plain(changed), "removed": removed, "invalidated": invalidated,
            }  # fmt: skip
            for follower in self.note(line):
                self._gaps[follower.id] = now() + self._gap_seconds
            self._after_change(line)
        elif member == "Resynchronize":
            line = {"is": "resynchronize", "path": path, "number": body[0], "name": body[1], "revision": body[2]}
            self.note(line)
            for follower in self.followers:
                if follower.is_named(line):
                    self._gaps.pop(follower.id, None)
        elif member == "WatchEnded":
            self.note({"is": "ended", "path": path, "number": body[0], "name": body[1], "reason": body[2]})

    def _after_change(self, line):
        for follower in self.followers:
            if not follower.is_named(line) or follower.id in self._busy:
                continue
            if follower.is_acknowledged and self._random.random() < 0.02:
                arguments = [follower.number, line["revision"]]
                self.ask(follower.path, follower.interface, "Acknowledge", "tt", arguments, lambda *_: None)
            if self._random.random() < 0.02 and not follower.is_stale:
                self._read(follower)


if __name__ == "__main__":
    Watcher(json.loads(sys.argv[2])).run()
