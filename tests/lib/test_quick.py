# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small writes of libregent over the channel, which go without sd-bus; and all that does not."""

import contextlib
import queue

import pytest
from gi.repository import Gio, GLib

from lib_channel import ScriptedChannel, blob, error, is_quick, reply, reply_with
from lib_client import LibClient
from lib_pretender import ChannelPretender
from regent_testing.stack import Stack

ERROR = "org.regentd.State1.Error."
DBUS_ERROR = "org.freedesktop.DBus.Error."
NS = "org.example.Quick"
PATH = "/org/regentd/State1/ns/org/example/Quick"
NAMESPACE = "org.regentd.State1.Namespace"
SET = ("set", NS, "key", "1")


class Channels:
    """Gives each program that asks for one a ScriptedChannel."""

    def __init__(self, stack):
        self.bus = stack.bus
        self._unused = queue.Queue()
        self._pretender = ChannelPretender(stack, self._connect)

    def _connect(self):
        channel = ScriptedChannel()
        self._unused.put(channel)
        return channel.given

    def next(self):
        return self._unused.get(timeout=30)


class Scripted:
    """A program that has a channel, which is greeted."""

    def __init__(self, channels, *flags, loop="none", is_greeted=True):
        self._channels = channels
        self.channel = None
        self.client = LibClient(channels.bus, loop, *flags)
        self.client.line(r"open 0 -")
        if is_greeted:
            self.begin()

    def next_channel(self):
        if self.channel:
            self.channel.close()
        self.channel = self._channels.next()

    def begin(self):
        """What comes first greets, and is sd-bus's."""
        self.client.write(("list", NS))
        self.next_channel()
        self.channel.send(reply_with(self.channel.take(), "(ast)", [], 1))
        assert self.client.take_reply("list").result == 0

    def call(self, *words, answer=reply):
        """The message that the program sends for this, and what comes of it."""
        self.client.write(words)
        message = self.channel.take()
        self.channel.send(answer(message))
        return message, self.client.take_reply(words[0])

    def is_quick(self, *words, answer=reply):
        message, came = self.call(*words, answer=answer)
        assert came.result == 0, came
        return is_quick(message)

    def close(self):
        self.client.kill()
        self.channel.close()


@pytest.fixture(scope="module")
def channels():
    with Stack(start=False) as stack:
        yield Channels(stack)


@pytest.fixture
def scripted(channels):
    """Starts one."""
    with contextlib.ExitStack() as ends:

        def start(*flags, **how):
            made = Scripted(channels, *flags, **how)
            ends.callback(made.close)
            return made

        yield start


def apply_reply(message, revision=7):
    return reply_with(message, "(ta{sv})", revision,
                      {"changed": GLib.Variant("u", 1), "removed": GLib.Variant("u", 0)})  # fmt: skip


@pytest.mark.parametrize("text", [
    "true", "false", "byte 0x07", "byte 0xff", "int16 -32768", "uint16 65535", "-2147483648", "uint32 4294967295",
    "int64 -9223372036854775808", "uint64 18446744073709551615", "1.5", "-0.0", "nan", "inf", "-inf", "''", "'text'",
    "'line\\nand \\x7f'", f"'{'x' * 700}'",
])  # fmt: skip
def test_plain_values_go_quickly_as_they_are(scripted, text):
    message, came = scripted().call("set", NS, "a/key", text, answer=lambda m: reply(m, 1 << 63))

    assert is_quick(message) and came.value() == (1 << 63,)
    assert (message.get_path(), message.get_interface(), message.get_member()) == (PATH, NAMESPACE, "Set")
    assert message.get_flags() == Gio.DBusMessageFlags.NONE and message.get_destination() is None
    key, value = (message.get_body().get_child_value(i) for i in range(2))
    given = GLib.Variant.parse(None, text, None, None)
    assert key.get_string() == "a/key"
    assert value.get_variant().get_type_string() == given.get_type_string()
    assert value.get_variant().get_data_as_bytes().get_data() == given.get_data_as_bytes().get_data()


@pytest.mark.parametrize("words", [
    ("set", NS, "key", "'gr\u00fc\u00df'"),
    ("set", NS, "schl\u00fcssel", "1"),
    ("set", NS, "key", "[1, 2]"),
    ("set", NS, "key", "<1>"),
    ("set", NS, "key", "objectpath '/a'"),
    ("set", NS, "key", f"'{'x' * 1000}'"),
    ("set", NS, "k" * 1000, "1"),
    ("set", NS, "key", f"[{', '.join(['1'] * 100000)}]"),
    ("delete", NS, "\u20ac"),
], ids=lambda words: "-".join(words)[:40])  # fmt: skip
def test_what_is_not_plain_or_not_small_goes_as_before(scripted, words):
    program = scripted()

    message, came = program.call(*words)
    assert not is_quick(message) and came.value() == (7,)
    assert program.is_quick(*SET), "the next one is quick again"


