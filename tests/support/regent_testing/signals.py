# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signals collected in order of arrival."""

import dataclasses

from gi.repository import GLib

from .api import children, mapping


@dataclasses.dataclass
class Signal:
    sender: str
    path: str
    interface: str
    member: str
    parameters: GLib.Variant

    @property
    def arguments(self):
        return children(self.parameters)

    @property
    def changed(self):
        """Of a PropertiesChanged: what changed, as a dict of GLib.Variant."""
        return mapping(self.arguments[1])

    @property
    def invalidated(self):
        """Of a PropertiesChanged: what is no longer known, as a list."""
        return self.arguments[2].unpack()


class SignalLog:
    """What one subscription has received. wait_until(condition, seconds, what) comes from its caller."""

    def __init__(self, wait_until, close):
        self.items = []
        self._wait_until = wait_until
        self._close = close

    def __len__(self):
        return len(self.items)

    def wait_for(self, predicate=lambda signal: True, seconds=10, what="a signal"):
        """The first signal that predicate admits, waiting for it when it is not there yet."""

        def found():
            return next((signal for signal in self.items if predicate(signal)), None)

        self._wait_until(lambda: found() is not None, seconds, what)
        return found()

    def wait_count(self, count, seconds=10):
        self._wait_until(lambda: len(self.items) >= count, seconds, f"{count} signals")
        return self.items

    def clear(self):
        self.items.clear()

    def close(self):
        self._close()
