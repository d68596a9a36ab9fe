# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every call of libregent, waiting and not, over the channel and over the bus."""

import pytest

from lib_client import LibClient
from regent_testing.names import USERS

ERROR = "org.regentd.State1.Error."
DBUS_ERROR = "org.freedesktop.DBus.Error."


@pytest.fixture(scope="module", params=["channel", "bus-only"])
def program(request, shared):
    flags = ["bus-only"] if request.param == "bus-only" else []
    with LibClient(shared.bus, "poll", *flags) as client:
        client.has_channel = not flags
        yield client


@pytest.fixture(params=["waiting", "async"])
def do(request, program):
    """Calls a function in one of its two forms."""
    if request.param == "waiting":
        return program.do
    return lambda *words: program.reply(program.start(*words))


def test_takes_the_channel_unless_told_otherwise(service, program):
    program.do("list_namespaces")

    name, has_channel = program.who()
    assert name.startswith(":1.") and has_channel == program.has_channel


def test_what_is_set_is_read(ns, name, do):
    (revision,) = do("set", name, "mtu", "uint32 1500").value()

    assert do("get", name, "mtu").value() == (1500,)
    assert ns.describe("mtu")["revision"].get_uint64() == revision


@pytest.mark.parametrize("text", [
    "true", "byte 0x07", "int16 -3", "uint16 3", "-70000", "int64 -5000000000", "uint64 18446744073709551615", "1.5",
    "'gr\u00fc\u00df dich'", "''", "objectpath '/a/b'", "signature 'a{sv}'", "@ay []", "b'bytes'", "[uint64 1, 2, 3]",
    "@as []", "['a', '']", "[true, false]", "<'in a variant'>", "<<[1, 2]>>", "(1, 'two', [<3>])",
    "{'a': <1>, 'b': <{uint16 5: 'x'}>}", "@a(sa{sv}) []", "[(byte 0x01, uint64 2)]",
])  # fmt: skip
def test_values_come_back_as_they_were(ns, name, do, text):
    do("set", name, "value", text).value()

    assert do("get", name, "value").text == f"(<{text}>,)"


def test_large_value_comes_back(ns, name, program):
    text = "'" + "x" * 300000 + "'"
    program.do("set", name, "large", text).value()

    assert program.do("get", name, "large").text == f"(<{text}>,)"


def test_delete(ns, name, do):
    ns.set("key", 1)

    assert do("delete", name, "key").value()[0] > 0
    assert do("delete", name, "key")[:2] == (-2, ERROR + "NoSuchKey")


def test_many_keys(ns, name, do):
    revision = ns.apply({"a": 1, "b": "two", "c": 3.0})

    values, at = do("get_many", name).value()
    assert values == {"a": 1, "b": "two", "c": 3.0} and at >= revision[0]
    assert do("get_many", name, "a nothing c").value()[0] == {"a": 1, "c": 3.0}
    assert do("get_many", name, "-", "{'after': <'a'>, 'limit': <uint32 1>}").value()[0] == {"b": "two"}


def test_list(ns, name, do):
    ns.apply({"a/1": 1, "a/2": 1, "b": 1})

    assert do("list", name).value()[0] == ["a/1", "a/2", "b"]
    assert do("list", name, "a/", "a/1", "5").value()[0] == ["a/2"]


def test_describe(ns, name, do):
    ns.set("key", "text")

    (facts,) = do("describe", name, "key").value()
    assert (facts["type"], facts["origin"]) == ("s", "set")


def test_changes(ns, name, do, program):
    ns.apply({"p/stays": 1, "p/goes": 1, "other": 1})
    since = do("list", name).value()[1]
    epoch = program.do("get_properties").value()[0]["Epoch"]
    ns.apply({"p/new": 2, "other": 2}, ["p/goes"])

    changed, removed, revision = do("get_changes", name, "p/", since, epoch).value()
    assert (changed, removed) == ({"p/new": 2}, ["p/goes"]) and revision > since
    assert do("get_changes", name, "-", since, "another")[:2] == (-116, ERROR + "HistoryLost")


def test_namespaces(service, name, do):
    made = f"{name}.Made"
    assert do("create_namespace", made, "{'mode': <uint32 384>}").result == 0
    assert do("create_namespace", made)[:2] == (-17, ERROR + "NamespaceExists")
    assert do("list_namespaces", made).value() == ([made],)
    assert do("set_access", made, "{'mode': <uint32 420>}").result == 0
    (properties,) = do("get_properties", made).value()
    assert (properties["Name"], properties["Mode"]) == (made, 420)

    do("set", made, "key", "1").value()
    assert do("remove_namespace", made)[:2] == (-116, ERROR + "Conflict")
    assert do("remove_namespace", made, "1").result == 0
    assert do("list_namespaces", made).value() == ([],)


