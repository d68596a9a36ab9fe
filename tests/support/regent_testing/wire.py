# SPDX-License-Identifier: LGPL-2.1-or-later
"""D-Bus spoken by hand, for what no library would send: see RawClient.

Only what the tests need of the wire format is here: little endian, basic types, arrays, structs, dict entries and
variants. A value for `v` is a pair (signature, value); an array of `y` takes bytes.
"""

import array
import os
import socket
import struct

from .api import RegentError
from .names import BUS_NAME, MANAGER, PEER, ROOT_PATH
from .waiting import Deadline, Late

CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
NO_REPLY_EXPECTED = 1
PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE, UNIX_FDS = range(1, 10)

_FIXED = {
    "y": ("B", 1), "b": ("I", 4), "n": ("h", 2), "q": ("H", 2), "i": ("i", 4), "u": ("I", 4),
    "x": ("q", 8), "t": ("Q", 8), "d": ("d", 8), "h": ("I", 4),
}  # fmt: skip


def first_type(signature):
    """The length of the first complete type."""
    if signature[0] == "a":
        return 1 + first_type(signature[1:])
    if signature[0] in "({":
        depth = 0
        for index, character in enumerate(signature):
            depth += (character in "({") - (character in ")}")
            if depth == 0:
                return index + 1
        raise ValueError(signature)
    return 1


def split_types(signature):
    types = []
    while signature:
        length = first_type(signature)
        types.append(signature[:length])
        signature = signature[length:]
    return types


def alignment(type_string):
    kind = type_string[0]
    if kind in _FIXED:
        return _FIXED[kind][1]
    return {"s": 4, "o": 4, "a": 4, "g": 1, "v": 1}.get(kind, 8)


class Writer:
    def __init__(self):
        self.content = bytearray()

    def align(self, size):
        self.content.extend(bytes(-len(self.content) % size))

    def write(self, type_string, thing):
        kind = type_string[0]
        if kind in _FIXED:
            code, size = _FIXED[kind]
            self.align(size)
            self.content += struct.pack("<" + code, thing)
        elif kind in "so":
            content = thing if isinstance(thing, bytes) else thing.encode()
            self.align(4)
            self.content += struct.pack("<I", len(content)) + content + b"\0"
        elif kind == "g":
            self.content += bytes([len(thing)]) + thing.encode() + b"\0"
        elif kind == "v":
            signature, inner = thing
            self.write("g", signature)
            self.write(signature, inner)
        elif kind == "a":
            self._write_array(type_string[1:], thing)
        else:
            self.align(8)
            for member, inner in zip(split_types(type_string[1:-1]), thing, strict=True):
                self.write(member, inner)

    def _write_array(self, element, things):
        self.align(4)
        at = len(self.content)
        self.content += bytes(4)
        self.align(alignment(element))
        start = len(self.content)
        if isinstance(things, (bytes, bytearray)):
            self.content += things
        else:
            for thing in things.items() if isinstance(things, dict) else things:
                self.write(element, thing)
        struct.pack_into("<I", self.content, at, len(self.content) - start)


class Reader:
    def __init__(self, content, at=0):
        self.content = content
        self.at = at

    def align(self, size):
        self.at += -self.at % size

    def read(self, type_string):
        kind = type_string[0]
        if kind in _FIXED:
            code, size = _FIXED[kind]
            self.align(size)
            (thing,) = struct.unpack_from("<" + code, self.content, self.at)
            self.at += size
            return thing
        if kind in "sog":
            if kind == "g":
                length = self.read("y")
            else:
                length = self.read("u")
            content = bytes(self.content[self.at : self.at + length])
            self.at += length + 1
            return content.decode()
        if kind == "v":
            signature = self.read("g")
            return signature, self.read(signature)
        if kind == "a":
            return self._read_array(type_string[1:])
        self.align(8)
        return tuple(self.read(member) for member in split_types(type_string[1:-1]))

    def _read_array(self, element):
        length = self.read("u")
        self.align(alignment(element))
        end = self.at + length
        if element == "y":
            content = bytes(self.content[self.at : end])
            self.at = end
            return content
        things = []
        while self.at < end:
            things.append(self.read(element))
        return dict(things) if element[0] == "{" else things


def marshal(signature, things):
    writer = Writer()
    for type_string, thing in zip(split_types(signature), things, strict=True):
        writer.write(type_string, thing)
    return bytes(writer.content)


