# SPDX-License-Identifier: LGPL-2.1-or-later
"""Direct channels: Manager.Connect, who is at the other end, how they end, and what bounds them.

That everything else works on them as on the bus is held by the suites of tests/bus themselves, which are run over
channels as well.
"""

import socket
import struct

import pytest
from gi.repository import GLib
from regent_testing.api import RegentError, blob
from regent_testing.channel import ChannelClient, connect_fd
from regent_testing.checks import nothing_changed, refused
from regent_testing.client import Client
from regent_testing.names import MANAGER, NAMESPACE, PEER, PROPERTIES, ROOT_PATH, Error
from regent_testing.participant import Participant, as_user
from regent_testing.waiting import retry_until
from regent_testing.wire import MEMBER, SIGNAL, Disconnected, RawClient, marshal

MIB = 1 << 20
STACK = {"config": "[Limits]\nUidChannelsMax=20\nChannelsMax=40\n"}


@pytest.fixture
def direct(service):
    client = ChannelClient(service.bus.address)
    yield client
    client.close()


@pytest.fixture
def raw(service):
    """A factory of RawClients that have taken a channel."""
    made = []

    def make(user=None):
        with as_user(user):
            client = RawClient(service.bus.socket)
        made.append(client)
        client.take_channel()
        client.signals.clear()  # the bus's
        return client

    yield make
    for each in made:
        each.close()


@pytest.fixture
def ends(service):
    """A factory of sockets: ends of channels on which nothing has been said yet."""
    client = Client(service.bus.address)
    made = []

    def make():
        made.append(socket.socket(fileno=connect_fd(client.connection)))
        made[-1].settimeout(20)
        return made[-1]

    yield make
    for each in made:
        each.close()
    client.close()


def number(root, name):
    return root.statistics()[name].unpack()


def wait_number(root, name, expected):
    retry_until(lambda: number(root, name) == expected, 10, f"{name} to be {expected}")


def connections(root):
    return root.manager("GetStatistics", "(t)", (1,))[0].unpack()["connections"]


def read_to_end(end):
    """What still comes, until the other side has hung up."""
    content = b""
    while True:
        try:
            part = end.recv(1 << 16)
        except ConnectionResetError:
            return content
        if not part:
            return content
        content += part


def greet(end):
    end.sendall(b"\0AUTH ANONYMOUS 72\r\n")
    assert end.recv(100).startswith(b"OK ")
    end.sendall(b"BEGIN\r\n")


# who is there


def test_ping_get_and_set_over_a_channel(ns, direct):
    direct.ping()
    assert ns.seen_by(direct).set("a", "one") > 0
    assert ns.seen_by(direct).get("a").unpack() == "one"
    assert ns.get("a").unpack() == "one"


def test_unknown_options_are_refused(root):
    with refused(Error.InvalidArgs, "later"):
        root.manager("Connect", "(a{sv})", ({"later": GLib.Variant("b", True)},))


@pytest.fixture
def secret(root, name):
    """A namespace that only uid 0 may read."""
    space = root.create(name, mode=0o600)
    space.set("a", "secret")
    return space


def read(client, space, key="a"):
    return client.call(space.path, NAMESPACE, "Get", "s", (key,))[0]


def test_it_is_the_connection_that_asked_for_it(sandbox, root, secret, raw):
    """Here the process at the other end is uid 0's, and says so."""
    assert read(raw(), secret) == ("s", "secret")
    with nothing_changed(root, secret):
        with refused(Error.AccessDenied):
            read(raw("alice"), secret)
        with refused(Error.AccessDenied):
            raw("alice").call(secret.path, NAMESPACE, "Set", "sv", ("a", ("u", 1)))


def test_what_is_written_is_the_uids(sandbox, root, name, raw):
    space = root.create(name, owner=4002)
    raw("bob").call(space.path, NAMESPACE, "Set", "sv", ("a", ("u", 1)))
    assert space.describe("a")["writer"].unpack() == 4002


def test_groups_count(sandbox, root, name, raw):
    space = root.create(name, group=4100, mode=0o640)
    space.set("a", 1)
    assert read(raw("bob"), space) == ("x", 1)
    with refused(Error.AccessDenied):
        read(raw("carol"), space)


