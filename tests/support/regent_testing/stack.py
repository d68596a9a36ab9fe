# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bus, polkitd when wanted, and regentd, started and stopped together in one scratch directory."""

import os

from . import environment
from .bus import DBusDaemon
from .channel import new_client, new_raw_client
from .polkit import Polkitd
from .service import Regentd
from .user_client import UserClient


class Stack:
    """Use as a context manager. What is given to it goes to DBusDaemon and Regentd."""

    def __init__(
        self, polkit=False, limits=None, directory=None, start=True, policy="", **regentd
    ):
        self._own_directory = directory is None
        self._clients = []
        self._start = start
        self.directory = directory or environment.make_scratch()
        self.bus = DBusDaemon(os.path.join(self.directory, "bus"), limits, policy)
        self.polkitd = Polkitd(self.bus) if polkit else None
        self.regentd = Regentd(self.bus, os.path.join(self.directory, "regentd"), **regentd)
        self.root = None  # a Client of this process, uid 0 where there is one

    def __enter__(self):
        try:
            self.bus.start()
            if self.polkitd:
                self.polkitd.start()
            if self._start:
                self.regentd.start()
            self.root = self.client()
        except BaseException:
            self.close(check=False)
            raise
        return self

    def __exit__(self, kind, *_):
        self.close(check=kind is None)

    def client(self):
        client = new_client(self.bus.address)
        self._clients.append(client)
        return client

    def user(self, name, groups=None):
        client = UserClient(self.bus.address, name, groups)
        self._clients.append(client)
        return client

    def raw(self, **how):
        client = new_raw_client(self.bus.socket, **how)
        self._clients.append(client)
        return client

    def close(self, check=True):
        """Ends everything; regentd last but one, so that its exit status counts."""
        try:
            for client in self._clients:
                client.close()
            self._clients.clear()
            if self.polkitd:
                self.polkitd.close()
            try:
                self.regentd.close()
            except AssertionError:
                if check:
                    raise
        finally:
            self.bus.stop()
            if self._own_directory:
                environment.remove_scratch(self.directory)
