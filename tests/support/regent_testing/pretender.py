# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service that pretends to be regentd, to clients that watch."""

import threading

from gi.repository import Gio, GLib

from .names import BUS_NAME, MANAGER, NAMESPACE, PARTICIPANT, ROOT_PATH, path_of
from .waiting import SLOWNESS

NS = "org.example.A"
EPOCH = "0123456789abcdef" * 2


def values(**given):
    return {key: GLib.Variant("u", number) for key, number in given.items()}


class Pretender:
    """Owns regentd's name, and answers each Watch with what .answers gives next: a tuple, or the name of an error. A
    watch is one of NS, or, where the answer has five members, of the Manager.
    """

    def __init__(self, stack):
        self._client = stack.client()
        self.answers = []
        self.replies = {}  # member -> what it gives each time: (signature, body), or the name of an error
        self.before_reply = lambda message: None
        self.calls = []  # (member, arguments)
        self.watcher = None
        self._called = threading.Condition()
        self._filter = self._client.connection.add_filter(self._on_message)
        self._client.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName", "(su)", (BUS_NAME, 0),
                          destination="org.freedesktop.DBus")  # fmt: skip

    def close(self):
        """Somebody else may have the name."""
        if self._filter:
            self._client.connection.remove_filter(self._filter)
            self._client.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "ReleaseName", "(s)", (BUS_NAME,),
                              destination="org.freedesktop.DBus")  # fmt: skip
        self._filter = None

    def signal(self, member, signature, *arguments):
        send_signal(self._client.connection, self.watcher, member, signature, *arguments)

    def changed(self, watch, previous, revision, removed=(), **given):
        self.signal("Changed", "(tstta{sv}asas)", watch, NS, previous, revision, values(**given), list(removed), [])

    def prepare(self, callback_path, transaction, **given):
        """Asks a participant, which is whoever calls just now."""
        message = Gio.DBusMessage.new_method_call(self.watcher, callback_path, PARTICIPANT, "Prepare")
        message.set_body(GLib.Variant("(ssa{sv}asa{sv})", (transaction, NS, values(**given), [], {})))
        self._client.connection.send_message(message, Gio.DBusSendMessageFlags.NONE)

    def changed_of(self, name, watch, previous, revision, removed=(), **given):
        """Of one of the namespaces of the Manager's watch."""
        arguments = (watch, name, previous, revision, values(**given), list(removed), [])
        send_signal(self._client.connection, self.watcher, "Changed", "(tstta{sv}asas)", *arguments, of=MANAGER)

    def resynchronize_names(self, watch, revision):
        arguments = (watch, NS, revision)
        send_signal(self._client.connection, self.watcher, "Resynchronize", "(tst)", *arguments, of=MANAGER)

    def wait_for(self, call):
        with self._called:
            assert self._called.wait_for(lambda: call in self.calls, 20 * SLOWNESS), call

    def options_of_watch(self, index):
        """What the call with that number was given."""
        return [arguments for member, arguments in self.calls if member == "Watch"][index][2]

    def _answer(self, message):
        member = message.get_member()
        if member == "GetAll":
            facts = {"Epoch": GLib.Variant("s", EPOCH), "Revision": GLib.Variant("t", 100)}
            return Gio.DBusMessage.new_method_reply(message), GLib.Variant("(a{sv})", (facts,))
        if member == "Watch":
            self.watcher = message.get_sender()
            answer = self.answers.pop(0)
            if isinstance(answer, str):
                return Gio.DBusMessage.new_method_error_literal(message, answer, "because"), None
            signature = "(ta{sv}ast)" if len(answer) == 4 else "(ta{sv}a{sv}ast)"
            return Gio.DBusMessage.new_method_reply(message), GLib.Variant(signature, answer)
        if member in self.replies:
            self.watcher = message.get_sender()
            answer = self.replies[member].pop(0)
            if isinstance(answer, str):
                return Gio.DBusMessage.new_method_error_literal(message, answer, "because"), None
            return Gio.DBusMessage.new_method_reply(message), GLib.Variant(*answer)
        return Gio.DBusMessage.new_method_reply(message), None

    def _on_message(self, connection, message, is_incoming):
        if not is_incoming or message.get_message_type() != Gio.DBusMessageType.METHOD_CALL:
            return message
        body = message.get_body()
        with self._called:
            self.calls.append((message.get_member(), body.unpack() if body else None))
            self._called.notify_all()
        reply, body = self._answer(message)
        if body is not None:
            reply.set_body(body)
        self.before_reply(message)
        connection.send_message(reply, Gio.DBusSendMessageFlags.NONE)
        return None


def send_signal(connection, destination, member, signature, *arguments, of=NAMESPACE):
    message = Gio.DBusMessage.new_signal(ROOT_PATH if of == MANAGER else path_of(NS), of, member)
    message.set_destination(destination)
    message.set_body(GLib.Variant(signature, arguments))
    connection.send_message(message, Gio.DBusSendMessageFlags.NONE)
    connection.flush_sync(None)
