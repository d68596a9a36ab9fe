# SPDX-License-Identifier: LGPL-2.1-or-later
"""The connections of libregent: what breaks, and who hears of it; a service that cannot be started; a mute bus."""

import os
import resource
import socket

import pytest

from lib_client import LibClient
from lib_follower import LibFollower
from lib_pretender import ChannelPretender, garbled, hung_up
from regent_testing import environment
from regent_testing.api import RegentError
from regent_testing.names import BUS_NAME
from regent_testing.waiting import retry_until

ERROR = "org.regentd.State1.Error."
DBUS_ERROR = "org.freedesktop.DBus.Error."
NAME = "org.example.Linked"


@pytest.fixture
def own(stack):
    made = stack()
    made.ns = made.root.create(NAME)
    return made


@pytest.mark.parametrize("what", ["channel", "both"])
def test_watch_goes_on_though_a_waiting_call_found_the_break_first(own, what):
    with LibFollower(own.bus) as follower:
        assert follower.watch("w", NAME) == (0, "-")
        follower.event("w", "live")
        results = follower.do_at_once(("cut", what), ("get", NAME, "key"))
        assert results[0][0] == (2 if what == "both" else 1)
        assert results[1] == (-2, ERROR + "NoSuchKey")
        follower.event("w", "away")
        follower.event("w", "live")
        own.ns.set("key", 1)
        assert follower.event("w", "change").values == {"key": 1}


def test_participant_objects_though_a_waiting_call_found_the_break_first(own):
    with LibFollower(own.bus) as follower:
        follower.participate("p", NAME, flags="n")
        follower.event("p", "registered")
        assert follower.do_at_once(("cut", "channel"), ("get", NAME, "key"))[0][0] == 1
        follower.event("p", "away")
        follower.event("p", "registered")
        with pytest.raises(RegentError, match="Vetoed"):
            own.ns.set("key", 1)


def test_news_of_the_last_regentd_is_no_news_of_the_next_one(own):
    """A waiting call has found the next one before it is processed that the last one left."""
    with LibClient(own.bus, "none") as client:
        client.do("set", NAME, "key", "1").value()
        own.regentd.kill()
        own.regentd.start()
        assert client.do("get", NAME, "key").value() == (1,)
        calls = [client.start("set", NAME, "key", str(n)) for n in range(5)]
        for call in calls:
            assert process_until(client, call).result == 0
        assert client.who()[1] and own.ns.get("key").unpack() == 4


def process_until(client, call):
    name = f"reply {call} "

    def has_come():
        client.do("process")
        return name in client.pending_output()

    retry_until(has_come, 30, name)
    return client.take_reply(call)


@pytest.mark.parametrize("flags", [[], ["bus-only"]], ids=["channel", "bus-only"])
def test_waiting_call_keeps_to_its_time_where_the_bus_says_nothing(tmp_path, shared, flags):
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "mute"))
        mute.listen(8)
        with LibClient(shared.bus, "none", "timeout=300000", f"address=unix:path={tmp_path}/mute", *flags) as client:
            for _ in range(2):
                assert client.do("get", NAME, "key")[:2] == (-110, DBUS_ERROR + "Timeout")
                assert client.do("set", NAME, "key", "1")[:2] == (-110, DBUS_ERROR + "Timeout"), "nothing was sent"


def test_opens_when_there_is_a_bus_at_last(stack):
    made = stack(start=False)
    made.bus.stop()
    client = LibClient(made.bus, "poll", "again")
    client.line("open -(2|111) .*")
    made.bus.start()
    made.regentd.start()
    client.write(("",))
    with client:
        assert client.do("list_namespaces").result == 0


@pytest.mark.parametrize("flags", [[], ["bus-only"]], ids=["channel", "bus-only"])
def test_presence_is_told_when_the_bus_is_back_though_nobody_follows(own, flags):
    with LibClient(own.bus, "poll", *flags) as client:
        assert client.reply(client.start("list", NAME)).result == 0
        own.bus.stop()
        client.line("presence away")
        own.regentd.ignore_how_it_ended()
        own.bus.start()
        own.regentd.start()
        client.line("presence there")


@pytest.mark.parametrize("loop", ["poll", "none"])
def test_channel_is_asked_for_again_where_there_was_no_room_for_it(stack, loop):
    own = stack(config="[Limits]\nChannelsMax=0\n")
    own.root.create(NAME)
    with LibClient(own.bus, loop) as client:
        client.do("set", NAME, "key", "1").value()
        assert not client.who()[1]
        own.regentd.write_config("")
        own.root.reload()
        retry_until(lambda: client.do("get", NAME, "key").result == 0 and client.who()[1], 30, "a channel")
        assert "presence" not in client.pending_output()


def test_channel_comes_when_there_are_descriptors_again(own):
    with LibFollower(own.bus) as follower:
        follower.watch("w", NAME)
        follower.event("w", "live")
        highest = max(int(fd) for fd in os.listdir(f"/proc/{follower.pid}/fd"))
        resource.prlimit(follower.pid, resource.RLIMIT_NOFILE, (highest, 1024))
        results = follower.do_at_once(("cut", "channel"), ("get", NAME, "key"), ("get", NAME, "key"))
        assert results == [(1, "-"), (-2, ERROR + "NoSuchKey"), (-2, ERROR + "NoSuchKey")]
        follower.event("w", "away")
        follower.event("w", "live")
        assert follower.do("cut", "channel")[0] == 0, "the bus does"
        resource.prlimit(follower.pid, resource.RLIMIT_NOFILE, (1024, 1024))
        retry_until(lambda: follower.do("cut", "channel")[0] == 1, 30, "a channel")
        follower.event("w", "away")
        follower.event("w", "live")


