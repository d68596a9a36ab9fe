# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names on the bus, and the users that tests/support/sandbox adds."""

BUS_NAME = "org.regentd.State1"
ROOT_PATH = "/org/regentd/State1"
MANAGER = "org.regentd.State1.Manager"
NAMESPACE = "org.regentd.State1.Namespace"
VALUES = "org.regentd.State1.Values"
PARTICIPANT = "org.regentd.State1.Participant"

PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"
PEER = "org.freedesktop.DBus.Peer"

POLKIT_NAME = "org.freedesktop.PolicyKit1"
POLKIT_PATH = "/org/freedesktop/PolicyKit1/Authority"
POLKIT_AUTHORITY = "org.freedesktop.PolicyKit1.Authority"

NO_ID = 0xFFFFFFFF  # no group: the group of a namespace that has none


class Error:
    """D-Bus error names, by what they are called in the documentation."""

    _own = "org.regentd.State1.Error."
    NoSuchNamespace = _own + "NoSuchNamespace"
    NamespaceExists = _own + "NamespaceExists"
    NoSuchKey = _own + "NoSuchKey"
    KeyExists = _own + "KeyExists"
    InvalidName = _own + "InvalidName"
    InvalidValue = _own + "InvalidValue"
    TooBig = _own + "TooBig"
    QuotaExceeded = _own + "QuotaExceeded"
    Conflict = _own + "Conflict"
    HistoryLost = _own + "HistoryLost"
    Vetoed = _own + "Vetoed"
    Timeout = _own + "Timeout"
    Busy = _own + "Busy"
    HistoryLost = _own + "HistoryLost"
    ReadOnly = _own + "ReadOnly"
    DiskFull = _own + "DiskFull"
    OutcomeUnknown = _own + "OutcomeUnknown"
    NotConfirmed = _own + "NotConfirmed"

    _bus = "org.freedesktop.DBus.Error."
    AccessDenied = _bus + "AccessDenied"
    FileNotFound = _bus + "FileNotFound"
    InteractiveAuthorizationRequired = _bus + "InteractiveAuthorizationRequired"
    InvalidArgs = _bus + "InvalidArgs"
    LimitsExceeded = _bus + "LimitsExceeded"
    NoReply = _bus + "NoReply"
    NotSupported = _bus + "NotSupported"
    PropertyReadOnly = _bus + "PropertyReadOnly"
    UnknownInterface = _bus + "UnknownInterface"
    UnknownMethod = _bus + "UnknownMethod"
    UnknownObject = _bus + "UnknownObject"
    UnknownProperty = _bus + "UnknownProperty"


# user: (uid, gid, supplementary groups)
USERS = {
    "regent": (990, 990, ()),
    "alice": (4001, 4001, ()),  # an owner
    "bob": (4002, 4002, (4100,)),  # in operators
    "carol": (4003, 4003, ()),  # a stranger
    "dave": (4004, 4004, (4200,)),  # in netadmins
    "erin": (4005, 4005, ()),  # another stranger
}
GROUPS = {"operators": 4100, "netadmins": 4200}


def path_of(namespace):
    """The object path of a namespace, such as org.example.Router."""
    return ROOT_PATH + "/ns/" + namespace.replace(".", "/")