class Message:
    def __init__(self, kind, serial, fields, body, flags=0):
        self.kind = kind
        self.no_reply = bool(flags & NO_REPLY_EXPECTED)
        self.serial = serial
        self.fields = fields
        self._body = body

    def body(self):
        signature = self.fields.get(SIGNATURE, ("g", ""))[1]
        reader = Reader(self._body)
        return [reader.read(type_string) for type_string in split_types(signature)]

    def field(self, code):
        return self.fields[code][1] if code in self.fields else None


class Disconnected(Exception):
    """The bus closed the connection."""


class RawClient:
    """A connection whose every byte the test decides. It reads only when told to."""

    def __init__(self, socket_path, receive_buffer=None):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(Deadline(20).seconds)
        self._socket.connect(socket_path)
        self._bus_socket = None  # once there is a channel
        self._buffer = bytearray()
        self._serial = 0
        self._replies = {}
        self._calls = []
        self.signals = []
        self._authenticate()
        self.name = self.call(
            "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello",
            destination="org.freedesktop.DBus",
        )[0]  # fmt: skip

    def close(self):
        self._socket.close()
        if self._bus_socket:
            self._bus_socket.close()

    def take_channel(self):
        """From now on everything goes over a channel; the connection of the bus stays open, unread."""
        fd = self.connect()
        self._bus_socket, self._socket = self._socket, socket.socket(fileno=fd)
        self._socket.settimeout(Deadline(20).seconds)
        self._authenticate()
        # sd-bus takes no descriptors that come together with the end of authentication.
        self.call(ROOT_PATH, PEER, "Ping")

    def connect(self):
        """Manager.Connect: the descriptor, which is the caller's."""
        serial = self.send(ROOT_PATH, MANAGER, "Connect", "a{sv}", ({},))
        deadline = Deadline(20)
        while True:
            self._socket.settimeout(max(0.001, deadline.left()))
            part, fds, _, _ = socket.recv_fds(self._socket, 1 << 16, 1)
            if not part:
                raise Disconnected
            self._buffer += part
            message = self._take_message()
            while message and message.field(REPLY_SERIAL) != serial:
                self.keep(message)
                message = self._take_message()
            if message:
                if message.kind == ERROR:
                    raise RegentError(message.field(ERROR_NAME), message.body()[0])
                return fds[0]

    def hang_up_channel(self):
        self._socket.close()
        self._socket, self._bus_socket = self._bus_socket, None

    def leave_bus(self):
        self._bus_socket.close()
        self._bus_socket = None

    def call_bus(self, *arguments, **how):
        """As call(), over the bus."""
        self._socket, self._bus_socket = self._bus_socket, self._socket
        try:
            return self.call(*arguments, **how)
        finally:
            self._socket, self._bus_socket = self._bus_socket, self._socket

    def receive_call(self, seconds=20):
        deadline = Deadline(seconds)
        while True:
            message = self.receive(deadline)
            if message.kind == CALL:
                return message
            self.keep(message)

    def _authenticate(self):
        uid = str(os.geteuid()).encode().hex()
        self._socket.sendall(b"\0AUTH EXTERNAL " + uid.encode() + b"\r\n")
        assert self._line().startswith(b"OK")
        self._socket.sendall(b"NEGOTIATE_UNIX_FD\r\n")
        assert self._line() == b"AGREE_UNIX_FD"
        self._socket.sendall(b"BEGIN\r\n")

    def _line(self):
        line = bytearray()
        while not line.endswith(b"\r\n"):
            part = self._socket.recv(1)
            if not part:
                raise Disconnected
            line += part
        return bytes(line[:-2])

    def build(
        self, path, interface, member, signature="", body=b"",
        destination=BUS_NAME, flags=0, n_fds=0, kind=CALL, reply_to=None, sender=None,
    ):  # fmt: skip
        """The bytes of a message, and its serial. The body is as given, right or wrong."""
        self._serial += 1
        fields = [(PATH, ("o", path)), (MEMBER, ("s", member))]
        if interface:
            fields.append((INTERFACE, ("s", interface)))
        if destination:
            fields.append((DESTINATION, ("s", destination)))
        if sender:
            fields.append((SENDER, ("s", sender)))
        if signature:
            fields.append((SIGNATURE, ("g", signature)))
        if reply_to:
            fields.append((REPLY_SERIAL, ("u", reply_to)))
            fields.append((ERROR_NAME, ("s", "org.example.Unasked")))
        if n_fds:
            fields.append((UNIX_FDS, ("u", n_fds)))
        writer = Writer()
        writer.content += struct.pack("<cBBBII", b"l", kind, flags, 1, len(body), self._serial)
        writer.write("a(yv)", fields)
        writer.align(8)
        return bytes(writer.content) + body, self._serial

    def answer(self, destination, serial, error=False, name="org.example.Unwilling", text=None):
        """Answers a call with nothing, or with an error."""
        self._serial += 1
        body = b"" if text is None else marshal("s", (text,))
        fields = [(REPLY_SERIAL, ("u", serial))]
        if destination:
            fields.append((DESTINATION, ("s", destination)))
        if error:
            fields.append((ERROR_NAME, ("s", name)))
        if body:
            fields.append((SIGNATURE, ("g", "s")))
        writer = Writer()
        writer.content += struct.pack("<cBBBII", b"l", ERROR if error else RETURN, 0, 1, len(body), self._serial)
        writer.write("a(yv)", fields)
        writer.align(8)
        self.send_bytes(bytes(writer.content) + body)

    def send(self, path, interface, member, signature="", things=(), body=None, fds=(), **how):
        """Sends a call and returns its serial. body replaces the marshalled things."""
        if body is None:
            body = marshal(signature, things)
        message, serial = self.build(
            path, interface, member, signature, body, n_fds=len(fds), **how
        )
        self.send_bytes(message, fds)
        return serial

    def send_bytes(self, content, fds=()):
        try:
            if fds:
                ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
                sent = self._socket.sendmsg([content], ancillary)
                content = content[sent:]
            self._socket.sendall(content)
        except (BrokenPipeError, ConnectionResetError):
            raise Disconnected from None

    def try_send_bytes(self, content):
        """Sends as much as the socket takes at once; returns how much that was."""
        self._socket.setblocking(False)
        try:
            return self._socket.send(content)
        except BlockingIOError:
            return 0
        except (BrokenPipeError, ConnectionResetError):
            raise Disconnected from None
        finally:
            self._socket.settimeout(Deadline(20).seconds)

    def call(self, path, interface, member, signature="", things=(), seconds=20, **how):
        """Sends and waits; returns the reply's members or raises RegentError."""
        return self.reply(self.send(path, interface, member, signature, things, **how), seconds)

    def reply(self, serial, seconds=20):
        message = self.reply_message(serial, seconds)
        if message.kind == ERROR:
            body = message.body()
            raise RegentError(message.field(ERROR_NAME), body[0] if body else "")
        return message.body()

    def reply_message(self, serial, seconds=20):
        deadline = Deadline(seconds)
        while serial not in self._replies:
            self.keep(self.receive(deadline))
        return self._replies.pop(serial)

    def keep(self, message):
        """For reply_message(), take_kept() and .signals."""
        if message.kind in (RETURN, ERROR):
            self._replies[message.field(REPLY_SERIAL)] = message
        elif message.kind == SIGNAL:
            self.signals.append(message)
        else:
            self._calls.append(message)

    def take_kept_call(self):
        """The first call that came while something else was waited for; None: there was none."""
        return self._calls.pop(0) if self._calls else None

    def receive(self, deadline):
        """The next message, of whatever kind."""
        while True:
            message = self._take_message()
            if message:
                return message
            self._socket.settimeout(max(0.001, deadline.left()))
            try:
                part = self._socket.recv(1 << 20)
            except TimeoutError:
                raise Late(f"no message within {deadline.seconds:g} s") from None
            except ConnectionResetError:
                raise Disconnected from None
            if not part:
                raise Disconnected
            self._buffer += part

    def fileno(self):
        return self._socket.fileno()

    def receive_arrived(self):
        """What is there to be read, in the order in which it was sent."""
        messages = []
        try:
            part = self._socket.recv(1 << 20, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return messages
        except ConnectionResetError:
            raise Disconnected from None
        if not part:
            raise Disconnected
        self._buffer += part
        while True:
            message = self._take_message()
            if message is None:
                return messages
            messages.append(message)

    def receive_reply(self, deadline):
        """The next message that answers a call."""
        while True:
            message = self.receive(deadline)
            if message.kind in (RETURN, ERROR):
                return message

    def wait_disconnected(self, seconds=20):
        """Returns when the bus has closed the connection."""
        deadline = Deadline(seconds)
        try:
            while True:
                self.receive(deadline)
        except Disconnected:
            return

    def _take_message(self):
        if len(self._buffer) < 16:
            return None
        _, kind, flags, _, body_size, serial, fields_size = struct.unpack_from("<cBBBIII", self._buffer)
        header_size = 16 + fields_size + (-fields_size % 8)
        if len(self._buffer) < header_size + body_size:
            return None
        reader = Reader(self._buffer, 12)
        fields = dict(reader.read("a(yv)"))
        body = bytes(self._buffer[header_size : header_size + body_size])
        del self._buffer[: header_size + body_size]
        return Message(kind, serial, fields, body, flags)
