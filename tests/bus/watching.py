# SPDX-License-Identifier: LGPL-2.1-or-later
"""Watches as a client sees them: Watched keeps what one has been told, and applies it to what it had."""

import pytest
from regent_testing.api import children, mapping, options
from regent_testing.names import MANAGER, NAMESPACE, ROOT_PATH

ACKNOWLEDGED = 1


class Change:
    """A Changed, taken apart."""

    def __init__(self, parameters):
        watch, name, previous, revision, changed, removed, invalidated = children(parameters)
        self.watch = watch.unpack()
        self.ns_name = name.unpack()
        self.previous, self.revision = previous.unpack(), revision.unpack()
        self.changed = {key: v.unpack() for key, v in mapping(changed).items()}
        self.removed, self.invalidated = removed.unpack(), invalidated.unpack()

    def __repr__(self):
        return (
            f"<{self.watch} {self.ns_name} {self.previous}->{self.revision} "
            f"{self.changed} -{self.removed} ?{self.invalidated}>"
        )


class Watcher:
    """Everything that one connection is told of its watches, in order."""

    def __init__(self, caller):
        self.caller = caller
        self.log = caller.subscribe()
        self.watches = []

    def watch(self, space, prefix="", flags=0, **given):
        return self._add(Watched(self, space.path, NAMESPACE, prefix, flags, given))

    def watch_names(self, prefix="", flags=0, **given):
        return self._add(WatchedNames(self, ROOT_PATH, MANAGER, prefix, flags, given))

    def _add(self, watched):
        self.watches.append(watched)
        return watched

    def told(self, number, member=None):
        """All signals to that watch, in order."""
        return [
            signal
            for signal in self.log.items
            if signal.member in ("Changed", "Resynchronize", "WatchEnded")
            and signal.interface in (MANAGER, NAMESPACE)
            and signal.parameters.get_child_value(0).unpack() == number
            and member in (None, signal.member)
        ]

    def settle(self):
        self.caller.settle()

    def close(self):
        self.log.close()


@pytest.fixture
def watching():
    """A factory: watching(caller) is a Watcher, which listens until the test is over."""
    made = []

    def make(caller):
        made.append(Watcher(caller))
        return made[-1]

    yield make
    for each in made:
        each.close()


class Watched:
    """One watch of a namespace."""

    def __init__(self, watcher, path, interface, prefix, flags, given):
        self.watcher, self.path, self.interface = watcher, path, interface
        self.prefix, self.flags = prefix, flags
        self._take(self._call(given))

    def _call(self, given):
        return self.watcher.caller.call(
            self.path, self.interface, "Watch", "(sta{sv})", (self.prefix, self.flags, options(given))
        )

    def _take(self, reply):
        number, values, removed, revision = reply
        self.number = number.unpack()
        self.values = {key: v.unpack() for key, v in mapping(values).items()}
        self.removed = removed.unpack()
        self.revision = revision.unpack()

    def resume(self, since, epoch):
        self._take(self._call({"since": since, "epoch": epoch, "resume": self.number}))

    def end(self):
        self.watcher.caller.call(self.path, self.interface, "Unwatch", "(t)", (self.number,))

    def acknowledge(self, revision):
        self.watcher.caller.call(
            self.path, self.interface, "Acknowledge", "(tt)", (self.number, revision)
        )

    def signals(self, member=None):
        return self.watcher.told(self.number, member)

    def changes(self):
        """All Changed so far."""
        return [Change(signal.parameters) for signal in self.signals("Changed")]

    def wait(self, member, count=1, seconds=10):
        """The arguments of the signals of that name, once there are so many."""
        self.watcher.log._wait_until(
            lambda: len(self.signals(member)) >= count, seconds, f"{count} {member}"
        )
        return [signal.parameters.unpack() for signal in self.signals(member)]

    def wait_revision(self, revision, seconds=10):
        """The changes, once the one of that revision is there."""
        self.watcher.log._wait_until(
            lambda: any(change.revision >= revision for change in self.changes()), seconds,
            f"revision {revision}",
        )  # fmt: skip
        return self.changes()

    def rebuilt(self):
        """What the values are after all changes, which must follow each other without a gap."""
        values, at = dict(self.values), self.revision
        for change in self.changes():
            assert change.previous == at, (at, change)
            assert change.revision > at, (at, change)
            assert not change.invalidated, change
            values.update(change.changed)
            for key in change.removed:
                values.pop(key)
            at = change.revision
        return values


class WatchedNames(Watched):
    """One watch of all namespaces below a prefix of names."""

    def _take(self, reply):
        number, values, removed, complete, revision = reply
        self.number = number.unpack()
        self.values = values.unpack()
        self.removed, self.complete = removed.unpack(), complete.unpack()
        self.revision = revision.unpack()


def read(space, prefix=""):
    """{key: value}, as Python values."""
    found, _ = space.get_many(prefix=prefix)
    return {key: v.unpack() for key, v in found.items()}