def test_removing_goes_quickly(scripted):
    message, came = scripted().call("delete", NS, "key")

    assert is_quick(message) and came.value() == (7,)
    assert message.get_member() == "Delete" and message.get_body().unpack() == ("key",)


def fill_change(program, a):
    program.client.do("change_set", NS, "a", a)
    program.client.do("change_set", NS, "b", "true")
    program.client.do("change_unset", NS, "c")
    program.client.do("change_expect", NS, "a", "5")
    program.client.do("change_set_class", NS, "b", "session")
    program.client.do("change_set_class", NS, "-", "runtime")
    program.client.do("change_set_class", "-", "-", "persistent")
    program.client.do("change_set_release", NS, "6.1")
    program.client.do("change_set_reason", "because")
    program.client.do("change_set_lazy", "1")
    program.client.do("change_set_confirm_timeout", "1000000")


def check_change(message, a):
    assert (message.get_path(), message.get_interface(), message.get_member()) == (PATH, NAMESPACE, "Apply")
    assert message.get_body().get_type_string() == "(a{sv}asta{sv})"
    assert message.get_body().unpack() == (
        {"a": a, "b": True}, ["c"], 2,
        {"expect": {"a": 5}, "classes": {"b": "session"}, "class": "runtime", "release": "6.1", "reason": "because",
         "durability": "lazy", "confirm-timeout-usec": 1000000},
    )  # fmt: skip


def test_change_of_one_namespace_goes_quickly_and_to_it(scripted):
    program = scripted()
    fill_change(program, "'text'")
    message, came = program.call("change_apply", "2", answer=apply_reply)

    assert is_quick(message)
    assert came.value() == (7, {"changed": 1, "removed": 0})
    check_change(message, "text")


CHANGED = ["text", "\u20ac", [1, 2], ["a", "b"], "x" * 5000, "x" * (2 << 20)]


@pytest.mark.parametrize("is_held", [False, True], ids=["at-once", "held"])
@pytest.mark.parametrize("a", CHANGED, ids=lambda a: str(a)[:10] + str(len(a)))
def test_change_that_is_not_waited_for_says_the_same(scripted, a, is_held):
    program = scripted(loop="poll", is_greeted=not is_held)
    fill_change(program, GLib.Variant("s" if isinstance(a, str) else "ai" if a[0] == 1 else "as", a).print_(True))
    name = program.client.start("change_apply", "2")
    program.client.do("change_set", NS, "a", "'what is set later is of the next'")
    if is_held:
        program.next_channel()
    message = program.channel.take()

    check_change(message, a)
    program.channel.send(apply_reply(message))
    assert program.client.reply(name).value() == (7, {"changed": 1, "removed": 0})


def test_replies_are_told_in_their_order_and_the_loop_lives_on(scripted):
    """More than one go of the loop takes, and all there at once."""
    program = scripted(loop="poll")
    program.client.do("change_set", NS, "a", "1")
    names = [program.client.start("change_apply", "0") for _ in range(150)]
    messages = [program.channel.take() for _ in names]
    for revision, message in enumerate(messages):
        program.channel.send(apply_reply(message, revision))

    for revision, name in enumerate(names):
        assert program.client.reply(name).value()[0] == revision
    assert program.is_quick(*SET)


@pytest.mark.parametrize("namespaces, flags", [([NS], 1), ([NS, NS + ".b"], 0)], ids=["dry-run", "two"])
def test_other_changes_go_to_the_manager_as_before(scripted, namespaces, flags):
    program = scripted()
    for name in namespaces:
        program.client.do("change_set", name, "a", "1")
    message, came = program.call("change_apply", flags, answer=apply_reply)

    assert not is_quick(message) and came.result == 0
    assert message.get_interface() == "org.regentd.State1.Manager"
    assert message.get_body().unpack() == ({name: {"set": {"a": 1}, "unset": []} for name in namespaces}, flags, {})


