# SPDX-License-Identifier: LGPL-2.1-or-later
"""Direct channels: a caller that has one, and its socket alone."""

import os
import re

from gi.repository import Gio, GLib

from .client import Client, as_regent_error
from .names import BUS_NAME, MANAGER, PEER, ROOT_PATH
from .signals import Signal
from .waiting import dispatch_pending
from .wire import RawClient

# What callers of the tests take for regentd: "channel", or else the bus.
TRANSPORT = "REGENT_TEST_TRANSPORT"


# Limits of the bus with those of channels that are to be the same, so that the suites hold for either.
_LIKE = {
    "ReplyBytesMax": ("ChannelReplyBytesMax", "2M"),
    "ConnectionUnreadBytesMax": ("ChannelUnreadBytesMax", "4M"),
    "UidUnreadBytesMax": ("UidChannelUnreadBytesMax", "8M"),
    "UnreadBytesMax": ("ChannelsUnreadBytesMax", "64M"),
}


def config_like(text):
    """The text of regentd.conf with limits of channels as those of the bus."""
    given = dict(re.findall(r"^(\w+)=(\S+)$", text, re.M))
    lines = [f"{setting}={given.get(like, usual)}" for like, (setting, usual) in _LIKE.items()]
    return "\n".join([text, "[Limits]", *lines, "UidChannelsMax=10000", "ChannelsMax=10000", ""])


def is_transport():
    return os.environ.get(TRANSPORT) == "channel"


def new_client(address):
    return ChannelClient(address) if is_transport() else Client(address)


def new_raw_client(socket_path, **how):
    client = RawClient(socket_path, **how)
    if is_transport():
        client.take_channel()
    return client


def connect_fd(connection, options=None, timeout=30):
    """Manager.Connect on a Gio.DBusConnection; the descriptor is the caller's."""
    destination = BUS_NAME if connection.get_unique_name() else None
    try:
        reply, fds = connection.call_with_unix_fd_list_sync(
            destination, ROOT_PATH, MANAGER, "Connect", GLib.Variant("(a{sv})", (options or {},)),
            None, Gio.DBusCallFlags.NO_AUTO_START, timeout * 1000, None, None,
        )  # fmt: skip
    except GLib.Error as error:
        raise as_regent_error(error) from None
    return fds.get(reply.get_child_value(0).get_handle())


def open_connection(fd):
    """A Gio.DBusConnection on one end of a channel, which it takes."""
    stream = Gio.Socket.new_from_fd(fd).connection_factory_create_connection()
    connection = Gio.DBusConnection.new_sync(
        stream, None, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None
    )
    connection.set_exit_on_close(False)
    return connection


class ChannelClient(Client):
    """A Client that takes its channel for regentd, and the bus for everybody else."""

    def __init__(self, address):
        super().__init__(address)
        self.bus_connection = self.connection
        self._channel = None

    @property
    def channel(self):
        """A new one where the last has ended, as when regentd has been started again."""
        if self._channel is None or self._channel.is_closed():
            self._channel = open_connection(connect_fd(self.bus_connection))
        return self._channel

    def close(self):
        if self._channel and not self._channel.is_closed():
            self._channel.close_sync(None)
        super().close()

    def _call(self, destination, *rest):
        with self._to(destination) as destination:
            return super()._call(destination, *rest)

    def start_raw(self, destination, *rest):
        with self._to(destination) as destination:
            super().start_raw(destination, *rest)

    def _to(self, destination):
        return _Route(self, destination)

    def subscribe(self, interface=None, member=None, path=None, arg0=None, sender=BUS_NAME):
        """What is for everybody comes from the bus, what is for its watches from the channel."""
        if sender in (None, BUS_NAME):
            self._settle_bus()
        log = super().subscribe(interface, member, path, arg0, sender)
        if sender not in (None, BUS_NAME):
            return log

        def on_signal(_connection, from_, path_, interface_, member_, parameters):
            log.items.append(Signal(from_, path_, interface_, member_, parameters))

        def close():
            channel.signal_unsubscribe(subscription)
            close_other()

        channel = self.channel
        subscription = channel.signal_subscribe(
            None, interface, member, path, arg0, Gio.DBusSignalFlags.NONE, on_signal
        )
        close_other, log._close = log._close, close
        return log

    def settle(self):
        """Delivers every signal that regentd sent before now, by either way."""
        super().settle()
        self._settle_bus()

    def _settle_bus(self):
        Client._call(self, BUS_NAME, ROOT_PATH, PEER, "Ping", GLib.Variant("()", ()), False, 30)
        dispatch_pending()


class _Route:
    """The connection for a destination, in place of the client's own, for as long as a call takes to be sent."""

    def __init__(self, client, destination):
        self._client = client
        self._is_direct = destination == BUS_NAME
        self._destination = None if self._is_direct else destination

    def __enter__(self):
        if self._is_direct:
            self._client.connection = self._client.channel
        return self._destination

    def __exit__(self, *_):
        self._client.connection = self._client.bus_connection
