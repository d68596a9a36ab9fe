# SPDX-License-Identifier: LGPL-2.1-or-later
"""A caller in this process, on a connection of its own."""

from gi.repository import Gio, GLib

from .api import Caller, RegentError
from .names import BUS_NAME, Error
from .signals import Signal, SignalLog
from .waiting import SLOWNESS, dispatch_pending, iterate_until

_FLAGS = (
    Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
    | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
)


def as_regent_error(error):
    """What a reply said; an error of the connection itself passes unchanged."""
    name = Gio.DBusError.get_remote_error(error)
    if name is None:
        if error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.TIMED_OUT):
            return RegentError("local.Timeout", error.message)
        if error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CLOSED):
            # What the bus says of a receiver that leaves; a channel has nobody who could.
            return RegentError(Error.NoReply, f"disconnected: {error.message}")
        return error
    return RegentError(name, error.message.removeprefix(f"GDBus.Error:{name}: "))


class PendingCall:
    def __init__(self):
        self._reply = None
        self._error = None

    def is_done(self):
        dispatch_pending()
        return self._settled()

    def result(self, seconds=30):
        """The reply's body; raises what the call raised. Fails when neither comes in time."""
        iterate_until(self._settled, seconds, "the reply to a pending call")
        if self._error is not None:
            raise self._error
        return self._reply

    def _settled(self):
        return self._reply is not None or self._error is not None

    def _on_ready(self, connection, result):
        try:
            self._reply = connection.call_finish(result)
        except GLib.Error as error:
            self._error = as_regent_error(error)


class Client(Caller):
    def __init__(self, address):
        self.connection = Gio.DBusConnection.new_for_address_sync(address, _FLAGS, None, None)
        self.connection.set_exit_on_close(False)

    def close(self):
        if not self.connection.is_closed():
            self.connection.close_sync(None)

    def unique_name(self):
        return self.connection.get_unique_name()

    def _call(self, destination, path, interface, member, parameters, interactive, timeout):
        try:
            return self.connection.call_sync(
                destination, path, interface, member, parameters, None,
                _call_flags(interactive), int(timeout * SLOWNESS * 1000), None,
            )  # fmt: skip
        except GLib.Error as error:
            raise as_regent_error(error) from None

    def _start(self, destination, path, interface, member, parameters, interactive, timeout):
        pending = PendingCall()
        self.start_raw(
            destination, path, interface, member, parameters, interactive, timeout,
            pending._on_ready,
        )  # fmt: skip
        return pending

    def start_raw(
        self, destination, path, interface, member, parameters, interactive, timeout, on_ready
    ):
        """Sends a call; on_ready(connection, result) takes the reply."""
        self.connection.call(
            destination, path, interface, member, parameters, None,
            _call_flags(interactive), int(timeout * SLOWNESS * 1000), None, on_ready,
        )  # fmt: skip

    def subscribe(self, interface=None, member=None, path=None, arg0=None, sender=BUS_NAME):
        def on_signal(_connection, from_, path_, interface_, member_, parameters):
            log.items.append(Signal(from_, path_, interface_, member_, parameters))

        def close():
            self.connection.signal_unsubscribe(subscription)

        log = SignalLog(iterate_until, close)
        subscription = self.connection.signal_subscribe(
            sender, interface, member, path, arg0, Gio.DBusSignalFlags.NONE, on_signal
        )
        # AddMatch and the owner's query are sent without waiting; a round trip to the bus puts them in effect.
        self.name_owner(BUS_NAME)
        return log

    def settle(self):
        """Delivers every signal that regentd sent before now."""
        self.ping()
        dispatch_pending()

    def name_owner(self, name):
        """The unique name of the owner, or None."""
        try:
            reply = self._call(
                "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                "GetNameOwner", GLib.Variant("(s)", (name,)), False, 10,
            )  # fmt: skip
        except RegentError:
            return None
        return reply.unpack()[0]

    def wait_name(self, name, seconds=10, other_than=None, look=None, fds=()):
        """Waits until a name has an owner, another than other_than when given, and returns that.

        look() is called at every turn and may raise; fds that become readable cause a turn.
        """
        owners = []

        def on_owner_changed(_connection, _from, _path, _interface, _member, parameters):
            owners.append(parameters.unpack()[2])

        def has_owner():
            if look:
                look()
            return owners and owners[-1] and owners[-1] != other_than

        subscription = self.connection.signal_subscribe(
            "org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged",
            "/org/freedesktop/DBus", name, Gio.DBusSignalFlags.NONE, on_owner_changed,
        )  # fmt: skip
        try:
            owners.append(self.name_owner(name))
            iterate_until(has_owner, seconds, f"{name} on the bus", fds)
            return owners[-1]
        finally:
            self.connection.signal_unsubscribe(subscription)

    def wait_no_name(self, name, seconds=10):
        """Waits until nobody owns a name."""
        is_gone = []

        def on_owner_changed(_connection, _from, _path, _interface, _member, parameters):
            is_gone.append(not parameters.unpack()[2])

        subscription = self.connection.signal_subscribe(
            "org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged",
            "/org/freedesktop/DBus", name, Gio.DBusSignalFlags.NONE, on_owner_changed,
        )  # fmt: skip
        try:
            is_gone.append(self.name_owner(name) is None)
            iterate_until(lambda: is_gone[-1], seconds, f"{name} to leave the bus")
        finally:
            self.connection.signal_unsubscribe(subscription)


def _call_flags(interactive):
    flags = Gio.DBusCallFlags.NO_AUTO_START
    if interactive:
        flags |= Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION
    return flags