def test_change_is_one_commit_over_namespaces(root, ns, name, do, program):
    other = root.create(name + ".Other")
    ns.apply({"gone": 1, "kept": 1})
    kept = ns.describe("kept")["revision"].get_uint64()
    program.do("change_new")
    program.do("change_set", name, "a", "1")
    program.do("change_set", name, "a", "2")
    program.do("change_unset", name, "gone")
    program.do("change_expect", name, "kept", kept)
    program.do("change_set", name + ".Other", "b", "'x'")
    program.do("change_set_class", name + ".Other", "b", "runtime")
    program.do("change_set_reason", "a test")

    dry_revision, told = do("change_apply", "1").value()
    assert told["changed-keys"] == {name: ["a"], name + ".Other": ["b"]} and ns.keys() == ["gone", "kept"]
    revision, result = do("change_apply").value()

    assert result == {"changed": 2, "removed": 1} and revision > dry_revision
    assert (ns.get("a").unpack(), ns.keys()) == (2, ["a", "kept"])
    assert other.describe("b")["class"].get_string() == "runtime"
    assert {space.describe(key)["revision"].get_uint64() for space, key in ((ns, "a"), (other, "b"))} == {revision}
    assert do("change_apply", "2")[:2] == (-17, ERROR + "KeyExists")


def test_change_with_an_expectation_that_does_not_hold(ns, name, do, program):
    ns.set("key", 1)
    program.do("change_new")
    program.do("change_set", name, "key", "2")
    program.do("change_expect", name, "key", "0")

    reply = do("change_apply")
    assert reply[:2] == (-116, ERROR + "Conflict") and "key" in reply.text
    assert ns.get("key").unpack() == 1


def test_lazy_change_and_flush(ns, name, do, program):
    program.do("change_new")
    program.do("change_set", name, "key", "1")
    program.do("change_set_lazy", "1")
    revision, _ = do("change_apply").value()

    assert do("flush").value()[0] >= revision
    assert program.do("get_properties").value()[0]["DurableRevision"] >= revision


@pytest.mark.parametrize("end, value", [("confirm", 2), ("cancel", 1)])
def test_change_that_is_confirmed(ns, name, do, program, end, value):
    ns.set("key", 1)
    program.do("change_new")
    program.do("change_set", name, "key", "2")
    program.do("change_set_confirm_timeout", 600000000)
    revision, result = do("change_apply").value()

    assert do("set", name, "key", "3")[:2] == (-16, ERROR + "Busy")
    assert do(end, result["token"]).value()[0] >= revision
    assert ns.get("key").unpack() == value
    assert do(end, result["token"])[:2] == (-125, ERROR + "NotConfirmed")


def test_statistics_and_properties(ns, do):
    assert do("get_statistics").value()[0]["commits"] > 0
    assert do("get_properties").value()[0]["State"] == "running"


def test_any_member(ns, name, do):
    path = "/org/regentd/State1"
    manager = "org.regentd.State1.Manager"
    assert do("call", path, manager, "GetNamespace", f"('{name}',)", "(o)").value() == (ns.path,)
    assert do("call", path, "org.freedesktop.DBus.Peer", "Ping", "-", "()").value() == ()
    assert do("call", path, manager, "GetNamespace", f"('{name}',)", "(s)")[:2] == (
        -74, DBUS_ERROR + "InconsistentMessage")  # fmt: skip
    assert do("call", path, manager, "NoSuchMember", "-", "()").error == DBUS_ERROR + "UnknownMethod"


def test_member_that_gives_a_descriptor(ns, do):
    reply, size = do(
        "call_for_fd", "/org/regentd/State1", "org.regentd.State1.Manager", "Backup", "(@a{sv} {},)", "(ha{sv})"
    ).value()

    assert reply[0] == 0 and reply[1]["bytes"] == size > 0


