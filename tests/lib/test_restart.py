# SPDX-License-Identifier: LGPL-2.1-or-later
"""What becomes of calls when regentd, or the bus, goes and comes back."""

import os
import signal

import pytest

from lib_client import LOOPS, LibClient
from regent_testing.names import BUS_NAME
from regent_testing.waiting import retry_until, wait_exit

ERROR = "org.regentd.State1.Error."
DBUS_ERROR = "org.freedesktop.DBus.Error."
NAME = "org.example.Restarted"
PPOLL = {"x86_64": "271", "aarch64": "73"}.get(os.uname().machine)


@pytest.fixture
def own(stack):
    made = stack()
    made.root.create(NAME)
    return made


@pytest.fixture(params=["channel", "bus-only"])
def flags(request):
    return ["bus-only"] if request.param == "bus-only" else []


@pytest.mark.parametrize("loop", LOOPS)
def test_goes_on_with_the_next_regentd(own, loop, flags):
    with LibClient(own.bus, loop, *flags) as client:
        client.do("set", NAME, "key", "1").value()
        for n in range(3):
            own.regentd.stop()
            client.line("presence away")
            own.regentd.start()
            client.line("presence there")
            assert client.reply(client.start("get", NAME, "key")).value() == (n + 1,)
            client.do("set", NAME, "key", str(n + 2)).value()
            assert client.who()[1] == (not flags)


def test_waiting_calls_go_on_though_nothing_is_processed(own, flags):
    """Between two of them regentd was another one, of which the program has heard nothing."""
    with LibClient(own.bus, "none", *flags) as client:
        client.do("set", NAME, "key", "1").value()
        own.regentd.restart()
        assert client.do("get", NAME, "key").value() == (1,)
        assert client.who()[1] == (not flags)


def test_calls_without_a_regentd_say_so_and_work_when_it_is_back(own, flags):
    with LibClient(own.bus, "poll", *flags) as client:
        client.do("list", NAME).value()
        own.regentd.stop()
        client.line("presence away")
        assert client.do("get", NAME, "key")[:2] == (-113, DBUS_ERROR + "ServiceUnknown")
        assert client.reply(client.start("set", NAME, "key", "1"))[:2] == (-113, DBUS_ERROR + "ServiceUnknown")
        own.regentd.start()
        client.line("presence there")
        assert client.reply(client.start("set", NAME, "key", "1")).result == 0
        assert client.who()[1] == (not flags)


def test_calls_under_way_fail_by_what_they_are(own, flags):
    """A read can be asked again; of a write nobody can say what became of it."""
    with LibClient(own.bus, "poll", *flags) as client:
        client.do("list", NAME).value()
        os.kill(own.regentd.process.pid, signal.SIGSTOP)
        read = client.start("get", NAME, "key")
        write = client.start("set", NAME, "key", "1")
        client.who()  # it has sent both
        let_the_bus_deliver(own)
        own.regentd.kill()

        assert client.reply(read)[:2] == (-104, DBUS_ERROR + "Disconnected")
        assert client.reply(write)[:2] == (-5, ERROR + "OutcomeUnknown")
        client.line("presence away")
        own.regentd.start()
        client.line("presence there")
        assert client.do("get", NAME, "key").result in (0, -2)


@pytest.mark.skipif(PPOLL is None, reason="another machine's numbers of system calls")
def test_waiting_call_under_way_fails_likewise(own, flags):
    with LibClient(own.bus, "poll", *flags) as client:
        client.do("list", NAME).value()
        os.kill(own.regentd.process.pid, signal.SIGSTOP)
        client.write(("set", NAME, "key", "1"), ("get", NAME, "key"))
        pid = own.regentd.process.pid
        wait_until_asleep(client.pid)
        let_the_bus_deliver(own)
        os.kill(pid, signal.SIGKILL)
        wait_exit(own.regentd.process, 30, "regentd to be killed")
        own.regentd.process = None

        assert client.take_reply("set")[:2] == (-5, ERROR + "OutcomeUnknown")
        assert client.take_reply("get")[:2] == (-113, DBUS_ERROR + "ServiceUnknown")
        own.regentd.start()
        client.do("set", NAME, "key", "1").value()


def let_the_bus_deliver(own):
    """What was sent before is with its receiver when the bus has answered us often enough."""
    for _ in range(3):
        own.root.name_owner(BUS_NAME)