def test_watch_and_participant_stay_when_the_channel_comes_later(stack):
    own = stack(config="[Limits]\nChannelsMax=0\n")
    ns = own.root.create(NAME)
    with LibFollower(own.bus) as follower:
        follower.watch("w", NAME)
        follower.event("w", "live")
        follower.participate("p", NAME, flags="y")
        follower.event("p", "registered")
        own.regentd.write_config("")
        own.root.reload()
        retry_until(lambda: follower.do("cut", "channel")[0] == 1, 30, "a channel")
        follower.event("w", "away")
        assert [event.kind for event in follower.states["w"].log].count("live") == 1, "until it was cut"
        follower.event("p", "away")
        follower.event("p", "registered")
        follower.event("w", "live")
        ns.set("key", 1)
        assert follower.event("w", "change").values == {"key": 1}
        assert follower.event("p").kind == "prepare"
        assert follower.event("p").kind == "commit"


def test_channel_that_ends_at_once_is_done_without_for_a_while(stack):
    own = stack(start=False)
    pretender = ChannelPretender(own, hung_up)
    with LibFollower(own.bus) as follower:
        follower.watch("w", NAME, flags="p")
        pretender.wait_for("Connect", 3)
    connects = [n for n, member in enumerate(pretender.members) if member == "Connect"]
    assert all(after - before > 1 for before, after in zip(connects, connects[1:])), pretender.members


def test_write_whose_answer_cannot_be_read_may_have_been_done(stack):
    own = stack(start=False)
    ChannelPretender(own, garbled)
    with LibClient(own.bus, "none") as client:
        assert client.do("set", NAME, "key", "1")[:2] == (-5, ERROR + "OutcomeUnknown")
    with LibClient(own.bus, "none") as client:
        assert client.do("get", NAME, "key")[:2] == (-74, DBUS_ERROR + "InconsistentMessage")
        assert client.do("get", NAME, "key").error == "org.example.Error.Pretended", "by the bus"


class Starter:
    """A bus that knows how to start regentd, which fails: with the error that @status stands for."""

    def __init__(self, stack, status):
        self._directory = environment.make_shared_directory(os.path.join(environment.make_scratch(), "starter"))
        os.chmod(self._directory, 0o777)
        self._count = os.path.join(self._directory, "count")
        self._write("helper", f"#!/bin/sh\ndate +%s.%N >>{self._count}\nexit {status}\n")
        self._write(BUS_NAME + ".service", f"[D-BUS Service]\nName={BUS_NAME}\nExec=/bin/false\nUser=root\n")
        self.status = status
        self.stack = stack(
            start=False,
            policy=f"<servicedir>{self._directory}</servicedir>"
            f"<servicehelper>{self._directory}/helper</servicehelper>",
        )

    def _write(self, name, text):
        path = os.path.join(self._directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)

    def starts(self):
        """When it was started."""
        if not os.path.exists(self._count):
            return []
        with open(self._count, encoding="ascii") as file:
            return [float(line) for line in file]

    def close(self):
        environment.remove_scratch(os.path.dirname(self._directory))


@pytest.fixture(params=["no-memory", "exec-failed"])
def starter(request, stack):
    made = Starter(stack, {"no-memory": 2, "exec-failed": 9}[request.param])
    yield made
    made.close()


@pytest.mark.parametrize("flags", [[], ["bus-only"]], ids=["channel", "bus-only"])
def test_calls_say_that_regentd_cannot_be_started(starter, flags):
    if flags and starter.status == 2:
        pytest.skip("what the bus says to a call itself is told as it is")
    with LibClient(starter.stack.bus, "poll", *flags) as client:
        for _ in range(2):
            assert client.reply(client.start("get", NAME, "key"))[:2] == (-113, DBUS_ERROR + "ServiceUnknown")
            assert client.do("set", NAME, "key", "1")[:2] == (-113, DBUS_ERROR + "ServiceUnknown")
        assert starter.starts()
        starter.stack.regentd.start()
        assert client.do("list_namespaces").result == 0


def test_patient_watch_and_participant_wait_for_a_regentd_that_cannot_be_started(starter):
    with LibFollower(starter.stack.bus) as follower:
        follower.watch("w", NAME, flags="p")
        follower.participate("p", NAME)
        assert follower.event("w").kind == "away"
        assert follower.event("p").error == DBUS_ERROR + "ServiceUnknown"
        starter.stack.regentd.start()
        starter.stack.client().create(NAME)
        follower.event("w", "live")
        follower.event("p", "registered")


def test_watch_tries_less_and_less_often_to_start_a_regentd(stack):
    starter = Starter(stack, 9)
    with LibFollower(starter.stack.bus, "poll", "bus-only") as follower:
        assert follower.do("get", NAME, "key")[1] == DBUS_ERROR + "ServiceUnknown"
        follower.watch("w", NAME, flags="p")
        follower.event("w", "away")
        retry_until(lambda: len(starter.starts()) >= 5, 60, "regentd to be started four times by a watch")
    gaps = [after - before for before, after in zip(starter.starts()[1:], starter.starts()[2:])]
    assert gaps[1] > 1.5 and gaps[2] > 3, gaps
    starter.close()
