# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sockets that regentd sends to instead of the service manager and the journal."""

import array
import os
import socket
import struct

from .waiting import Deadline, wait_readable


class _Datagrams:
    def __init__(self, path):
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        os.chmod(path, 0o777)
        self.received = []

    def close(self):
        self._socket.close()
        os.unlink(self.path)

    def wait_for(self, wanted, seconds=10):
        """The first datagram, of those that came or will come, that wanted(datagram) admits."""
        deadline = Deadline(seconds)
        at = 0
        while True:
            for at in range(at, len(self.received)):
                if wanted(self.received[at]):
                    return self.received[at]
            wait_readable(
                self._socket.fileno(), deadline.left(), f"another datagram than {self.received}"
            )
            self.received.append(self._receive())

    def drain(self):
        """Takes what has arrived."""
        while True:
            try:
                wait_readable(self._socket.fileno(), 0, "nothing")
            except AssertionError:
                return self.received
            self.received.append(self._receive())


class NotifySocket(_Datagrams):
    """NOTIFY_SOCKET: each datagram is a dict of its assignments."""

    def _receive(self):
        text = self._socket.recv(65536).decode()
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


class JournalSocket(_Datagrams):
    """The journal's own protocol: each datagram is a dict of a record's fields."""

    def _receive(self):
        content, ancillary, _, _ = self._socket.recvmsg(1 << 20, socket.CMSG_SPACE(4))
        for _, _, fds in ancillary:
            for fd in array.array("i", fds):
                content = os.pread(fd, 1 << 24, 0)
                os.close(fd)
        return self._fields(content)

    @staticmethod
    def _fields(content):
        fields, at = {}, 0
        while at < len(content):
            end = content.index(b"\n", at)
            name, is_text, text = content[at:end].partition(b"=")
            at = end + 1
            if not is_text:
                (size,) = struct.unpack_from("<Q", content, at)
                text = content[at + 8 : at + 8 + size]
                at += 8 + size + 1
            fields[name.decode()] = text.decode()
        return fields
