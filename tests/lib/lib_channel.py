# SPDX-License-Identifier: LGPL-2.1-or-later
"""The other end of a channel, where each message is read and answered by a test."""

import socket
import threading

from gi.repository import Gio, GLib

OWN_SERIALS = 0x80000000  # what libregent counts from where it does without sd-bus
NO_CAPABILITIES = Gio.DBusCapabilityFlags.NONE


class ScriptedChannel:
    """One end is given to the program; the greeting is answered by itself, and nothing else."""

    def __init__(self):
        self.given, self._socket = socket.socketpair()
        self._socket.settimeout(30)
        self._greeted = threading.Event()
        threading.Thread(target=self._greet, daemon=True).start()

    def _greet(self):
        received = b""
        while b"BEGIN\r\n" not in received:
            part = self._socket.recv(1)
            if not part:
                return
            received += part
        self._socket.sendall(b"OK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n")
        self._greeted.set()

    def _read(self, n_bytes):
        read = b""
        while len(read) < n_bytes:
            part = self._socket.recv(n_bytes - len(read))
            assert part, "the program has closed its channel"
            read += part
        return read

    def take(self):
        """The next message that comes."""
        assert self._greeted.wait(30)
        start = self._read(16)
        size = Gio.DBusMessage.bytes_needed(start)
        return Gio.DBusMessage.new_from_blob(start + self._read(size - 16), NO_CAPABILITIES)

    def send(self, message):
        """A message, or the bytes of one."""
        self._socket.sendall(message if isinstance(message, bytes) else blob(message))

    def is_ended(self):
        try:
            return self._socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def close(self):
        self._socket.close()


def blob(message):
    if message.get_serial() == 0:
        message.set_serial(1)
    return bytes(message.to_blob(NO_CAPABILITIES))


def is_quick(message):
    return message.get_serial() >= OWN_SERIALS


def reply(message, revision=7):
    """To a write of one key."""
    made = Gio.DBusMessage.new_method_reply(message)
    made.set_body(GLib.Variant("(t)", (revision,)))
    return made


def reply_with(message, signature, *body):
    made = Gio.DBusMessage.new_method_reply(message)
    made.set_body(GLib.Variant(signature, body))
    return made


def error(message, name, text=None):
    made = Gio.DBusMessage()
    made.set_message_type(Gio.DBusMessageType.ERROR)
    made.set_reply_serial(message.get_serial())
    made.set_error_name(name)
    if text is not None:
        made.set_body(GLib.Variant("(s)", (text,)))
    return made