def wait_until_asleep(pid):
    """Until the program waits, in ppoll(), for an answer."""

    def is_asleep():
        with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
            return file.read().split()[0] == PPOLL

    retry_until(is_asleep, 10, "a program to wait")


def test_break_that_a_waiting_call_finds_is_told_when_there_is_processing(own):
    with LibClient(own.bus, "none") as client:
        client.do("list", NAME).value()
        os.kill(own.regentd.process.pid, signal.SIGSTOP)
        read = client.start("get", NAME, "key")
        write = client.start("set", NAME, "key", "1")
        client.who()
        own.regentd.kill()

        assert client.do("get", NAME, "key").error == DBUS_ERROR + "ServiceUnknown"
        assert not client.pending_output(), "no callback is called while a call waits"
        client.do("process")
        assert client.take_reply(read)[:2] == (-104, DBUS_ERROR + "Disconnected")
        assert client.take_reply(write)[:2] == (-5, ERROR + "OutcomeUnknown")
        own.regentd.start()


def test_late_answers(own, flags):
    with LibClient(own.bus, "poll", "timeout=300000", *flags) as client:
        client.do("list", NAME).value()
        os.kill(own.regentd.process.pid, signal.SIGSTOP)
        try:
            assert client.do("get", NAME, "key")[:2] == (-110, DBUS_ERROR + "Timeout")
            assert client.do("set", NAME, "key", "1")[:2] == (-5, ERROR + "OutcomeUnknown")
            calls = [client.start("get", NAME, "key"), client.start("set", NAME, "key", "2")]
            assert client.reply(calls[0])[:2] == (-110, DBUS_ERROR + "Timeout")
            assert client.reply(calls[1])[:2] == (-5, ERROR + "OutcomeUnknown")
        finally:
            os.kill(own.regentd.process.pid, signal.SIGCONT)
        assert client.do("list", NAME).result == 0


def test_freeing_tells_every_call(own, flags):
    client = LibClient(own.bus, "poll", *flags)
    client.line("open 0 -")
    client.do("list", NAME).value()
    os.kill(own.regentd.process.pid, signal.SIGSTOP)
    try:
        calls = [client.start("get", NAME, "key") for _ in range(3)]
        client.who()
        rest = client.end()
    finally:
        os.kill(own.regentd.process.pid, signal.SIGCONT)
    for call in calls:
        assert f"reply {call} -125 " in rest


def test_the_bus_is_started_anew(own, flags):
    with LibClient(own.bus, "poll", *flags) as client:
        client.do("set", NAME, "key", "1").value()
        own.bus.stop()
        client.line("presence away")
        own.regentd.ignore_how_it_ended()
        assert client.do("get", NAME, "key").result < 0
        own.bus.start()
        own.regentd.start()
        assert client.do("get", NAME, "key").value() == (1,)
        assert client.who()[1] == (not flags)


def test_memory_and_descriptors_do_not_grow(own, flags):
    with LibClient(own.bus, "poll", *flags) as client:
        def n_fds():
            return len(os.listdir(f"/proc/{client.pid}/fd"))

        client.do("set", NAME, "key", "1").value()
        before = n_fds()
        for _ in range(5):
            own.regentd.restart()
            client.do("get", NAME, "key").value()
        assert n_fds() <= before


def test_channel_that_is_refused_is_done_without(stack):
    own = stack(config="[Limits]\nChannelsMax=0\n")
    own.root.create(NAME)
    with LibClient(own.bus) as client:
        assert client.reply(client.start("set", NAME, "key", "1")).result == 0
        assert client.do("get", NAME, "key").value() == (1,)
        assert not client.who()[1]


def test_channel_comes_with_the_next_regentd(stack):
    own = stack(config="[Limits]\nChannelsMax=0\n")
    own.root.create(NAME)
    with LibClient(own.bus) as client:
        client.do("set", NAME, "key", "1").value()
        own.regentd.stop()
        own.regentd.write_config("")
        client.line("presence away")
        own.regentd.start()
        client.line("presence there")
        assert client.do("get", NAME, "key").value() == (1,)
        assert client.who()[1]


def test_no_bus(service, tmp_path):
    client = LibClient(service.bus, "poll", f"address=unix:path={tmp_path}/nothing")
    client.line("open -2 .*")
    assert client.wait() == 1
