# SPDX-License-Identifier: LGPL-2.1-or-later
"""lib-viewer, a program that reads a view with libregent."""

import os

from lib_client import LibClient


class LibViewer(LibClient):
    program = "lib-viewer"

    def open(self, name):
        return self.do("open", name)

    def get(self, key):
        return self.do("get", key).value()

    def revision(self):
        return self.do("revision").value()

    def is_stale(self):
        return self.do("is_stale").value()

    def everything(self):
        """{key: value}"""
        return self.do("snapshot").value()[0]

    def n_memories(self):
        """Views that it has mapped."""
        with open(f"/proc/{self.pid}/maps", encoding="ascii") as file:
            return sum("regent-view" in line for line in file)

    def n_fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def shown(space):
    """What everything() is to be."""
    return {key: value.unpack() for key, value in space.everything().items()}
