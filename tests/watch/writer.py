#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A process that changes everything a watcher may see, and writes down what it asked for and what came of it.

writer.py SUPPORT SPEC. Commands: `go`, `pause` (says `paused` when nothing is under way). No value is ever sent twice,
so a value tells which request it is of. What keys are called says what is done to them, and so what may happen to them:

    p.  plain: any class but session, set and unset, in one namespace or several
    g.  as p., and participants have a say
    k.  of the kernel release that runs, or of another, and hidden
    h.  of any class and release: which of them is seen only regentd knows
    s.  of class session: they go with the connection
    c.  changes that have to be confirmed
"""

import json
import random
import sys

sys.path.insert(0, sys.argv[1])

# pylint: disable=wrong-import-position
from process import Process, is_unanswered, now
from regent_testing.names import MANAGER, NAMESPACE, PROPERTIES, ROOT_PATH, VALUES, path_of

N_UNDER_WAY = 6
N_KEYS = 12
OTHER_RELEASE = "5.10.0-watch"
DRY_RUN = 1


def dict_of(values):
    return {key: ("s", text) for key, text in values.items()}


class Writer(Process):
    def __init__(self, spec):
        super().__init__(spec["socket"], spec["log"])
        self._random = random.Random(spec["seed"])
        self._who = spec["who"]
        self._names = spec["names"]
        self._release = spec["release"]
        self._pause_seconds = spec.get("pause", 0)  # between two requests
        self._next_at = 0
        self._least = spec.get("least", 0)
        self._access = spec.get("access", {})  # of a namespace that it creates
        self._number = 0
        self._n_open = 0
        self._n_left = 0  # to be sent before it may pause
        self._goes = False
        self._is_pausing = False
        self._kinds = [getattr(self, "_" + kind) for kind, n in spec["kinds"].items() for _ in range(n)]
        self.n_under_way = spec.get("under_way", N_UNDER_WAY)
        self.log.add({"is": "began", "name": self.raw.name, "who": self._who})

    def on_command(self, word):
        if word == "go":
            self._goes = True
            self._n_left = self._least
        else:
            self._is_pausing = True

    def on_owner(self):
        self.turn_seconds = self._pause_seconds or 1.0

    def on_turn(self):
        while self._goes and self.owner and self._n_open < self.n_under_way and now() >= self._next_at:
            self._next_at = now() + self._pause_seconds
            self._random.choice(self._kinds)()
        if self._is_pausing and self._n_left <= 0:
            self._goes = False
            if not self._n_open:
                self._is_pausing = False
                self.say("paused")

    def send(self, kind, request, sets=None, unsets=None, on_done=None, **more):
        """Writes down what is asked for, and asks. sets and unsets: {namespace: …}, as readers will see it."""
        number = self._number
        self.log.add({"is": "sent", "n": number, "kind": kind, "sets": sets or {}, "unsets": unsets or {}, **more})
        self.log.flush()
        self._n_open += 1
        self._n_left -= 1

        def on_reply(body, error):
            self._n_open -= 1
            if error is None:
                revision = body[0] if body and isinstance(body[0], int) else None
                self.log.add({"is": "done", "n": number, "revision": revision})
                if on_done:
                    on_done(*body)
            elif not is_unanswered(error):
                self.log.add({"is": "refused", "n": number, "error": error[0], "text": error[1][:200]})

        self.ask(*request, on_reply)

    def _next(self):
        self._number += 1

    def _text(self):
        size = self._random.choice([0, 10, 32, 200, self._random.randrange(3000)])
        return f"{self._who}.{self._number}|" + "x" * size

    def _name(self):
        return self._random.choice(self._names)

    def _keys(self, family, most=1):
        return sorted({f"{family}.{self._random.randrange(N_KEYS)}" for _ in range(self._random.randint(1, most))})

    def _texts(self, family, most):
        return {key: f"{self._text()}{index}" for index, key in enumerate(self._keys(family, most))}

    def _family(self):
        return self._random.choice("pppg")

    def _set(self):
        self._next()
        name, texts = self._name(), self._texts(self._family(), 1)
        ((key, text),) = texts.items()
        if self._random.random() < 0.3:
            request = (path_of(name), PROPERTIES, "Set", "ssv", [VALUES, key, ("s", text)])
        else:
            request = (path_of(name), NAMESPACE, "Set", "sv", [key, ("s", text)])
        self.send("set", request, {name: texts})

    def _delete(self):
        self._next()
        name, (key,) = self._name(), self._keys(self._family())
        self.send("delete", (path_of(name), NAMESPACE, "Delete", "s", [key]), unsets={name: [key]})

    def _apply_to(self, name, texts, unset, options, flags=0):
        return path_of(name), NAMESPACE, "Apply", "a{sv}asta{sv}", [dict_of(texts), unset, flags, options]

    def _apply(self):
        """Classes at random, but one each, so that what is set is what is seen."""
        self._next()
        name, family = self._name(), self._family()
        texts = self._texts(family, 6)
        unset = [key for key in self._keys(family, 4) if key not in texts]
        classes = {key: ("s", self._random.choice(["persistent", "runtime"])) for key in texts}
        durability = {"durability": ("s", self._random.choice(["lazy", "sync"]))}
        options = {"classes": ("a{sv}", classes), "reason": ("s", "a test of watches"), **durability}
        self.send("apply", self._apply_to(name, texts, unset, options), {name: texts}, {name: unset})

    def _over(self):
        """One commit over several namespaces."""
        self._next()
        sets, unsets, changes = {}, {}, {}
        for name in self._random.sample(self._names, min(len(self._names), self._random.choice([2, 3]))):
            family = self._family()
            sets[name] = self._texts(family, 3)
            unsets[name] = [key for key in self._keys(family, 3) if key not in sets[name]]
            changes[name] = ("a{sv}", {"set": ("a{sv}", dict_of(sets[name])), "unset": ("as", unsets[name])})
        self.send("over", (ROOT_PATH, MANAGER, "Apply", "a{sv}ta{sv}", [changes, 0, {}]), sets, unsets)

    def _kernel(self):
        self._next()
        name, texts = self._name(), self._texts("k", 3)
        unset = [key for key in self._keys("k", 2) if key not in texts]
        if self._random.random() < 0.7:
            given = {"class": ("s", "kernel"), "release": ("s", self._release)}
            self.send("kernel", self._apply_to(name, texts, unset, given), {name: texts}, {name: unset})
        else:
            given = {"class": ("s", "kernel"), "release": ("s", OTHER_RELEASE)}
            self.send("hidden", self._apply_to(name, texts, unset, given))

    def _loose(self):
        self._next()
        name, texts = self._name(), self._texts("h", 3)
        unset = [key for key in self._keys("h", 2) if key not in texts]
        given = {}
        if self._random.random() < 0.7:
            given = {"release": ("s", self._random.choice(["", self._release, OTHER_RELEASE]))}
        self.send("loose", self._apply_to(name, texts, unset, given), loose={name: texts}, unsets={name: unset})

    def _session(self):
        self._next()
        name, texts = self._name(), self._texts("s", 3)
        unset = [key for key in self._keys("s", 2) if key not in texts]
        given = {"class": ("s", "session")}
        self.send("session", self._apply_to(name, texts, unset, given), {name: texts}, {name: unset})

    def _dry(self):
        self._next()
        name, texts = self._name(), self._texts(self._family(), 3)
        self.send("dry", self._apply_to(name, texts, [], {}, DRY_RUN), shown={name: texts})

    def _conflict(self):
        """Nothing is ever at revision 1."""
        self._next()
        name, texts = self._name(), self._texts("p", 2)
        given = {"expect": ("a{sv}", {min(texts): ("t", 1)})}
        self.send("conflict", self._apply_to(name, texts, [], given), {name: texts})

    def _confirm(self):
        self._next()
        name, texts = self._name(), self._texts("c", 3)
        unset = [key for key in self._keys("c", 2) if key not in texts]
        given = {"confirm-timeout-usec": ("t", self._random.choice([20_000, 60_000, 200_000]))}

        def on_done(_revision, result):
            what = self._random.choice(["ConfirmChange", "CancelChange", None])
            if what:
                self._next()
                self.send("settle", (ROOT_PATH, MANAGER, what, "s", [result["token"][1]]))

        self.send("confirm", self._apply_to(name, texts, unset, given), {name: texts}, {name: unset}, on_done)

    def _brief(self):
        """A namespace that comes and goes; writers use it meanwhile."""
        self._next()
        name = self._names[0]
        if self._random.random() < 0.6:
            given = {option: ("u", id_) for option, id_ in self._access.items()}
            self.send("create", (ROOT_PATH, MANAGER, "CreateNamespace", "sa{sv}", [name, given]))
        else:
            self.send("remove", (ROOT_PATH, MANAGER, "RemoveNamespace", "st", [name, 1]), name=name)

    def _mode(self):
        self._next()
        name = self._names[1]
        given = {"mode": ("u", self._random.choice([0o660, 0o664]))}
        self.send("mode", (path_of(name), NAMESPACE, "SetAccess", "a{sv}", [given]))

    def _good(self):
        self._next()
        self.send("good", (ROOT_PATH, MANAGER, "MarkGood", "", []))

    def _restore(self):
        self._next()
        self.send("restore", (ROOT_PATH, MANAGER, "Restore", "st", ["last-known-good", 0]))


if __name__ == "__main__":
    Writer(json.loads(sys.argv[2])).run()
