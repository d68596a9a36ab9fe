# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service that answers in other shapes than it should, as something at --address= might."""

import pytest
from ctl import OTHER, Regentctl
from gi.repository import Gio, GLib
from regent_testing.names import BUS_NAME

PROPERTIES = {
    "Owner": GLib.Variant("u", 0),
    "Group": GLib.Variant("u", 0xFFFFFFFF),
    "Mode": GLib.Variant("u", 0o644),
    "Revision": GLib.Variant("t", 1),
    "Keys": GLib.Variant("t", 1),
    "QuotaKeys": GLib.Variant("t", 10),
    "QuotaBytes": GLib.Variant("t", 100),
}
GOOD = {"value": GLib.Variant("u", 1), "revision": GLib.Variant("t", 1), "class": GLib.Variant("s", "persistent")}
HANDLE = GLib.Variant("h", 0)


def entry(**changed):
    return GLib.Variant("a{sv}", {name: thing for name, thing in {**GOOD, **changed}.items() if thing is not None})


ENTRIES = {
    "revision": entry(revision=GLib.Variant("s", "no")),
    "class": entry(**{"class": GLib.Variant("u", 1)}),
    "no value": entry(value=None),
    "no details": GLib.Variant("u", 7),
    "handle": entry(value=HANDLE),
    "handle inside": entry(value=GLib.Variant("av", [GLib.Variant("a{sv}", {"h": HANDLE})])),
}


class Pretender:
    """Owns regentd's name; answers with what .entries and .names give for the number of the call."""

    def __init__(self, stack):
        self._client = stack.client()
        self.entries = self.names = None
        self.n_calls = 0
        self._filter = self._client.connection.add_filter(self._on_message)
        self._client.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName", "(su)", (BUS_NAME, 0),
                          destination="org.freedesktop.DBus")  # fmt: skip

    def close(self):
        self._client.connection.remove_filter(self._filter)

    def answer_with(self, entries=None, names=None):
        self.entries, self.names, self.n_calls = entries, names, 0

    def _answer(self, member):
        if member == "GetAll":
            return GLib.Variant("(a{sv})", (PROPERTIES,))
        if member == "Connect":
            return GLib.Variant("()", ())
        self.n_calls += 1
        if member == "GetMany":
            page = self.entries(self.n_calls)
            if isinstance(page, dict):
                page = GLib.Variant("a{sv}", page)
            return GLib.Variant.new_tuple(page, GLib.Variant("t", 1))
        names = self.names(self.n_calls)
        return GLib.Variant("(ast)", (names, 1)) if member == "List" else GLib.Variant("(as)", (names,))

    def _on_message(self, connection, message, is_incoming):
        if not is_incoming or message.get_message_type() != Gio.DBusMessageType.METHOD_CALL:
            return message
        reply = Gio.DBusMessage.new_method_reply(message)
        reply.set_body(self._answer(message.get_member()))
        connection.send_message(reply, Gio.DBusSendMessageFlags.NONE)
        return None


@pytest.fixture(scope="module")
def pretender_stack():
    # pylint: disable=import-outside-toplevel
    from regent_testing.stack import Stack

    with Stack(start=False) as stack:
        pretender = Pretender(stack)
        yield stack, pretender
        pretender.close()


@pytest.fixture
def pretender(pretender_stack):
    return pretender_stack[1]


@pytest.fixture
def ctl(pretender_stack):
    return Regentctl(pretender_stack[0].bus)


def is_not_understood(ctl, *arguments):
    return "The answer of regentd is not understood" in ctl.failure(*arguments, status=OTHER)["text"]


def test_what_is_understood(ctl, pretender):
    pretender.answer_with(entries=lambda n: {"k": entry()}, names=lambda n: ["org.example.A"])
    assert '"data":1' in ctl("dump", "org.example.A").out
    assert '"data":1' in ctl("dump").out


@pytest.mark.parametrize("shape", ENTRIES)
def test_entries_of_other_shapes(ctl, pretender, tmp_path, shape):
    pretender.answer_with(entries=lambda n: {"k": ENTRIES[shape]}, names=lambda n: ["org.example.A", "org.example.B"])
    path = tmp_path / "x.json"
    path.write_text('{"regent-dump": 1, "namespaces": {"org.example.A": {"entries": {}}}}')
    for arguments in (["dump", "org.example.A"], ["dump"], ["diff", str(path)], ["load", str(path), "--dry-run"]):
        assert is_not_understood(ctl, *arguments)


@pytest.mark.parametrize("value", [HANDLE, GLib.Variant("av", [HANDLE])])
def test_values_that_nobody_can_hold(ctl, pretender, value):
    pretender.answer_with(entries=lambda n: {"k": value})
    assert is_not_understood(ctl, "get", "org.example.A")


@pytest.mark.parametrize("keys", [["b", "a"], ["a", "b", "a"], [""]])
def test_keys_out_of_order(ctl, pretender, keys):
    pretender.answer_with(entries=lambda n: page_of(keys))
    assert is_not_understood(ctl, "get", "org.example.A")


def page_of(keys):
    """A dictionary may have a key twice on the bus, if not in Python."""
    builder = GLib.VariantBuilder(GLib.VariantType("a{sv}"))
    for key in keys:
        builder.add_value(
            GLib.Variant.new_dict_entry(GLib.Variant("s", key), GLib.Variant("v", GLib.Variant("u", 1)))
        )
    return builder.end()


def test_the_same_page_of_keys_without_end(ctl, pretender):
    page = {f"k{number:05}": GLib.Variant("u", 1) for number in range(16384)}
    pretender.answer_with(entries=lambda n: page)
    assert is_not_understood(ctl, "get", "org.example.A")


def test_the_same_page_of_names_without_end(ctl, pretender):
    page = [f"org.example.N{number:05}" for number in range(4096)]
    pretender.answer_with(names=lambda n: page)
    assert is_not_understood(ctl, "namespaces")
    assert is_not_understood(ctl, "dump")
    assert pretender.n_calls <= 8
    pretender.answer_with(names=lambda n: ["org.example.N"] * 4096)
    assert is_not_understood(ctl, "namespaces")