@pytest.mark.parametrize("command", [
    ("change_set", NS, "a", "[1]"), ("change_set", NS, "a", "'\u20ac'"), ("change_set", NS, "\u20ac", "1"),
    ("change_unset", NS, "\u20ac"), ("change_set_reason", "\u20ac"), ("change_set", NS, "a", f"'{'x' * 1000}'"),
], ids=lambda command: "-".join(command)[:30])  # fmt: skip
def test_change_that_is_not_plain_goes_as_before(scripted, command):
    program = scripted()
    program.client.do("change_set", NS, "b", "1")
    program.client.do(*command)
    message, came = program.call("change_apply", "0", answer=apply_reply)

    assert not is_quick(message) and came.value() == (7, {"changed": 1, "removed": 0})
    assert message.get_path() == PATH
    assert message.get_body().get_type_string() == "(a{sv}asta{sv})"


@pytest.mark.parametrize("name, result", [
    (ERROR + "NoSuchKey", -2), (ERROR + "ReadOnly", -30), (DBUS_ERROR + "AccessDenied", -13),
    ("org.example.Unheard", -5), (DBUS_ERROR + "Timeout", -5), (DBUS_ERROR + "InteractiveAuthorizationRequired", -13),
])  # fmt: skip
@pytest.mark.parametrize("text", ["why", "", "warum gr\u00fc\u00dft \u20ac", "x" * 20000], ids=["ascii", "none", "utf-8", "long"])
def test_errors_are_as_before(scripted, name, result, text):
    """What sd-bus makes of the same error, to a value that is not plain, is told likewise."""
    program = scripted()
    quick, told = program.call(*SET, answer=lambda m: error(m, name, text))
    slow, as_before = program.call("set", NS, "key", "[1]", answer=lambda m: error(m, name, text))

    assert is_quick(quick) and not is_quick(slow)
    assert told[:2] == as_before[:2] and told.text == as_before.text
    assert told.result == result
    assert told.error == (ERROR + "OutcomeUnknown" if name.endswith(".Timeout") else name)


def test_error_without_a_text_and_reply_of_another_type_are_as_before(scripted):
    program = scripted()
    for answer in (
        lambda m: error(m, ERROR + "Busy"),
        lambda m: reply_with(m, "(s)", "what a reply to a write never is"),
        lambda m: reply_with(m, "(tt)", 1, 2),
    ):
        quick, told = program.call(*SET, answer=answer)
        slow, as_before = program.call("set", NS, "key", "[1]", answer=answer)
        assert is_quick(quick) and not is_quick(slow)
        assert (told.result, told.error) == (as_before.result, as_before.error)
        program.client.do("change_new")
        program.client.do("change_set", NS, "a", "1")
        quick, told = program.call("change_apply", "0", answer=answer)
        program.client.do("change_set", NS, "a", "[1]")
        slow, as_before = program.call("change_apply", "0", answer=answer)
        assert is_quick(quick) and not is_quick(slow)
        assert told == as_before


def test_result_with_what_is_not_known_yet_is_of_a_change_that_was_made(scripted):
    def later(message):
        told = {"changed": GLib.Variant("u", 3), "later": GLib.Variant("as", ["one"])}
        return reply_with(message, "(ta{sv})", 7, told)

    program = scripted()
    program.client.do("change_set", NS, "a", "1")
    message, came = program.call("change_apply", "0", answer=later)
    assert is_quick(message) and came.result == 0
    assert came.value()[0] == 7
    assert program.is_quick(*SET)


def test_reply_in_pieces_is_put_together(scripted):
    program = scripted("timeout=30000000")
    for words, answer in ((SET, reply), (SET, lambda m: error(m, ERROR + "Vetoed", "x" * 3000))):
        program.client.write(words)
        message = program.channel.take()
        assert is_quick(message)
        for byte in blob(answer(message)):
            program.channel.send(bytes([byte]))
        program.client.take_reply("set")
    assert program.is_quick(*SET)


@pytest.mark.parametrize("n_bytes", [0, 1, 16, 39, 40, 47])
def test_hang_up_within_the_reply_leaves_the_outcome_unknown(scripted, n_bytes):
    program = scripted()
    program.client.write(("delete", NS, "key"))
    message = program.channel.take()
    assert is_quick(message)
    program.channel.send(blob(error(message, ERROR + "NoSuchKey", "text"))[:n_bytes])
    program.channel.close()

    assert program.client.take_reply("delete")[:2] == (-5, ERROR + "OutcomeUnknown")
    program.begin()
    assert program.is_quick(*SET)


def other_serial(message):
    made = reply(message)
    made.set_reply_serial(message.get_serial() - 1)
    return made


