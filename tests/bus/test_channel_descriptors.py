# SPDX-License-Identifier: LGPL-2.1-or-later
"""File descriptors do not get into regentd, over channels and over the bus, on kernels that help with it and others."""

import os
import resource
import signal
import socket
import struct
import subprocess

import pytest
from regent_testing.names import MANAGER, NAMESPACE, PEER, ROOT_PATH, Error
from regent_testing.stack import Stack
from regent_testing.waiting import Deadline
from regent_testing.wire import ERROR, ERROR_NAME, Disconnected, RawClient, marshal
from test_channel import (  # noqa: F401  # fixtures, and what is to hold on a kernel that does not help, too
    ends,
    raw,
    test_a_message_in_pieces,
    test_greetings_in_any_pieces,
    test_one_that_does_not_read_stops_itself,
    test_what_is_no_message_ends_it,
    wait_number,
)

# The longest that closing a socket may wait for its peer; a regentd that does is noticed before.
LINGER_SECONDS = 100
CONFIG = "[Limits]\nUidChannelsMax=20\nChannelsMax=40\n"


@pytest.fixture(scope="module")
def older_kernel(tmp_path_factory):
    """See older-kernel.c."""
    library = str(tmp_path_factory.mktemp("preload") / "older-kernel.so")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "older-kernel.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    return library


@pytest.fixture(scope="module", params=["this-kernel", "older-kernel"])
def shared(request, older_kernel):
    environ = {"LD_PRELOAD": older_kernel, "ASAN_OPTIONS": "verify_asan_link_order=0"}
    with Stack(config=CONFIG, environ=environ if request.param == "older-kernel" else {}) as stack:
        yield stack


@pytest.fixture
def receiver():
    """The end that reads nothing, and where a lingering socket goes."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    yield listener
    listener.close()


def make_lingering(receiver):
    """A socket whose last descriptor nobody closes in no time, unless by dying."""
    sender = socket.socket()
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    sender.connect(receiver.getsockname())
    sender.setblocking(False)
    try:
        while True:
            sender.send(bytes(1 << 16))
    except BlockingIOError:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, LINGER_SECONDS))
        return sender


def give(end, content, fds):
    """Sends descriptors along with @content, if they are taken."""
    try:
        socket.send_fds(end, [content], fds)
    except (PermissionError, BrokenPipeError, ConnectionResetError):
        pass


def give_lingering(service, end, content, receiver):
    """A socket that is regentd's alone before it hears of it."""
    service.regentd.process.send_signal(signal.SIGSTOP)
    child = os.fork()
    if child == 0:
        try:
            lingering = make_lingering(receiver)
            give(end, content, [lingering.fileno()])
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    service.regentd.process.send_signal(signal.SIGCONT)


def n_descriptors(service):
    return len(os.listdir(f"/proc/{service.regentd.process.pid}/fd"))


def long_call(client):
    return client.build(ROOT_PATH, PEER, "Ping", "ay", marshal("ay", (bytes(200_000),)))[0]


def test_descriptors_with_a_call_hold_nobody_up(service, root, raw, receiver):
    client = raw()
    content, _ = client.build(ROOT_PATH, PEER, "Ping", n_fds=1)
    give_lingering(service, client._socket, content, receiver)
    root.ping()
    client.hang_up_channel()
    root.ping()
    receiver.close()
    wait_number(root, "channels", 0)


def test_descriptors_within_a_message_hold_nobody_up(service, root, raw, receiver):
    client = raw()
    content = long_call(client)
    client.send_bytes(content[:100_000])
    root.ping()
    give_lingering(service, client._socket, content[100_000:100_100], receiver)
    root.ping()
    client.hang_up_channel()
    root.ping()
    receiver.close()
    wait_number(root, "channels", 0)


def test_descriptors_with_the_greeting_hold_nobody_up(service, root, ends, receiver):
    end = ends()
    give_lingering(service, end, b"\0AUTH ANONYMOUS 72\r\n", receiver)
    root.ping()
    end.close()
    root.ping()
    receiver.close()
    wait_number(root, "channels", 0)


def test_descriptors_behind_output_that_is_not_read_hold_nobody_up(service, root, ns, raw, receiver):
    """What is left in the socket when the channel ends."""
    ns.set("a", bytes(1_000_000))
    client = raw()
    for _ in range(4):
        client.send(ns.path, NAMESPACE, "Get", "s", ("a",))
    root.ping()
    give_lingering(service, client._socket, long_call(client)[:100], receiver)
    client.hang_up_channel()
    root.ping()
    receiver.close()
    wait_number(root, "channels", 0)


def test_a_channel_counts_until_it_is_closed(service, root, raw, receiver, request):
    if "older-kernel" not in request.node.name:
        pytest.skip("this kernel lets no descriptors in")
    client = raw()
    give_lingering(service, client._socket, long_call(client)[:100], receiver)
    with pytest.raises(Disconnected):
        client.receive(Deadline(20))
    root.ping()
    assert root.statistics()["channels"].unpack() == 1
    receiver.close()
    wait_number(root, "channels", 0)


@pytest.mark.parametrize("at", [1, 16, 30, 1024, 2000, 100_000])
def test_descriptors_in_pieces_of_a_message_take_none(service, root, raw, at):
    client = raw()
    content = long_call(client)
    before = n_descriptors(service)
    client.send_bytes(content[:at])
    null = open(os.devnull)
    for n in range(20):
        root.ping()
        give(client._socket, content[at + n : at + n + 1], [null.fileno()] * 200)
    null.close()
    root.ping()
    assert n_descriptors(service) <= before


def test_a_channel_without_descriptors_goes_on_where_the_kernel_helps(root, raw, request):
    client = raw()
    content, serial = client.build(ROOT_PATH, PEER, "Ping", n_fds=1)
    with open(os.devnull) as null:
        give(client._socket, content, [null.fileno()])
    if "older-kernel" in request.node.name:
        with pytest.raises(Disconnected):
            client.receive(Deadline(20))
    else:
        client.call(ROOT_PATH, PEER, "Ping")


def test_views_are_given_over_channels_all_the_same(ns, raw):
    ns.set("a", 1)
    client = raw()
    serial = client.send(ns.path, NAMESPACE, "OpenView", "a{sv}", ({},))
    client.reply(serial)


def test_the_bus_brings_none(service, root):
    client = RawClient(service.bus.socket)
    content, serial = client.build(ROOT_PATH, PEER, "Ping", n_fds=1)
    with open(os.devnull) as null:
        give(client._socket, content, [null.fileno()])
    reply = client.reply_message(serial)
    assert reply.kind == ERROR and reply.field(ERROR_NAME) == Error.AccessDenied
    client.close()


def test_none_left_is_a_limit_exceeded(service, root, ns, name):
    """At each number that may be left, what is given a descriptor is given it or told that there is none."""
    pid = service.regentd.process.pid
    ns.set("a", 1)
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")}
    seen = set()
    client = RawClient(service.bus.socket)
    try:
        for left in range(8):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (max(used) + 1 + left, limits[1]))
            for path, interface, member in (
                (ROOT_PATH, MANAGER, "Connect"),
                (ROOT_PATH, MANAGER, "Backup"),
                (ns.path, NAMESPACE, "OpenView"),
            ):
                reply = client.reply_message(client.send(path, interface, member, "a{sv}", ({},)))
                if reply.kind == ERROR:
                    seen.add((member, reply.field(ERROR_NAME)))
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        client.close()
    assert ("Connect", Error.LimitsExceeded) in seen
    assert {error for _, error in seen} <= {Error.LimitsExceeded, Error.Busy}
