# SPDX-License-Identifier: LGPL-2.1-or-later
"""What was asked for, and what is known of each commit: from the logs of all writers and all watchers together.

Every signal of every watcher is a witness of what a commit did to what readers see, and so is every acknowledged write.
No two may disagree; what one has seen, another that covers it must have been told too.
"""

import dataclasses


class Broken(AssertionError):
    """Something was seen that may not be."""


REMOVED = None
UNTOLD = "(invalidated)"
LOOSE = ("h", "k")  # families whose keys may uncover an older value
TEMPORARY = ("s", "c")  # families whose keys change without a request


def family(key):
    return key.split(".")[0]


@dataclasses.dataclass
class Request:
    """outcome: the revision of an acknowledged one, 0 where a reply told none, None when nothing is known, or the
    error it was refused with."""

    who: str
    number: int
    kind: str
    sets: dict
    unsets: dict
    loose: dict
    connection: int
    name: str = ""
    shown: dict = dataclasses.field(default_factory=dict)  # to participants alone
    outcome: object = None
    first: int | None = None  # the revision at which something of it was seen first

    def is_refused(self):
        return isinstance(self.outcome, str) or self.kind in ("dry", "hidden", "conflict")

    def is_acknowledged(self):
        return isinstance(self.outcome, int) and not self.is_refused()

    def is_unknown(self):
        return self.outcome is None and not self.is_refused()

    def text_of(self, name, key):
        return self.sets.get(name, {}).get(key) or self.loose.get(name, {}).get(key)

    def __str__(self):
        return f"{self.kind} {self.who}.{self.number} ({self.outcome})"


def read_requests(lines):
    """Of one writer's log: {number: Request}."""
    requests, connection, who = {}, 0, ""
    for line in lines:
        if line["is"] == "began":
            connection += 1
            who = line["who"]
        elif line["is"] == "sent":
            requests[line["n"]] = Request(
                who, line["n"], line["kind"], line["sets"], line["unsets"], line.get("loose", {}), connection,
                line.get("name", ""), line.get("shown", {}),
            )  # fmt: skip
        elif line["is"] == "done":
            requests[line["n"]].outcome = line["revision"] or 0
        elif line["is"] == "refused":
            requests[line["n"]].outcome = line["error"]
    return requests