@pytest.mark.parametrize("answer", [
    other_serial,
    lambda message: b"x" * 64,
    lambda message: b"l\x02\x00\x01" + b"\xff" * 60,
    lambda message: Gio.DBusMessage.new_signal(PATH, NAMESPACE, "Changed"),
], ids=["another", "garbage", "endless", "signal"])  # fmt: skip
def test_what_is_no_reply_ends_the_channel(scripted, answer):
    program = scripted()
    message, came = program.call(*SET, answer=answer)

    assert is_quick(message)
    assert came[:2] == (-5, ERROR + "OutcomeUnknown")
    assert program.channel.is_ended()
    program.begin()
    assert program.is_quick(*SET)


def test_hung_up_before_the_call_is_found_and_the_call_goes_over_the_next_one(scripted):
    program = scripted()
    program.channel.close()
    program.client.write(SET)
    program.next_channel()
    program.channel.send(reply(program.channel.take()))

    assert program.client.take_reply("set").value() == (7,)


def test_full_socket_is_left_to_sd_bus(scripted):
    """Signals of a watch that nobody acknowledges may fill it; here calls do, which wait for nobody."""
    program = scripted("timeout=30000000", loop="poll")
    large = f"'{'x' * 200000}'"
    calls = [program.client.start("set", NS, "key", large) for _ in range(8)]
    program.client.write(SET)
    for _ in range(9):
        message = program.channel.take()
        assert not is_quick(message)
        program.channel.send(reply(message))
    assert program.client.take_reply("set").result == 0
    for call in calls:
        assert program.client.reply(call).result == 0


def test_late_reply_is_dropped_and_the_next_call_gets_its_own(scripted):
    program = scripted("timeout=100000")
    program.client.write(SET)
    late = program.channel.take()
    assert is_quick(late)
    assert program.client.take_reply("set")[:2] == (-5, ERROR + "OutcomeUnknown")

    # As long as it is owed, and until it has been taken: sd-bus.
    program.client.write(SET)
    message = program.channel.take()
    assert not is_quick(message)
    program.channel.send(reply(late, 1))
    program.channel.send(reply(message, 2))
    assert program.client.take_reply("set").value() == (2,)
    assert not program.is_quick(*SET)

    program.client.do("process")
    assert program.is_quick(*SET)


@pytest.mark.parametrize("how", ["cancelled", "late"])
def test_reply_that_nobody_waits_for_is_not_taken_for_another(scripted, how):
    program = scripted("timeout=100000", loop="poll")
    if how == "cancelled":
        program.client.start_and_cancel("get", NS, "key")
    else:
        assert program.client.reply(program.client.start("get", NS, "key"))[0] == -110
    owed = program.channel.take()
    assert not program.is_quick(*SET)

    program.channel.send(reply_with(owed, "(v)", GLib.Variant("s", "x" * 100000)))
    for _ in range(100):
        if program.is_quick(*SET):
            break
    else:
        raise AssertionError("never quick again")


def test_call_behind_one_that_is_under_way_does_not_overtake_it(scripted):
    program = scripted(loop="poll")
    call = program.client.start("get", NS, "key")
    read = program.channel.take()
    assert not program.is_quick(*SET)

    program.channel.send(reply_with(read, "(v)", GLib.Variant("u", 1)))
    assert program.client.reply(call).value() == (1,)
    assert program.is_quick(*SET)


@pytest.mark.parametrize("member", ["Watch", "RegisterParticipant"])
def test_where_regentd_may_tell_more_all_goes_as_before(scripted, member):
    program = scripted()
    assert program.is_quick(*SET)
    message, came = program.call("call", PATH, NAMESPACE, member, "()", "(t)", answer=reply)
    assert came.result == 0 and not is_quick(message)

    program.channel.send(Gio.DBusMessage.new_signal(PATH, NAMESPACE, "Changed"))
    assert not program.is_quick(*SET)


def test_serials_are_ones_own_and_differ(scripted):
    program = scripted()
    serials = [program.call(*SET)[0].get_serial() for _ in range(3)]

    assert len(set(serials)) == 3 and min(serials) >= 0x80000000


def test_reads_and_calls_by_name_go_as_before(scripted):
    program = scripted()
    assert not program.is_quick("get", NS, "key", answer=lambda m: reply_with(m, "(v)", GLib.Variant("u", 1)))
    assert not program.is_quick("call", PATH, NAMESPACE, "Delete", "('key',)", "(t)")
