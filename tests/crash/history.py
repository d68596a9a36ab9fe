# SPDX-License-Identifier: LGPL-2.1-or-later
"""What one writer sent, what came of it, and what may be there after a crash.

A writer has keys of its own, so their history is its own too. Each Write changes something, and writes of one
connection to one namespace are sequenced in the order they were sent. So after a crash each namespace must hold what
some prefix of the writes to it left there: at least all that were acknowledged, at most all that were sent, and every
write over two namespaces in both or in neither.
"""

import dataclasses


class Broken(AssertionError):
    """The state after a crash is not one that may be."""


@dataclasses.dataclass
class Write:
    """changes: {namespace: {place: (class, value) or None for a deletion}}. revision: None where no reply told one.

    A place is a key or, for its entry of a kernel release, what place_of() makes of both.
    """

    number: int
    changes: dict
    is_acknowledged: bool = False
    revision: int | None = None


def place_of(key, release=""):
    return f"{key}@{release}" if release else key


def seen_place(state, key, release):
    """Where what readers see of a key is, while the kernel of that release runs."""
    above = place_of(key, release)
    return above if above in state else key


def apply(state, changes):
    """What a namespace holds after changes: {place: (class, value, number of the write)}."""
    state = dict(state)
    for key, change in changes.items():
        if change is None:
            state.pop(key, None)
        else:
            state[key] = change
    return state


class History:
    def __init__(self, namespaces):
        self.state = {name: {} for name in namespaces}  # as last seen, {key: (class, value)}
        self.writes = []  # sent since then

    def add(self, writes, revision_before):
        """writes were sent when the service was at revision_before."""
        self.writes += writes
        highest = dict.fromkeys(self.state, revision_before)
        for write in writes:
            for name in write.changes if write.revision is not None else ():
                if write.revision <= highest[name]:
                    raise Broken(
                        f"{name}: write {write.number} was given revision {write.revision} after {highest[name]}"
                    )
                highest[name] = write.revision
        return max(highest.values())

    def settle(self, found):
        """Checks found = {namespace: {key: (class, value)}}, and goes on from it."""
        reached = {name: self._reached(name, found.get(name, {})) for name in self.state}
        for write in self.writes:
            here = {name: write.number <= reached[name] for name in write.changes}
            if len(set(here.values())) > 1:
                raise Broken(f"write {write.number} is in part of its namespaces only: {here}")
        self.state = {name: dict(found.get(name, {})) for name in self.state}
        self.writes = []

    def _reached(self, name, found):
        """The number of the last write that is there. Raises Broken when what is there cannot be."""
        state, reached = self.state[name], 0
        writes = [write for write in self.writes if name in write.changes]
        acknowledged = [write.number for write in writes if write.is_acknowledged]
        needed = max(acknowledged, default=0)
        candidates = [(reached, state)]
        for write in writes:
            state = apply(state, write.changes[name])
            candidates.append((write.number, state))
        for number, state in candidates:
            if number >= needed and state == found:
                return number
        for number, state in candidates:
            if state == found:
                raise Broken(f"{name}: acknowledged up to write {needed}, but there is only up to write {number}")
        raise Broken(f"{name}: no prefix of the writes leaves this: {difference(candidates[-1][1], found)}")


def difference(expected, found):
    """The keys that differ, for a message."""
    keys = sorted(
        key for key in {*expected, *found} if expected.get(key) != found.get(key)
    )
    return "; ".join(
        f"{key}: sent last {str(expected.get(key))[:60]}, found {str(found.get(key))[:60]}" for key in keys[:6]
    )