class Evidence:
    """commits: {(revision, namespace): {key: value, REMOVED or UNTOLD}}."""

    def __init__(self, writer_logs, watcher_logs):
        self.requests = {}
        self.commits = {}
        self.by_revision = {}  # of acknowledged requests that must have made a commit
        for lines in writer_logs:
            requests = read_requests(lines)
            self.requests.update({f"{each.who}.{each.number}": each for each in requests.values()})
            self._check_order(requests.values())
        for request in self.requests.values():
            self._add_request(request)
        for lines in watcher_logs:
            for line in lines:
                if line["is"] == "changed":
                    self._add_change(line)
        self._attribute()
        self._check_commits()

    def _check_order(self, requests):
        """Writes of one connection to one namespace are sequenced in the order they were sent."""
        highest = {}
        for request in requests:
            if not request.is_acknowledged() or not request.sets:
                continue
            for name in request.sets:
                last = highest.get((request.connection, name), 0)
                if request.outcome <= last and request.outcome:
                    raise Broken(f"{request} of {name} came after revision {last} of its connection")
                highest[request.connection, name] = max(last, request.outcome)

    def _add_request(self, request):
        if not request.is_acknowledged() or not request.outcome:
            return
        if any(request.loose.values()):
            request.first = request.outcome  # what it has set may be seen later, when it is uncovered
        if not any(request.sets.values()):
            return
        other = self.by_revision.setdefault(request.outcome, request)
        if other is not request:
            raise Broken(f"{other} and {request} were given the same revision")
        request.first = request.outcome
        for name, texts in request.sets.items():
            for key, text in texts.items():
                self._witness(request.outcome, name, key, text, f"the reply to {request}")

    def _witness(self, revision, name, key, value, who):
        commit = self.commits.setdefault((revision, name), {})
        known = commit.setdefault(key, value)
        if UNTOLD in (known, value):
            if REMOVED in (known, value):
                raise Broken(f"{name} {key} was set at {revision} for one and removed for another: {who}")
            commit[key] = value if known == UNTOLD else known
        elif known != value:
            raise Broken(f"{name} {key} at {revision}: {who} says {short(value)}, another {short(known)}")

    def _add_change(self, line):
        revision, name, who = line["revision"], line["name"], f"a Changed at {line['path']}"
        told = [*line["changed"], *line["removed"], *line["invalidated"]]
        if len(set(told)) != len(told):
            raise Broken(f"{name} at {revision}: a key is named twice in one Changed")
        for key, value in line["changed"].items():
            self._witness(revision, name, key, value, who)
        for key in line["removed"]:
            self._witness(revision, name, key, REMOVED, who)
        for key in line["invalidated"]:
            self._witness(revision, name, key, UNTOLD, who)

    def origin(self, name, key, value):
        """The request that a value is of. Raises Broken when nobody sent it, or it was refused."""
        request = self.requests.get(value.split("|")[0])
        if request is None or request.text_of(name, key) != value:
            raise Broken(f"{name} {key} is {short(value)}, which nobody sent")
        if request.is_refused():
            raise Broken(f"{name} {key} is of {request}, which was refused")
        return request

    def _attribute(self):
        """Finds the revision of each request that was answered with none."""
        for (revision, name), commit in sorted(self.commits.items()):
            for key, value in commit.items():
                if value in (REMOVED, UNTOLD):
                    continue
                request = self.origin(name, key, value)
                if request.first is None:
                    request.first = revision
                if request.first > revision:
                    raise Broken(f"{name} {key} at {revision} is of {request}, which is later")

    def _check_commits(self):
        """Each commit is one request, whole, or one of those that regentd makes by itself."""
        of_revision = {}
        for (revision, name), commit in sorted(self.commits.items()):
            for key, value in commit.items():
                if value not in (REMOVED, UNTOLD):
                    request = self.origin(name, key, value)
                    # One of unknown outcome may have been covered by another until now.
                    if request.first == revision and not (request.loose and request.is_unknown()):
                        other = of_revision.setdefault(revision, request)
                        if other is not request:
                            raise Broken(f"{other} and {request} are one commit, {revision}")
        for (revision, name), commit in sorted(self.commits.items()):
            request = of_revision.get(revision)
            if request:
                self._check_is_of(request, revision, name, commit)
            else:
                self._check_is_unasked(revision, name, commit)

    def _check_is_of(self, request, revision, name, commit):
        allowed = {**request.loose.get(name, {}), **request.sets.get(name, {})}
        unset = request.unsets.get(name, [])
        for key, value in commit.items():
            if value == UNTOLD and key in allowed:
                continue
            if value is REMOVED and key in unset:
                continue
            if family(key) in LOOSE and (key in unset or key in allowed):
                continue
            if key not in allowed or value != allowed[key]:
                raise Broken(f"{name} {key} became {short(value)} at {revision}, with {request}")

    def _check_is_unasked(self, revision, name, commit):
        """A commit that sets nothing new: deletions, undoings, session entries that go, a restoration."""
        if all(family(key) in TEMPORARY + LOOSE for key in commit):
            return
        for request in self.requests.values():
            if request.kind in ("restore", "remove", "create") and request.outcome in (revision, None, 0):
                return
            is_candidate = request.outcome == revision or request.is_unknown()
            if is_candidate and all(
                value is REMOVED and key in request.unsets.get(name, []) for key, value in commit.items()
            ):
                return
        raise Broken(f"{name} changed at {revision}, and nobody asked for it: {sorted(commit)}")


def short(value):
    return "nothing" if value is None else repr(value[:40])