BAD = {
    "no name": ("get", "nodots", "key", ERROR + "InvalidName"),
    "no name at all": ("get", "-", "key", ERROR + "InvalidName"),
    "long name": ("get", "a." + "b" * 200, "key", ERROR + "InvalidName"),
    "no key": ("get", "org.example.Any", "-", DBUS_ERROR + "InvalidArgs"),
    "no value": ("set", "org.example.Any", "key", "-", DBUS_ERROR + "InvalidArgs"),
    "maybe": ("set", "org.example.Any", "key", "@ms nothing", DBUS_ERROR + "InvalidArgs"),
    "empty tuple": ("set", "org.example.Any", "key", "()", DBUS_ERROR + "InvalidArgs"),
    "a maybe within": ("set", "org.example.Any", "key", "[<just 5>]", DBUS_ERROR + "InvalidArgs"),
    "options": ("create_namespace", "org.example.Any", "5", DBUS_ERROR + "InvalidArgs"),
    "path": ("call", "not/a/path", "a.b", "C", "-", "()", DBUS_ERROR + "InvalidArgs"),
    "arguments": ("call", "/a", "a.b", "C", "5", "()", DBUS_ERROR + "InvalidArgs"),
    "reply type": ("call", "/a", "a.b", "C", "-", "a{", DBUS_ERROR + "InvalidArgs"),
    "interface": ("call", "/a", "nodots", "C", "-", "()", DBUS_ERROR + "InvalidArgs"),
    "member": ("call", "/a", "a.b", "C-D", "-", "()", DBUS_ERROR + "InvalidArgs"),
}


@pytest.mark.parametrize("words", BAD.values(), ids=BAD.keys())
def test_what_cannot_be_sent_is_refused(program, do, words):
    *call, error = words

    reply = do(*call)
    assert (reply.result, reply.error) == (-22, error)
    assert program.do("get_properties").value(), "and it goes on"


@pytest.mark.parametrize("kind, text", [
    ("s", "abc"), ("s", "-"), ("o", "abc"), ("b", "-"), ("b", "x"), ("u", "abc"), ("(b)", "abc"), ("(s)", "abc"),
    ("as", "abc"), ("a{sv}", "abc"), ("v", "abc"), ("au", "abc"),
])  # fmt: skip
def test_value_that_is_not_in_normal_form_is_refused(ns, program, do, name, kind, text):
    reply = do("set_bytes", name, "key", kind, text)

    assert (reply.result, reply.error) == (-22, DBUS_ERROR + "InvalidArgs")
    assert do("get", name, "key")[:2] == (-2, ERROR + "NoSuchKey"), "and it goes on"


MIB = 1 << 20


@pytest.mark.parametrize("kind, n", [("ay", 32 * MIB), ("ab", 9 * MIB)])
def test_what_no_message_holds_is_refused_and_costs_nothing(ns, program, do, name, kind, n):
    do("set", name, "key", "1").value()
    before = program.who()

    reply = do("set_zeros", name, "key", kind, n)
    assert (reply.result, reply.error) == (-7, ERROR + "TooBig") and "32 MiB" in reply.text
    assert do("get", name, "key").value() == (1,)
    assert program.who() == before


def test_what_a_message_just_holds_is_for_regentd_to_judge(ns, program, name):
    program.do("set", name, "key", "1").value()
    before = program.who()

    reply = program.do("set_zeros", name, "key", "ay", 32 * MIB - 8192)
    assert reply.result < 0 and "32 MiB" not in reply.text and reply.error != ERROR + "OutcomeUnknown"
    assert program.do("get", name, "key").value() == (1,)
    assert program.who() == before


def test_change_that_cannot_be_sent_is_refused_when_it_is_applied(program, do, name):
    for command in (("change_set", "-", "key", "1"), ("change_set", name, "-", "1"), ("change_set", name, "key", "-"),
                    ("change_set_class", name, "key", "-"), ("change_set_reason", "-")):  # fmt: skip
        program.do("change_new")
        program.do(*command)
        assert do("change_apply")[:2] == (-22, DBUS_ERROR + "InvalidArgs")


def test_namespace_that_is_not_there(program, do, name):
    assert do("get", name + ".Absent", "key")[:2] == (-2, ERROR + "NoSuchNamespace")


def test_many_calls_at_once_are_answered_in_order(ns, name, program):
    calls = [program.start("set", name, f"key{n % 10}", str(n)) for n in range(60)]
    revisions = [program.reply(call).value()[0] for call in calls]

    assert revisions == sorted(revisions)
    assert program.do("get", name, "key9").value() == (59,)


def test_call_that_waits_comes_behind_those_that_do_not(ns, name, program):
    calls = [program.start("set", name, "key", str(n)) for n in range(20)]

    program.do("set", name, "key", "100").value()
    assert [program.reply(call).result for call in calls] == [0] * 20
    assert ns.get("key").unpack() == 100


def test_call_that_is_cancelled_is_not_told(ns, name, program):
    for _ in range(20):
        program.start_and_cancel("get", name, "nothing")

    assert program.do("get", name, "nothing").error == ERROR + "NoSuchKey"
    assert program.reply(program.start("list", name)).result == 0
    assert "reply #" not in program.pending_output()
