# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds what each watcher was told against everything else that is known (evidence.py).

Of each watch: revisions grow, nothing comes twice, nothing is left out without notice, and what was told of each commit
is all that it did below the prefix. The state that one has from the first reply, the signals and what `since` gave,
across deaths of everyone, is what is read at that revision. And what is read holds every write that was acknowledged.
"""

import bisect
import dataclasses

from evidence import LOOSE, REMOVED, TEMPORARY, UNTOLD, Broken, Evidence, family, short
from follower import Follower


@dataclasses.dataclass
class Counts:
    changes: int = 0
    reads: int = 0
    since: int = 0
    lost: int = 0
    resynchronized: int = 0
    ended: int = 0

    def __str__(self):
        return ", ".join(f"{field.name} {getattr(self, field.name)}" for field in dataclasses.fields(self))


class Judge:
    """writer_logs: lists of lines. watchers: {who: (specs, lines)}."""

    def __init__(self, writer_logs, watchers):
        self.evidence = Evidence(writer_logs, [lines for _, lines in watchers.values()])
        self.counts = Counts()
        self._watchers = watchers
        self._timelines = {}
        self._ordered = sorted(self.evidence.commits)
        for revision, name in self._ordered:
            for key, value in self.evidence.commits[revision, name].items():
                self._timelines.setdefault((name, key), []).append((revision, value))
        requests = self.evidence.requests.values()
        self._wholesale = [each for each in requests if each.kind in ("restore", "remove")]

    def check(self):
        for who, (specs, lines) in self._watchers.items():
            for spec in specs:
                trial = Trial(self, spec)
                for index, line in enumerate(lines):
                    try:
                        trial.take(line)
                    except Broken as error:
                        raise Broken(f"watcher {who}, watch {spec['id']}, line {index + 1}: {error}") from None
                trial.end()
            self._check_connection(who, lines)
        return self.counts

    @staticmethod
    def _check_connection(who, lines):
        """Signals come for watches that are, and for no others; and in the order of the commits over all watches."""
        known, last = {}, 0
        for index, line in enumerate(lines):
            if line["is"] in ("began", "lost"):
                known, last = {}, 0
            elif line["is"] == "watched":
                known[line["path"], line["number"]] = line["of"]
            elif line["is"] in ("ended", "unwatched"):
                known.pop((line["path"], line["number"]), None)
            elif line["is"] in ("changed", "resynchronize"):
                if (line["path"], line["number"]) not in known:
                    raise Broken(f"watcher {who}, line {index + 1}: a signal for no watch: {line['number']}")
                if line["is"] == "changed" and line["revision"] < last:
                    raise Broken(f"watcher {who}, line {index + 1}: revision {line['revision']} comes after {last}")
                if line["is"] == "changed":
                    last = line["revision"]

    def due(self, follower, after, until):
        """[(revision, name, {key: value})] of all commits that a watch is to be told of, in order."""
        found = []
        start = bisect.bisect_left(self._ordered, (after + 1, ""))
        for revision, name in self._ordered[start : bisect.bisect_left(self._ordered, (until + 1, ""))]:
            if follower.covers(name):
                commit = self.evidence.commits[revision, name]
                keys = {key: value for key, value in commit.items() if key.startswith(follower.prefix)}
                if keys:
                    found.append((revision, name, keys))
        return found

    def check_read(self, name, key, value, revision):
        """What is read of one key, against what was acknowledged and told before."""
        if value is not None:
            self.evidence.origin(name, key, value)
        if family(key) in TEMPORARY + LOOSE:
            return
        at, expected = self._last(name, key, revision)
        if value == expected or expected == UNTOLD or self._was_replaced(name, at, revision):
            return
        for request in self.evidence.requests.values():
            is_possible = request.is_unknown() or request.outcome == 0 or (
                request.is_acknowledged() and at < request.outcome <= revision
            )
            if is_possible and (
                request.text_of(name, key) == value if value is not None else key in request.unsets.get(name, [])
            ):
                return
        raise Broken(f"{name} {key} is {short(value)} at {revision}, and was {short(expected)} at {at}")

    def _last(self, name, key, revision):
        found = (0, None)
        for at, value in self._timelines.get((name, key), []):
            if at <= revision:
                found = (at, value)
        return found

    def _was_replaced(self, name, after, until):
        """By a restoration, or by a removal of the namespace."""
        for request in self._wholesale:
            is_within = request.is_acknowledged() and after < request.outcome <= until
            if request.name in ("", name) and (request.is_unknown() or request.outcome == 0 or is_within):
                return True
        return False


class Trial:
    """One watch of one watcher, through its whole log."""

    def __init__(self, judge, spec):
        self._judge = judge
        self._spec = spec
        self._follower = Follower(spec)
        self._state = {}
        self._begin = None  # the revision from which on every commit must have been told
        self._told = []  # (revision, name, {key: value}) since then
        self._is_gap = False

    def take(self, line):
        before = (self._follower.number, self._follower.is_stale, self._follower.since)
        is_ours = self._follower.is_named(line) if "number" in line and line["is"] != "watched" else False
        if line["is"] == "changed" and is_ours:
            self._changed(line)
            return
        if line["is"] in ("resynchronize", "ended") and is_ours:
            self._close()
            self._is_gap = False
            self._judge.counts.resynchronized += line["is"] == "resynchronize"
            self._judge.counts.ended += line["is"] == "ended"
        elif line["is"] in ("began", "lost", "unwatched"):
            if line["is"] != "unwatched" or is_ours:
                self._close()
                self._is_gap = False
        self._follower.take(line)
        if line.get("of") != self._spec["id"]:
            return
        if line["is"] in ("watched", "caught-up"):
            self._replied(line, before)
        elif line["is"] == "read":
            follower = self._follower
            # One that was asked for before the watch ended may be answered by another namespace of that name.
            if follower.number is not None and not follower.is_stale and follower.known is not None:
                self._read(line)
        elif line["is"] == "forgot":
            self._close()
            self._state = {}
            self._is_gap = False
            self._judge.counts.lost += 1
        elif line["is"] == "forsaken":
            raise Broken("changes were left out, and no Resynchronize said so")

    def end(self):
        self._close()

    def _changed(self, line):
        follower = self._follower
        revision, name, previous = line["revision"], line["name"], line["previous"]
        self._judge.counts.changes += 1
        self._check_named(line)
        is_same_commit = follower.is_manager and revision == follower.last and not any(
            told[:2] == (revision, name) for told in self._told
        )
        if revision <= follower.last and not is_same_commit:
            raise Broken(f"revision {revision} comes after {follower.last}")
        if not follower.is_stale and revision <= follower.known and not is_same_commit:
            raise Broken(f"revision {revision} was part of what was read at {follower.known}")
        if previous < follower.last:
            raise Broken(f"revision {revision}: previous is {previous} after {follower.last}")
        was_stale = follower.is_stale
        fits = follower.take(line)
        if was_stale:
            return
        if not fits:
            self._close()
            self._is_gap = True
            return
        told = {
            **line["changed"], **dict.fromkeys(line["removed"], REMOVED), **dict.fromkeys(line["invalidated"], UNTOLD),
        }  # fmt: skip
        if not told and not follower.is_manager:
            raise Broken(f"revision {revision} tells of nothing")
        self._told.append((revision, name, told))
        self._apply(name, told, revision)

    def _check_named(self, line):
        if not self._follower.covers(line["name"]):
            raise Broken(f"a change of {line['name']} at {line['revision']}")
        for key in [*line["changed"], *line["removed"], *line["invalidated"]]:
            if not self._follower.covers(line["name"], key):
                raise Broken(f"a change of {key} at {line['revision']}")

    def _apply(self, name, told, revision):
        values = self._state.setdefault(name, {})
        for key, value in told.items():
            known = values.get(key)
            if value is REMOVED and known is None:
                raise Broken(f"{name} {key} was removed at {revision}, and was not there")
            if value == known and value != UNTOLD:
                raise Broken(f"{name} {key} changed at {revision} into what it was")
            if value is REMOVED:
                del values[key]
            else:
                values[key] = value

    def _replied(self, line, before):
        """What a Watch or a GetChanges has answered."""
        _, was_stale, since = before
        if line["is"] == "caught-up" and not was_stale and self._begin is not None:
            raise Broken("a watch that had everything was read again")
        if line["since"] is None:
            self._state = {name: dict(values) for name, values in line["values"].items()}
        else:
            self._judge.counts.since += 1
            if line["since"] != since:
                raise Broken(f"since {line['since']} and not {since}: the test itself is wrong")
            if line["revision"] < since:
                raise Broken(f"since {since} gave revision {line['revision']}")
            self._catch_up(line)
        for name, values in self._state.items():
            self._check_values(name, values, line["revision"])
        self._told = []
        self._begin = line["revision"] if self._follower.number is not None else None

    def _catch_up(self, line):
        if self._follower.is_manager:
            self._state = {name: values for name, values in self._state.items() if name in line["values"]}
        for name, values in line["values"].items():
            if name in line["complete"]:
                self._state[name] = {}
            self._state.setdefault(name, {}).update(values)
        for name, keys in line["removed"].items():
            for key in keys:
                self._state.get(name, {}).pop(key, None)

    def _check_values(self, name, values, revision):
        for key in values:
            if not self._follower.covers(name, key):
                raise Broken(f"{name} {key} is not below the prefix")
            if values[key] != UNTOLD:
                self._judge.check_read(name, key, values[key], revision)

    def _read(self, line):
        """Between two changes: what is read must be what was told."""
        self._judge.counts.reads += 1
        if line["revision"] < self._follower.known:
            raise Broken(f"a read at {line['revision']} came after revision {self._follower.known}")
        for name, values in line["values"].items():
            told = self._state.get(name, {})
            for key in sorted({*values, *told}):
                is_same = values.get(key) == told.get(key) or (told.get(key) == UNTOLD and key in values)
                if not is_same:
                    both = f"read {short(values.get(key))}, told {short(told.get(key))}"
                    raise Broken(f"{name} {key} at {line['revision']}: {both}")
            self._check_values(name, values, line["revision"])
            for key in self._keys_of(name) - values.keys():
                self._judge.check_read(name, key, None, line["revision"])
            self._state[name] = dict(values)
        self._until(line["revision"])

    def _keys_of(self, name):
        return {key for at, key in self._judge._timelines if at == name and self._follower.covers(name, key)}

    def _until(self, revision):
        """All that was due until a revision must have been told by now."""
        if self._begin is None or self._is_gap:
            return
        due = self._judge.due(self._follower, self._begin, revision)
        told = {(at, name): keys for at, name, keys in self._told}
        uncertain = self._spec.get("uncertain", [])
        for at, name, keys in due:
            if name in uncertain:
                continue
            if (at, name) not in told:
                raise Broken(f"{name} changed at {at}, and that was not told: {sorted(keys)}")
            missing = keys.keys() - told[at, name].keys()
            if missing:
                raise Broken(f"{name} at {at}: not told of {sorted(missing)}")
        self._begin = max(self._begin, revision)
        self._told = [each for each in self._told if each[0] >= self._begin]

    def _close(self):
        """Nothing more is known to be due than what came last."""
        if self._told:
            # A commit over several namespaces may have been cut off in between.
            self._until(max(at for at, _, _ in self._told) - self._follower.is_manager)
        self._begin = None
        self._told = []
