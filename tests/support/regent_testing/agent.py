# SPDX-License-Identifier: LGPL-2.1-or-later
"""An authentication agent of the test's, which polkit asks for a password."""

from gi.repository import Gio, GLib

from .names import POLKIT_AUTHORITY, POLKIT_NAME, POLKIT_PATH
from .polkit import start_time

AGENT_PATH = "/org/example/Agent"
AGENT_XML = """
<node><interface name='org.freedesktop.PolicyKit1.AuthenticationAgent'>
  <method name='BeginAuthentication'>
    <arg type='s' name='action_id' direction='in'/><arg type='s' name='message' direction='in'/>
    <arg type='s' name='icon_name' direction='in'/><arg type='a{ss}' name='details' direction='in'/>
    <arg type='s' name='cookie' direction='in'/><arg type='a(sa{sv})' name='identities' direction='in'/>
  </method>
  <method name='CancelAuthentication'><arg type='s' name='cookie' direction='in'/></method>
</interface></node>
"""


class Agent:
    """Registered for one process. Answers at once, or keeps polkit waiting until told."""

    def __init__(self, client, pid, uid, grants):
        self._client = client
        self._grants = grants
        self.questions = []
        self.cancelled = 0
        node = Gio.DBusNodeInfo.new_for_xml(AGENT_XML)
        self._registration = client.connection.register_object(
            AGENT_PATH, node.interfaces[0], self._on_call, None, None
        )
        subject = (
            "unix-process",
            {"pid": GLib.Variant("u", pid), "start-time": GLib.Variant("t", start_time(pid)),
             "uid": GLib.Variant("i", uid)},
        )  # fmt: skip
        client.call(
            POLKIT_PATH, POLKIT_AUTHORITY, "RegisterAuthenticationAgent", "((sa{sv})ss)",
            (subject, "C", AGENT_PATH), destination=POLKIT_NAME,
        )  # fmt: skip

    def close(self):
        self._client.connection.unregister_object(self._registration)

    def _on_call(self, connection, _sender, _path, _interface, member, parameters, invocation):
        if member == "CancelAuthentication":
            self.cancelled += 1
            invocation.return_value(None)
            return
        action, message, _icon, _details, cookie, _identities = parameters.unpack()
        self.questions.append((action, message))
        if self._grants is None:
            self._held = invocation
            return
        if not self._grants:
            invocation.return_dbus_error("org.freedesktop.PolicyKit1.Error.Cancelled", "no")
            return
        identity = ("unix-user", {"uid": GLib.Variant("u", 0)})
        arguments = GLib.Variant("(us(sa{sv}))", (0, cookie, identity))
        connection.call(
            POLKIT_NAME, POLKIT_PATH, POLKIT_AUTHORITY, "AuthenticationAgentResponse2", arguments, None,
            Gio.DBusCallFlags.NONE, 10000, None, lambda *_: invocation.return_value(None),
        )  # fmt: skip
