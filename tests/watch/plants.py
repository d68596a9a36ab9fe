# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bugs as a watcher would see them: what regentd has sent is altered on its way, a single time.

Each shows that the judge finds it. A plant is made with the connection, and turns a message into those that are seen.
"""

from regent_testing.wire import MEMBER, Message


class Altered(Message):
    """A message whose body is another than it was."""

    def __init__(self, message, body):
        super().__init__(message.kind, message.serial, message.fields, b"")
        self._altered = body

    def body(self):
        return list(self._altered)


class Plant:
    """Waits for the n-th Changed that suits it."""

    def __init__(self, after):
        self._left = after

    def __call__(self, message):
        if message.field(MEMBER) != "Changed" or self._left <= 0:
            return self.pass_on(message)
        body = message.body()
        if not self.suits(*body):
            return self.pass_on(message)
        self._left -= 1
        return self.act(message, *body) if self._left == 0 else self.pass_on(message)

    def pass_on(self, message):
        return [message]

    def answer(self, _since, values, removed):
        """What a reply says: values and removed, by namespace."""
        return values, removed

    def suits(self, _number, _name, _previous, _revision, changed, _removed, _invalidated):
        return bool(changed)

    def act(self, message, *body):
        raise NotImplementedError


class Dropped(Plant):
    def act(self, message, *body):
        return []


class Doubled(Plant):
    def act(self, message, *body):
        return [message, message]


class Swapped(Plant):
    """One is late by one of its watch; there is no order between those of two."""

    held = None

    def act(self, message, *body):
        self.held = message
        return []

    def pass_on(self, message):
        if not self.held or message.field(MEMBER) != "Changed" or message.body()[0] != self.held.body()[0]:
            return [message]
        held, self.held = self.held, None
        return [message, held]


class ValueAltered(Plant):
    def act(self, message, number, name, previous, revision, changed, removed, invalidated):
        key = min(changed)
        kind, text = changed[key]
        other = {**changed, key: (kind, text + "!")}
        return [Altered(message, [number, name, previous, revision, other, removed, invalidated])]


class PreviousWrong(Plant):
    """As if the one before it had been left out; or, where it had been, as if not."""

    def act(self, message, number, name, previous, revision, changed, removed, invalidated):
        return [Altered(message, [number, name, previous - 1, revision, changed, removed, invalidated])]


class KeyMissing(Plant):
    """Half of a commit."""

    def suits(self, _number, _name, _previous, _revision, changed, _removed, _invalidated):
        return len(changed) > 1

    def act(self, message, number, name, previous, revision, changed, removed, invalidated):
        rest = dict(sorted(changed.items())[1:])
        return [Altered(message, [number, name, previous, revision, rest, removed, invalidated])]


class RemovedMissing(Plant):
    def suits(self, _number, _name, _previous, _revision, _changed, removed, _invalidated):
        return bool(removed)

    def act(self, message, number, name, previous, revision, changed, removed, invalidated):
        return [Altered(message, [number, name, previous, revision, changed, removed[1:], invalidated])]


class Silenced(Plant):
    """Dropped, and `previous` of the next is mended, so that the gap does not show."""

    missing = None

    def act(self, message, number, name, previous, revision, changed, removed, invalidated):
        self.missing = (number, revision, previous)
        return []

    def pass_on(self, message):
        if self.missing and message.field(MEMBER) == "Changed":
            number, name, previous, *rest = message.body()
            if (number, previous) == self.missing[:2]:
                previous, self.missing = self.missing[2], None
                return [Altered(message, [number, name, previous, *rest])]
        return [message]


class Uncommitted(Plant):
    """A change is announced that nobody asked for: as one that was refused would be."""

    def act(self, message, number, name, previous, revision, changed, removed, invalidated):
        key = min(changed)
        more = {**changed, key.split(".")[0] + ".never": changed[key]}
        return [Altered(message, [number, name, previous, revision, more, removed, invalidated])]


class Answer(Plant):
    """Alters an answer to `since`, after regentd's restart."""

    def suits(self, *_body):
        return False

    def answer(self, since, values, removed):
        if since is None or self._left < 0:
            return values, removed
        altered = self.alter(values, removed)
        if altered is None:
            return values, removed
        self._left = -1
        return altered

    def alter(self, values, removed):
        raise NotImplementedError


def without_first(by_name, cut):
    """by_name less one of what it holds, or None when it holds nothing."""
    name = next((name for name, held in by_name.items() if held), None)
    return None if name is None else {**by_name, name: cut(by_name[name])}


class AnswerWithoutRemoved(Answer):
    """None of them: one alone may have come and gone meanwhile, and is named for nothing."""

    def alter(self, values, removed):
        removed = without_first(removed, lambda keys: [])
        return None if removed is None else (values, removed)


class AnswerWithoutValue(Answer):
    def alter(self, values, removed):
        values = without_first(values, lambda held: dict(sorted(held.items())[1:]))
        return None if values is None else (values, removed)


# At regentd's restart, and at any time.
ANSWERS = {"answer-without-removed": AnswerWithoutRemoved, "answer-without-value": AnswerWithoutValue}
PLANTS = {
    "dropped": Dropped, "doubled": Doubled, "swapped": Swapped, "value-altered": ValueAltered,
    "previous-wrong": PreviousWrong, "key-missing": KeyMissing, "removed-missing": RemovedMissing,
    "silenced": Silenced, "uncommitted": Uncommitted,
}  # fmt: skip


class Nothing(Plant):
    """What it is when there is no bug."""

    def suits(self, *_body):
        return False


def plant(spec):
    """The one that a spec asks for: {"kind": …, "after": …}, or None."""
    return {**PLANTS, **ANSWERS}[spec["kind"]](spec["after"]) if spec else Nothing(0)
