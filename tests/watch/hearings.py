# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds what each participant was asked and told against what was committed.

A change that it was asked about is committed when it was told of a Commit, with what it was shown and nothing else; is
not when it refused, or was told of an Abort; and no change that it was to be asked about came about without it.
"""

import dataclasses

from evidence import REMOVED, TEMPORARY, UNTOLD, Broken, family, short


@dataclasses.dataclass
class Registration:
    path: str
    name: str
    prefix: str
    since: int
    last: int = 0  # the last revision that it was told of
    told: set = dataclasses.field(default_factory=set)
    is_asked: bool = False  # before that, what others had agreed to already may be committed


class Hearing:
    """The log of one participant."""

    def __init__(self, judge, lines):
        self._judge = judge
        self._evidence = judge.evidence
        self._lines = lines
        self._asked = {}  # (path, transaction): its line
        self._registered = {}  # path: Registration
        self._ended = []
        self._verbs = {
            "began": self._began, "lost": self._began, "registered": self._register, "prepare": self._prepare,
            "abort": self._abort, "commit": self._commit,
        }  # fmt: skip
        self.counts = dict.fromkeys(("prepare", "commit", "abort", "unasked"), 0)

    def check(self):
        for number, line in enumerate(self._lines):
            try:
                self._verbs.get(line["is"], lambda _: None)(line)
            except Broken as error:
                raise Broken(f"line {number + 1}: {error}") from None
        self._began(None)
        for registration in self._ended:
            self._check_was_asked(registration)
        return self.counts

    def _began(self, _line):
        """All that was under way ended without a word."""
        self._asked.clear()
        self._ended += self._registered.values()
        self._registered.clear()

    def _register(self, line):
        if line["path"] in self._registered:
            self._ended.append(self._registered[line["path"]])
        revision = line["revision"]
        self._registered[line["path"]] = Registration(line["path"], line["name"], line["prefix"], revision, revision)
        for key, value in line["values"].items():
            self._judge.check_read(line["name"], key, value, revision)

    def _prepare(self, line):
        self.counts["prepare"] += 1
        asked = (line["path"], line["of"])
        if asked in self._asked:
            raise Broken(f"asked twice about transaction {line['of']}")
        registration = self._registered.get(line["path"])
        if registration is None:
            raise Broken("asked before it registered")
        self._asked[asked] = line
        registration.is_asked = True
        for key in [*line["set"], *line["unset"], *line["current"]]:
            if not key.startswith(registration.prefix):
                raise Broken(f"asked about {key}, which is not below {registration.prefix}")
        for key, value in line["set"].items():
            request = self._evidence.requests.get(value.split("|")[0])
            if request is None or value not in (
                request.text_of(line["name"], key), request.shown.get(line["name"], {}).get(key)
            ):
                raise Broken(f"asked about {key} {short(value)}, which nobody sent")
            if line["mood"] == "veto" and request.is_acknowledged():
                raise Broken(f"{request} was refused, and acknowledged")

    def _abort(self, line):
        self.counts["abort"] += 1
        asked = self._asked.pop((line["path"], line["of"]), None)
        if asked is None:
            raise Broken(f"told of the end of {line['of']}, about which it was not asked")
        for value in asked["set"].values():
            request = self._evidence.requests[value.split("|")[0]]
            if request.is_acknowledged() and request.kind != "dry":
                raise Broken(f"told that {request} was not to be, and it was acknowledged")

    def _commit(self, line):
        self.counts["commit"] += 1
        asked = self._asked.pop((line["path"], line["of"]), None)
        registration = self._registered.get(line["path"])
        if registration:
            if line["revision"] <= registration.last:
                raise Broken(f"told of revision {line['revision']} after {registration.last}")
            registration.last = line["revision"]
            registration.told.add(line["revision"])
        if asked is None:
            self.counts["unasked"] += 1
            self._check_is_unasked(line["revision"], registration)
            return
        if asked["mood"] == "veto":
            raise Broken(f"refused {line['of']}, and was told of its commit at {line['revision']}")
        self._check_is_as_shown(asked, line["revision"], registration.prefix if registration else "")

    def _check_is_as_shown(self, asked, revision, prefix):
        shown = {**asked["set"], **dict.fromkeys(asked["unset"], REMOVED)}
        commit = self._evidence.commits.get((revision, asked["name"]), {})
        for key, value in commit.items():
            if key.startswith(prefix) and value != UNTOLD and shown.get(key, "nothing at all") != value:
                raise Broken(f"{asked['name']} {key} became {short(value)} at {revision}, and was shown otherwise")
        for key in shown:
            self._judge.check_read(asked["name"], key, asked["current"].get(key), revision - 1)

    def _check_is_unasked(self, revision, registration):
        """What regentd does by itself, or what cannot be refused."""
        if registration is None or not registration.is_asked:
            return
        for key in self._evidence.commits.get((revision, registration.name), {}):
            if key.startswith(registration.prefix) and family(key) not in TEMPORARY:
                raise Broken(f"told of {key} at {revision}, and not asked")

    def _check_was_asked(self, registration):
        for (revision, name), commit in self._evidence.commits.items():
            is_due = registration.since < revision <= registration.last and name == registration.name
            if is_due and revision not in registration.told:
                keys = sorted(key for key in commit if key.startswith(registration.prefix))
                if keys:
                    raise Broken(f"{keys} changed at {revision}, and it was not asked")
