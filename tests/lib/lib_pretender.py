# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service that pretends to be regentd, to programs that ask it for a channel."""

import contextlib
import socket
import threading

from gi.repository import Gio, GLib

from regent_testing.names import BUS_NAME

BUS = ("/org/freedesktop/DBus", "org.freedesktop.DBus")


class ChannelPretender:
    """Owns regentd's name, and answers each Connect with what connect() gives: a socket. Every other call fails."""

    def __init__(self, stack, connect):
        self._client = stack.client()
        self._connect = connect
        self.members = []
        self._called = threading.Condition()
        self._filter = self._client.connection.add_filter(self._on_message)
        self._client.call(*BUS, "RequestName", "(su)", (BUS_NAME, 0), destination=BUS[1])

    def wait_for(self, member, n):
        with self._called:
            assert self._called.wait_for(lambda: self.members.count(member) >= n, 30), self.members

    def _answer(self, message):
        if message.get_member() != "Connect":
            return Gio.DBusMessage.new_method_error_literal(message, "org.example.Error.Pretended", "no")
        reply = Gio.DBusMessage.new_method_reply(message)
        fds = Gio.UnixFDList()
        with self._connect() as given:
            fds.append(given.fileno())
        reply.set_unix_fd_list(fds)
        reply.set_body(GLib.Variant("(h)", (0,)))
        return reply

    def _on_message(self, connection, message, is_incoming):
        if not is_incoming or message.get_message_type() != Gio.DBusMessageType.METHOD_CALL:
            return message
        with self._called:
            self.members.append(message.get_member())
            self._called.notify_all()
        connection.send_message(self._answer(message), Gio.DBusSendMessageFlags.NONE)
        return None


def hung_up():
    """A channel whose other end is gone."""
    given, other = socket.socketpair()
    other.close()
    return given


def garbled():
    """A channel on which each call is answered by what is no message."""
    given, other = socket.socketpair()
    threading.Thread(target=_garble, args=(other,), daemon=True).start()
    return given


def _garble(other):
    with other, contextlib.suppress(ConnectionError):
        received = b""
        while b"BEGIN\r\n" not in received:
            part = other.recv(4096)
            if not part:
                return
            received += part
        other.sendall(b"OK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n")
        if received.endswith(b"BEGIN\r\n"):
            other.recv(4096)
        other.sendall(b"x" * 64)
        other.recv(4096)