def test_a_sender_in_a_message_is_not_looked_at(sandbox, root, secret, raw):
    client, other = raw("alice"), raw()
    for sender in (other.name, "org.freedesktop.DBus"):
        message, serial = client.build(
            secret.path, NAMESPACE, "Get", "s", marshal("s", ("a",)), sender=sender
        )
        client.send_bytes(message)
        with refused(Error.AccessDenied):
            client.reply(serial)
    message, serial = client.build(secret.path, NAMESPACE, "Get", "s", marshal("s", ("a",)), sender=other.name + "/1")
    client.send_bytes(message)
    client.wait_disconnected()


def test_a_forged_departure_ends_nothing(root, ns, raw):
    """Who is on a channel cannot speak for the bus."""
    client, other = raw(), raw()
    message, _ = client.build(
        "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged", "sss",
        marshal("sss", (other.name, other.name, "")), kind=SIGNAL, sender="org.freedesktop.DBus",
    )  # fmt: skip
    client.send_bytes(message)
    client.call(ROOT_PATH, PEER, "Ping")
    other.call(ROOT_PATH, PEER, "Ping")


def test_a_session_is_the_connections(service, root, ns, raw):
    """What it wrote goes when that leaves the bus, not with the channel."""
    client = raw()
    client.call(
        ns.path, NAMESPACE, "Apply", "a{sv}asta{sv}",
        ({"a": ("u", 1)}, [], 0, {"class": ("s", "session")}),
    )  # fmt: skip
    before = number(root, "channels")
    client.hang_up_channel()
    wait_number(root, "channels", before - 1)
    assert ns.keys() == ["a"]
    client.close()
    retry_until(lambda: ns.keys() == [], 10, "the session to end")


def test_who_objects_is_named_by_the_connection(service, root, ns, raw):
    participant = Participant.__new__(Participant)
    participant.raw = raw()
    participant.name = participant.raw.name
    participant.register(ns)
    pending = ns.start_set("a", 1)
    participant.expect("Prepare").veto("not now")
    with refused(Error.Vetoed, f"participant {participant.name} (uid 0)", "not now"):
        pending.result()


def test_busy_counts_all_channels_of_a_connection(service, root, ns, name, raw):
    """Who owes an answer on a channel writes nothing, on the bus neither."""
    client = raw()
    participant = Participant.__new__(Participant)
    participant.raw, participant.name = client, client.name
    participant.register(ns)
    other = root.create(name + ".Other")
    pending = ns.start_set("a", 1)
    asked = participant.expect("Prepare")
    for way in (client.call, client.call_bus):
        with refused(Error.Busy):
            way(other.path, NAMESPACE, "Set", "sv", ("b", ("u", 1)))
    asked.agree()
    pending.result()
    client.call_bus(other.path, NAMESPACE, "Set", "sv", ("b", ("u", 1)))


# signals


def test_signals_are_those_of_its_watches(root, ns, name, raw):
    other = root.create(name + ".Other")
    watching, quiet = raw(), raw()
    watch = watching.call(ns.path, NAMESPACE, "Watch", "sta{sv}", ("", 0, {}))[0]
    other.set("b", 1)
    ns.set("a", 1)
    for client in (watching, quiet):
        client.call(ROOT_PATH, PEER, "Ping")
    assert [s.field(MEMBER) for s in watching.signals] == ["Changed", "PropertiesChanged"]
    assert watching.signals[0].body()[0] == watch
    assert not quiet.signals


def test_what_is_watched_over_the_bus_is_told_there(root, ns, raw):
    client = raw()
    client.call_bus(ns.path, NAMESPACE, "Watch", "sta{sv}", ("", 0, {}))
    ns.set("a", 1)
    client.call(ROOT_PATH, PEER, "Ping")
    assert client.signals == []


def test_idle_connections_with_channels_keep_nobody_from_a_view(root, ns, raw):
    """Their descriptors count until it is known that they were read, and they answer no Ping: the bus is asked."""
    ns.set("a", 1)
    clients = [raw("erin") for _ in range(8)]
    for each in clients:
        each.call(ns.path, NAMESPACE, "OpenView", "a{sv}", ({},))
    assert number(root, "unread-descriptors") <= 8


# how it ends


