# SPDX-License-Identifier: LGPL-2.1-or-later
"""How far a watcher has come with one watch, told from its log alone: so a watcher that was killed goes on from there.

A spec says what is watched: id, kind (`namespace`, `manager`, or `poll` for GetChanges alone), name, prefix (of keys),
acknowledged.
"""

from regent_testing.names import MANAGER, NAMESPACE, ROOT_PATH, path_of


def is_below(name, prefix):
    """Whether a namespace is one of those below a prefix of names, as ListNamespaces has it."""
    return not prefix or name == prefix or name.startswith(prefix + ".")


class Follower:
    """known: the revision up to which everything is known, or None. since: what to pass when it goes on, which is less
    where the last commit may have been cut off between two namespaces. last: the revision of the last signal, or of the
    reply that began the watch. is_stale: something was missed, and has to be read again.
    """

    def __init__(self, spec):
        self.id = spec["id"]
        self.kind = spec["kind"]
        self.name = spec["name"]
        self.prefix = spec.get("prefix", "")
        self.is_acknowledged = spec.get("acknowledged", False)
        self.is_manager = self.kind == "manager"
        self.path = ROOT_PATH if self.is_manager else path_of(self.name)
        self.interface = MANAGER if self.is_manager else NAMESPACE
        self.number = None
        self.known = None
        self.since = None
        self.epoch = None
        self.last = 0
        self.is_stale = False
        self.names = set()  # the namespaces that are known, for the manager's

    def covers(self, name, key=None):
        if self.is_manager:
            return is_below(name, self.name)
        return name == self.name and (key is None or key.startswith(self.prefix))

    def is_named(self, line):
        """Whether a signal is about this watch."""
        return self.number is not None and line["number"] == self.number and line["path"] == self.path

    def take(self, line):
        """Follows a line of the log. False: a Changed that came after another than its `previous` says."""
        return getattr(self, "_" + line["is"].replace("-", "_"), self._other)(line)

    def _other(self, _line):
        return True

    def _began(self, _line):
        self.number = None
        self.is_stale = False
        return True

    _lost = _began

    def _watched(self, line):
        if line["of"] != self.id:
            return True
        self.known = self.since = line["revision"]
        self.epoch = line["epoch"]
        self.is_stale = False
        self.names = set(line["values"])
        if "number" in line:
            self.number = line["number"]
            self.last = self.known
        return True

    _caught_up = _watched

    def _changed(self, line):
        if not self.is_named(line):
            return True
        fits = self.is_stale or self.fits(line["previous"])
        self.last = max(self.last, line["revision"])
        if self.is_stale:
            return True
        if fits:
            self.known = max(self.known, line["revision"])
            self.since = max(self.since, line["revision"] - self.is_manager)
            self.names.add(line["name"])
        else:
            self.is_stale = True
        return fits

    def fits(self, previous):
        """Nothing is missing between what is known and a signal with that `previous`."""
        return previous == self.last or self.last <= previous <= self.known

    def _resynchronize(self, line):
        if self.is_named(line):
            self.is_stale = True
        return True

    def _ended(self, line):
        if self.is_named(line):
            self.number = None
            self.is_stale = False
        return True

    _unwatched = _ended

    def _forgot(self, line):
        if line["of"] == self.id:
            self.known = self.since = None
            self.is_stale = self.number is not None
            self.names = set()
        return True
