# SPDX-License-Identifier: LGPL-2.1-or-later
"""Views, read with the reader that ships, built as a library."""

import ctypes
import errno
import os
import subprocess

from gi.repository import Gio, GLib

from .client import as_regent_error
from .environment import source_root
from .names import BUS_NAME, NAMESPACE
from .waiting import SLOWNESS

LIVE, FULL, REVOKED, REMOVED, REPLACED, STOPPED = range(6)


class _Reader(ctypes.Structure):
    _fields_ = [
        ("header", ctypes.c_void_p),
        ("size_bytes", ctypes.c_size_t),
        ("table", ctypes.c_void_p),
        ("slot_mask", ctypes.c_uint64),
        ("records_offset", ctypes.c_uint64),
        ("last_offset", ctypes.c_uint64),
        ("hash_seed", ctypes.c_uint64),
        ("fd", ctypes.c_int),
    ]


class _Entry(ctypes.Structure):
    _fields_ = [
        ("key", ctypes.c_void_p),
        ("value", ctypes.c_void_p),
        ("revision", ctypes.c_uint64),
        ("value_bytes", ctypes.c_uint32),
        ("key_bytes", ctypes.c_uint8),
        ("type_bytes", ctypes.c_uint8),
        ("entry_class", ctypes.c_uint8),
    ]


def build_library(directory):
    """The reader, and tests/bus/view-hammer.c."""
    path = os.path.join(str(directory), "view-reader.so")
    root = source_root()
    sources = [os.path.join(root, "client", "view-reader.c"), os.path.join(root, "tests", "bus", "view-hammer.c")]
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-D_GNU_SOURCE", "-I", root, "-o", path, *sources], check=True)
    library = ctypes.CDLL(path)
    library.view_reader_is_orphaned.restype = ctypes.c_bool
    return library


def open_fd(space, options=None):
    """OpenView as `space`'s caller, a Client: the descriptor, and what is said of it."""
    try:
        reply, fds = space.caller.connection.call_with_unix_fd_list_sync(
            BUS_NAME, space.path, NAMESPACE, "OpenView", GLib.Variant("(a{sv})", (options or {},)),
            GLib.VariantType("(ha{sv})"), Gio.DBusCallFlags.NONE, int(30000 * SLOWNESS), None, None,
        )  # fmt: skip
    except GLib.Error as error:
        raise as_regent_error(error) from None
    handle, info = reply.unpack()
    return fds.get(handle), info


def origin_of(entry):
    """(writer's uid, time in microseconds)"""
    origin = entry.value + (entry.value_bytes + 7 & ~7)
    return ctypes.c_uint32.from_address(origin + 8).value, ctypes.c_uint64.from_address(origin).value


class View:
    def __init__(self, library, fd):
        self.library = library
        self.reader = _Reader()
        r = library.view_reader_open(ctypes.byref(self.reader), fd)
        os.close(fd)
        if r < 0:
            raise OSError(-r, os.strerror(-r))

    def close(self):
        self.library.view_reader_close(ctypes.byref(self.reader))

    def _number(self, offset, kind):
        return kind.from_address(self.reader.header + offset).value

    def state(self):
        return self._number(132, ctypes.c_uint32)

    def sequence(self):
        return self._number(128, ctypes.c_uint32)

    def revision(self):
        return self._number(136, ctypes.c_uint64)

    def entry(self, key):
        """None when there is none."""
        entry = _Entry()
        key = key.encode()
        r = self.library.view_reader_get(ctypes.byref(self.reader), key, ctypes.c_size_t(len(key)), ctypes.byref(entry))
        if r == -errno.ENOENT:
            return None
        if r < 0:
            raise OSError(-r, os.strerror(-r))
        return entry

    def get(self, key):
        """The value as a GLib.Variant, or None."""
        entry = self.entry(key)
        return entry and _variant(entry)

    def everything(self):
        cursor, entry, found = ctypes.c_uint64(0), _Entry(), {}
        while not self.library.view_reader_next(ctypes.byref(self.reader), ctypes.byref(cursor), ctypes.byref(entry)):
            found[ctypes.string_at(entry.key).decode()] = _variant(entry)
        return found

    def wait(self, sequence, seconds=30):
        usec = ctypes.c_uint64(int(seconds * SLOWNESS * 1e6))
        return self.library.view_reader_wait(ctypes.byref(self.reader), ctypes.c_uint32(sequence), usec)

    def is_orphaned(self):
        return self.library.view_reader_is_orphaned(ctypes.byref(self.reader))


def _variant(entry):
    content = ctypes.string_at(entry.value, entry.value_bytes)
    kind = GLib.VariantType(ctypes.string_at(entry.key + entry.key_bytes + 1).decode())
    return GLib.Variant.new_from_bytes(kind, GLib.Bytes.new(content), False)