def test_it_ends_with_its_connection(root, ns, raw):
    client = raw()
    client.call(ns.path, NAMESPACE, "Watch", "sta{sv}", ("", 0, {}))
    watches = number(root, "watches")
    client.leave_bus()
    client.wait_disconnected()
    assert number(root, "watches") == watches - 1


def test_nothing_is_left_of_one_that_hangs_up(root, ns, raw):
    before = number(root, "channels"), number(root, "watches"), number(root, "participants")
    client = raw()
    client.call(ns.path, NAMESPACE, "Watch", "sta{sv}", ("", 0, {}))
    client.call(ns.path, NAMESPACE, "RegisterParticipant", "sota{sv}", ("", "/a", 0, {}))
    client.hang_up_channel()
    wait_number(root, "channels", before[0])
    assert (number(root, "watches"), number(root, "participants")) == before[1:]
    assert not [address for address in connections(root) if address.startswith(client.name + "/")]


def test_one_that_dies_while_asked_does_not_hold_up(root, ns, raw):
    client = raw()
    client.call(ns.path, NAMESPACE, "RegisterParticipant", "sota{sv}", ("", "/a", 1, {}))
    pending = ns.start_set("a", 1)
    client.receive_call()
    client.hang_up_channel()
    pending.result()


def test_regentd_that_stops_ends_it(stack):
    made = stack()
    client = RawClient(made.bus.socket)
    client.take_channel()
    made.regentd.stop()
    client.wait_disconnected()
    client.close()


# what is no D-Bus


def test_greetings_in_any_pieces(ends):
    for pieces in (
        [b"\0AUTH ANONYMOUS 72\r\nBEGIN\r\n"],
        [b"\0", b"AUTH", b" EXTERNAL\r", b"\n", b"DATA\r\n", b"NEGOTIATE_UNIX_FD\r\nBEG", b"IN\r\n"],
        [b"\0AUTH\r\n", b"AUTH EXTERNAL 30\r\n", b"BEGIN\r\n"],
    ):
        end = ends()
        for piece in pieces:
            end.sendall(piece)
        message, _ = RawClient.build(_Serials(), ROOT_PATH, PEER, "Ping", destination=None)
        for at in range(len(message)):
            end.sendall(message[at : at + 1])
        content = b""
        while not content.rpartition(b"\r\n")[2].startswith(b"l\2"):
            content += end.recv(1000)


class _Serials:
    _serial = 0


@pytest.mark.parametrize(
    "said",
    [b"\0AUTH\r\nBEGIN\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\0" + b"A" * 4096, b"\0AUTH NONE\r\nBEGIN\r\n"],
)
def test_what_is_no_greeting_ends_it(root, ends, said):
    end = ends()
    end.sendall(said)
    assert b"OK" not in read_to_end(end)
    root.ping()


def header(kind=b"l", body=0, fields=0):
    return struct.pack("<cBBBIII", kind, 1, 0, 1, body, 1, fields)


@pytest.mark.parametrize(
    "sent",
    [header(b"x"), header(body=33 * MIB), header(fields=0xFFFFFFF9), header(b"B", body=0x00000103), b"l" + b"\xff" * 40],
    ids=["byte order", "long", "overflow", "long in the other order", "all ones"],
)
def test_what_is_no_message_ends_it(service, root, ns, ends, sent):
    before = service.regentd.memory_kib()
    end = ends()
    greet(end)
    with nothing_changed(root, ns):
        end.sendall(sent)
        assert read_to_end(end) == b""
    assert service.regentd.memory_kib() < before + 8 * 1024


def test_a_message_in_pieces(ns, raw):
    client = raw()
    body = marshal("sv", ("big", ("ay", bytes(700 << 10))))
    message, serial = client.build(ns.path, NAMESPACE, "Set", "sv", body)
    for at in (0, 1, 15, 16, 17, 200, 300 << 10):
        following = [n for n in (1, 15, 16, 17, 200, 300 << 10, len(message)) if n > at][0]
        client.send_bytes(message[at:following])
        ns.get_many(limit=1)
    client.reply(serial)
    assert ns.get("big").get_size() == 700 << 10


# bounds


