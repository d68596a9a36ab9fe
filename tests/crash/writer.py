#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A process that writes as fast as it may, until regentd dies under it. test_sigkill.py runs several.

Given the present state on stdin, it keeps a few writes under way, says so on stdout for each that was acknowledged, and
when regentd is gone, or answers with an error that is tolerated, reports all it sent. Frames are those of
user_client.py.
"""

import random
import sys

sys.path.insert(0, sys.argv[1])

# pylint: disable=wrong-import-position
from gi.repository import Gio, GLib
from history import Write, apply, place_of, seen_place
from regent_testing import names
from regent_testing.api import change, options, value, values
from regent_testing.client import Client
from regent_testing.user_client import read_frame, write_frame

N_UNDER_WAY = 6
N_KEYS = 24
LARGEST = 6000
CLASSES = ["persistent", "runtime", "kernel"]
OTHER_RELEASE = "5.10.0-crash"
GONE = ("Error.NoReply", "Error.ServiceUnknown", "Error.NameHasNoOwner")


class Writer:
    def __init__(self, address, prefix, seed, tolerated, namespaces):
        self._address = address
        self._ends = (*GONE, *tolerated)
        self._prefix = prefix
        self._random = random.Random(seed)
        self._namespaces = namespaces
        self._number = 0

    def run(self):
        while True:
            frame = read_frame(0)
            if frame is None:
                return
            self._release, state = frame
            self._round(state)

    def _round(self, state):
        """state: what is there, as if every write of ours so far had come through."""
        self._state = state
        self._writes = []
        self._n_open = 0
        self._is_over = False
        self._client = Client(self._address)
        while not self._is_over or self._n_open:
            while not self._is_over and self._n_open < N_UNDER_WAY:
                self._send()
            GLib.MainContext.default().iteration(True)
        self._client.close()
        write_frame(1, ("report", self._writes))

    def _send(self):
        kind = self._random.choice([
            self._set, self._set, self._property, self._apply, self._apply, self._mixed, self._delete, self._over_two,
            self._of_release,
        ])  # fmt: skip
        self._number += 1
        changes, path, interface, member, signature, arguments = kind()
        write = Write(self._number, changes)
        self._writes.append(write)
        for name, of_namespace in changes.items():
            self._state[name] = apply(self._state[name], of_namespace)
        self._n_open += 1
        self._client.connection.call(
            names.BUS_NAME, path, interface, member, GLib.Variant(signature, arguments), None,
            Gio.DBusCallFlags.NO_AUTO_START, 20000, None, self._on_reply, write,
        )  # fmt: skip

    def _on_reply(self, connection, result, write):
        self._n_open -= 1
        try:
            reply = connection.call_finish(result)
        except GLib.Error as error:
            # What was built on a write that failed fails too.
            is_consequence = self._is_over and len(self._ends) > len(GONE)
            self._is_over = True
            if not is_consequence and not any(end in error.message for end in self._ends):
                write_frame(1, ("unexpected", error.message))
            return
        if reply.n_children() and reply.get_child_value(0).get_type_string() == "t":
            write.revision = reply.get_child_value(0).get_uint64()
        write.is_acknowledged = True
        write_frame(1, ("acknowledged", write.number))

    def _key(self):
        return f"{self._prefix}.{self._random.randrange(N_KEYS)}"

    def _keys(self, most):
        return list({self._key() for _ in range(self._random.randint(1, most))})

    def _text(self):
        """Never the same twice, so that every write changes something."""
        size = self._random.choice([0, 10, 32, 200, self._random.randrange(LARGEST)])
        return f"{self._prefix} {self._number} " + "x" * size

    def _namespace(self):
        return self._random.choice(self._namespaces)

    def _as_seen(self, name, key, text):
        """What a write without a class does."""
        place = seen_place(self._state[name], key, self._release)
        return {place: ("persistent" if place == key else "kernel", text)}

    def _as_class(self, key, class_, text):
        return {place_of(key, self._release if class_ == "kernel" else ""): (class_, text)}

    def _set(self):
        name, key, text = self._namespace(), self._key(), self._text()
        return (
            {name: self._as_seen(name, key, text)},
            names.path_of(name), names.NAMESPACE, "Set", "(sv)", (key, value(text)),
        )  # fmt: skip

    def _property(self):
        name, key, text = self._namespace(), self._key(), self._text()
        return (
            {name: self._as_seen(name, key, text)},
            names.path_of(name), names.PROPERTIES, "Set", "(ssv)", (names.VALUES, key, value(text)),
        )  # fmt: skip

    def _delete(self):
        name = self._namespace()
        present = sorted({
            place.partition("@")[0] for place in self._state[name] if place.partition("@")[2] in ("", self._release)
        })  # fmt: skip
        if not present:
            return self._set()
        key = self._random.choice(present)
        return (
            {name: {seen_place(self._state[name], key, self._release): None}}, names.path_of(name), names.NAMESPACE, "Delete", "(s)", (key,),
        )  # fmt: skip

    def _durability(self):
        """Nothing that is acknowledged is lost to a kill, lazy changes neither."""
        return self._random.choice([{}, {"durability": "lazy"}, {"durability": "lazy"}, {"durability": "sync"}])

    def _apply(self, class_=None):
        class_ = class_ or self._random.choice(CLASSES)
        return self._apply_with(lambda _: class_)

    def _mixed(self):
        """One commit with entries of all classes."""
        return self._apply_with(lambda _: self._random.choice(CLASSES))

    def _of_release(self):
        """Entries of a kernel release that runs or not, or of none."""
        name, release = self._namespace(), self._random.choice(["", self._release, OTHER_RELEASE])
        texts = {key: self._text() for key in self._keys(4)}
        unset = [key for key in self._keys(3) if key not in texts]
        class_ = "kernel" if release else "persistent"
        changes = {place_of(key, release): (class_, text) for key, text in texts.items()}
        changes.update({place_of(key, release): None for key in unset})
        return (
            {name: changes}, names.path_of(name), names.NAMESPACE, "Apply", "(a{sv}asta{sv})",
            (values(texts), unset, 0, options({"release": release})),
        )  # fmt: skip

    def _apply_with(self, class_of):
        name = self._namespace()
        texts = {key: self._text() for key in self._keys(6)}
        classes = {key: class_of(key) for key in texts}
        unset = [key for key in self._keys(3) if key not in texts]
        changes = {}
        for key, text in texts.items():
            changes.update(self._as_class(key, classes[key], text))
        changes.update({seen_place(self._state[name], key, self._release): None for key in unset})
        return (
            {name: changes}, names.path_of(name), names.NAMESPACE, "Apply", "(a{sv}asta{sv})",
            (values(texts), unset, 0, options({"classes": classes, "reason": "a crash test", **self._durability()})),
        )  # fmt: skip

    def _over_two(self):
        """One commit over two namespaces."""
        changes, arguments = {}, {}
        for name in self._random.sample(self._namespaces, 2):
            texts = {key: self._text() for key in self._keys(3)}
            class_ = self._random.choice(CLASSES)
            changes[name] = {}
            for key, text in texts.items():
                changes[name].update(self._as_class(key, class_, text))
            arguments[name] = change(texts, class_=class_)
        return (
            changes, names.ROOT_PATH, names.MANAGER, "Apply", "(a{sv}ta{sv})",
            (arguments, 0, options(self._durability())),
        )  # fmt: skip


if __name__ == "__main__":
    Writer(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5].split(), sys.argv[6:]).run()
