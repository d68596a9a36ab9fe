# SPDX-License-Identifier: LGPL-2.1-or-later
"""The time that a channel has to finish what it has begun, on a clock that the test moves on."""

import os
import socket
import struct
import subprocess

import pytest
from regent_testing.channel import connect_fd
from regent_testing.names import PEER, ROOT_PATH
from regent_testing.stack import Stack
from regent_testing.waiting import retry_until
from regent_testing.wire import Disconnected, RawClient, marshal


class Clock:
    def __init__(self, directory):
        self.path = str(directory / "clock")
        self.seconds = 0
        self.move(0)

    def move(self, seconds):
        self.seconds += seconds
        with open(self.path, "r+b" if os.path.exists(self.path) else "wb") as file:
            file.write(struct.pack("q", self.seconds))


@pytest.fixture(scope="module")
def clock(tmp_path_factory):
    return Clock(tmp_path_factory.mktemp("clock"))


@pytest.fixture(scope="module")
def shared(clock, tmp_path_factory):
    """See later-clock.c."""
    library = str(tmp_path_factory.mktemp("preload") / "later-clock.so")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "later-clock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    environ = {
        "LD_PRELOAD": library,
        "REGENT_TEST_CLOCK": clock.path,
        "ASAN_OPTIONS": "verify_asan_link_order=0",
    }
    with Stack(environ=environ) as stack:
        yield stack


@pytest.fixture
def client(service):
    made = RawClient(service.bus.socket)
    made.take_channel()
    yield made
    made.close()


def build(client):
    return client.build(ROOT_PATH, PEER, "Ping", "ay", marshal("ay", (bytes(100_000),)))


def wait_gone(root):
    retry_until(lambda: root.statistics()["channels"].unpack() == 0, 10, "the channel to end")


def test_one_that_streams_has_its_time_for_each_message(root, client, clock):
    """At no time is there nothing of a message in its socket."""
    content, serial = build(client)
    client.send_bytes(content[:1000])
    for _ in range(6):
        root.ping()
        clock.move(20)
        following, following_serial = build(client)
        client.send_bytes(content[1000:] + following[:1000])
        client.reply_message(serial)
        content, serial = following, following_serial
    client.send_bytes(content[1000:])
    client.reply_message(serial)


def test_one_that_does_not_finish_ends(root, client, clock):
    content, _ = build(client)
    client.send_bytes(content[:1000])
    root.ping()
    for n in range(1, 5):
        clock.move(10)
        root.ping()
        try:
            client.send_bytes(content[1000 * n : 1000 * n + 10])
        except Disconnected:
            break
    wait_gone(root)
    with pytest.raises((Disconnected, ConnectionResetError, BrokenPipeError)):
        client.call(ROOT_PATH, PEER, "Ping")


def test_a_greeting_has_its_time_from_its_beginning(service, root, clock):
    end = socket.socket(fileno=connect_fd(root.connection))
    for line in (b"\0AUTH ANONYMOUS 72\r\n", b"NEGOTIATE_UNIX_FD\r\n", b"NEGOTIATE_UNIX_FD\r\n"):
        end.sendall(line)
        root.ping()
        clock.move(11)
        root.ping()
    wait_gone(root)
    end.close()