def test_channels_of_a_uid_are_bounded(sandbox, service, root):
    with as_user("alice"):
        client = RawClient(service.bus.socket)
    fds = []

    def connect():
        """A descriptor, or None while others are not known to be read."""
        try:
            fds.append(client.connect())
        except RegentError as error:
            if "unread" not in error.text:
                raise
            client.call("/org/freedesktop/DBus", PEER, "Ping", destination="org.freedesktop.DBus")

    with refused(Error.LimitsExceeded, "20 channels"):
        for _ in range(10_000):
            connect()
    assert len(fds) == 20
    root.ping()
    socket.socket(fileno=fds.pop()).close()
    retry_until(lambda: root.statistics()["channels"].unpack() < 20, 10, "one to end")
    while len(fds) < 20:
        connect()
    for fd in fds:
        socket.socket(fileno=fd).close()
    client.close()


def test_channels_in_all_are_bounded(root, ends):
    with refused(Error.LimitsExceeded, "40 channels"):
        for _ in range(100):
            ends()
    root.ping()


def test_a_reply_may_be_larger_than_on_the_bus(root, ns, raw):
    for n in range(4):
        ns.set(f"k{n}", blob(bytes(MIB - 100)))
    with refused(Error.LimitsExceeded):
        ns.get_many()
    found, _ = raw().call(ns.path, NAMESPACE, "GetMany", "asa{sv}", ([], {}))
    assert [len(v[1][1] if isinstance(v[1], tuple) else v[1]) for v in found.values()] == [MIB - 100] * 4


def test_one_that_does_not_read_stops_itself(service, root, ns, raw):
    """It is not read from, costs little memory, and nobody else notices; then it gets every answer."""
    ns.set("a", blob(bytes(MIB - 100)))
    before = service.regentd.memory_kib()
    client = raw()
    serials = [client.send(ns.path, NAMESPACE, "Get", "s", ("a",)) for _ in range(40)]
    root.ping()
    ns.set("other", 1)
    assert service.regentd.memory_kib() < before + 12 * 1024
    for serial in serials:
        assert len(client.reply(serial)[0][1]) == MIB - 100


def test_its_numbers_are_in_the_statistics(root, ns, raw):
    client = raw()
    client.call(ns.path, NAMESPACE, "Watch", "sta{sv}", ("", 0, {}))
    [about] = [v for address, v in connections(root).items() if address.startswith(client.name + "/")]
    assert about["uid"] == 0 and about["unread-bytes"] == 0 and len(about["watches"]) == 1
    assert number(root, "channels-made") >= number(root, "channels") >= 1


def test_a_channel_may_ask_for_another(raw):
    client = raw()
    other = socket.socket(fileno=client.connect())
    other.settimeout(20)
    greet(other)
    other.close()


def test_watch_is_told_before_the_reply_and_the_bus_soon(service, raw):
    """Nobody has to call for the signals, also not for those that come close behind others."""
    space = service.root.create("org.example.ToldSoon", mode=0o644)
    log = service.root.subscribe(interface=PROPERTIES, member="PropertiesChanged", path=space.path)
    client = raw()
    client.call(space.path, NAMESPACE, "Watch", "sta{sv}", ("", 0, {}))
    serials = [client.send(space.path, NAMESPACE, "Set", "sv", ("k", ("u", n))) for n in range(50)]
    for number, serial in enumerate(serials):
        client.reply(serial)
        assert len([one for one in client.signals if one.field(MEMBER) == "Changed"]) > number
    log.wait_for(lambda signal: signal.parameters[1].get("k") == 49)
    values = [signal.parameters[1]["k"] for signal in log.items]
    assert values == sorted(set(values))


def test_who_calls_over_the_bus_has_been_told_before(service, direct):
    space = service.root.create("org.example.ToldBefore", mode=0o644)
    there = direct.ns(space.name)
    listener = RawClient(service.bus.socket)
    listener.call(
        "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s",
        (f"type='signal',member='PropertiesChanged',path='{space.path}'",), destination="org.freedesktop.DBus",
    )  # fmt: skip
    for n in range(40):
        there.set("k", GLib.Variant("u", n))
        assert listener.call(space.path, NAMESPACE, "Get", "s", ("k",))[0] == ("u", n)
        assert listener.signals[-1].body()[1] == {"k": ("u", n)}
    listener.close()
