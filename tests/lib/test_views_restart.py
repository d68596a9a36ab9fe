# SPDX-License-Identifier: LGPL-2.1-or-later
"""Views of libregent while regentd is stopped, killed and started again."""

import errno
import os
import random
import threading

import pytest
from gi.repository import GLib

from lib_client import LOOPS
from lib_viewer import LibViewer, shown
from regent_testing.api import RegentError
from regent_testing.waiting import retry_until

V = GLib.Variant
NAME = "org.example.Viewed"
SERVICE_UNKNOWN = "org.freedesktop.DBus.Error.ServiceUnknown"
FUTEX = {"x86_64": "202", "aarch64": "98"}.get(os.uname().machine)
N_ROUNDS = int(os.environ.get("REGENT_TEST_VIEW_ROUNDS", "6"))
SEED = int(os.environ.get("REGENT_TEST_SEED", str(random.SystemRandom().randrange(1 << 30))))


@pytest.fixture
def own(stack):
    made = stack()
    made.space = made.root.create(NAME)
    made.space.set("a", 1)
    return made


@pytest.fixture(params=["kill", "stop"])
def end(request, own):
    return getattr(own.regentd, request.param)


@pytest.fixture(params=["channel", "bus-only"])
def flags(request):
    return ["bus-only"] if request.param == "bus-only" else []


@pytest.mark.parametrize("loop", LOOPS)
def test_loop_alone_follows(own, end, loop, flags):
    with LibViewer(own.bus, loop, *flags) as viewer:
        viewer.open(NAME)
        for number in range(2, 5):
            revision = viewer.revision()
            end()
            retry_until(viewer.is_stale, 20, "the view to be stale")
            assert viewer.do("peek", "a").value()[2] == viewer.get("a") == number - 1
            assert viewer.everything() == {"a": number - 1} and viewer.revision() == revision
            own.regentd.start()
            own.space.set("a", number)
            retry_until(lambda: not viewer.is_stale(), 20, "the view to follow")
            assert viewer.do("peek", "a").value()[2] == number
            assert viewer.everything() == shown(own.space)
            assert viewer.revision() == own.space.property("Revision") > revision


def test_refresh_alone_follows(own, end, flags):
    with LibViewer(own.bus, "none", *flags) as viewer:
        viewer.open(NAME)
        for number in range(2, 5):
            end()
            assert viewer.do("refresh")[:2] == (-errno.EHOSTUNREACH, SERVICE_UNKNOWN)
            assert viewer.is_stale() and viewer.get("a") == number - 1
            own.regentd.start()
            assert viewer.is_stale()
            own.space.set("a", number)
            assert viewer.do("refresh").result == 0
            assert viewer.get("a") == number and not viewer.is_stale()


def test_reading_alone_follows_a_stop(own, flags):
    with LibViewer(own.bus, "none", *flags) as viewer:
        viewer.open(NAME)
        own.regentd.stop()
        assert viewer.is_stale() and viewer.get("a") == 1
        own.regentd.start()
        own.space.set("a", 2)
        retry_until(lambda: viewer.get("a") == 2, 20, "the view to follow")


@pytest.mark.parametrize("loop", ["poll", "none"])
def test_refresh_before_the_loop_has_heard(own, end, loop):
    """What the loop hears then of the one that left says nothing of the view of the next."""
    with LibViewer(own.bus, loop) as viewer:
        viewer.open(NAME)
        for number in range(2, 6):
            end()
            own.regentd.start()
            own.space.set("a", number)
            viewer.write(("refresh",), ("get", "a"), ("is_stale",))
            assert viewer.take_reply("refresh").result == 0
            assert viewer.take_reply("get").value() == number
            assert viewer.take_reply("is_stale").value() is False
            assert viewer.do("refresh").result == 0 and not viewer.is_stale()
            assert viewer.get("a") == number


def wait_until_asleep(viewer):
    """Until it waits for a commit."""

    def is_asleep():
        with open(f"/proc/{viewer.pid}/syscall", encoding="ascii") as file:
            return file.read().split()[0] == FUTEX

    retry_until(is_asleep, 10, "a program to wait")


@pytest.mark.skipif(FUTEX is None, reason="another machine's numbers of system calls")
def test_waiting_is_told_once_that_nothing_follows(own, end):
    with LibViewer(own.bus, "none") as viewer:
        viewer.open(NAME)
        revision = viewer.revision()
        viewer.write(("wait", revision, "-"))
        wait_until_asleep(viewer)
        end()
        assert viewer.take_reply("wait").value() == revision
        assert viewer.is_stale()
        assert viewer.do("wait", revision, 50000).result == -errno.ETIMEDOUT
        viewer.write(("wait", revision, "-"))
        own.regentd.start()
        later = own.space.set("a", 2)
        assert viewer.take_reply("wait").value() == later
        assert viewer.get("a") == 2


@pytest.mark.parametrize("loop", ["poll", "none"])
def test_bus_is_started_anew(own, loop):
    with LibViewer(own.bus, loop) as viewer:
        viewer.open(NAME)
        own.bus.stop()
        own.regentd.ignore_how_it_ended()
        assert viewer.do("refresh").result < 0
        assert viewer.is_stale() and viewer.get("a") == 1
        own.bus.start()
        own.regentd.start()
        retry_until(lambda: viewer.do("refresh").result == 0, 20, "the view to follow")
        assert viewer.get("a") == 1 and not viewer.is_stale()


def test_memory_and_descriptors_do_not_grow(own, end):
    with LibViewer(own.bus) as viewer:
        viewer.open(NAME)
        before = viewer.n_fds()
        for _ in range(5):
            viewer.do("get_string", "a")
            end()
            own.regentd.start()
            viewer.do("refresh")
        assert viewer.n_memories() == 1 and viewer.n_fds() <= before


def test_opening_where_there_is_no_regentd(own):
    with LibViewer(own.bus) as viewer:
        own.regentd.stop()
        assert viewer.open(NAME)[:2] == (-errno.EHOSTUNREACH, SERVICE_UNKNOWN)
        own.regentd.start()
        assert viewer.open(NAME).result == 0
        assert viewer.get("a") == 1


class Writer:
    """Counts n up while it can; what was acknowledged is acknowledged."""

    def __init__(self, own):
        self._client = own.client()
        self._space = own.space.seen_by(self._client)
        self.is_over = False
        self.is_up = threading.Event()
        self.is_up.set()
        self.number = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self.is_over:
            self.is_up.wait()
            self.number += 1
            try:
                self._space.apply({"n": V("u", self.number), "filling": "x" * (self.number % 500)})
            except (RegentError, GLib.Error):
                pass

    def end(self):
        self.is_over = True
        self.is_up.set()
        self._thread.join()


@pytest.mark.parametrize("loop", ["poll", "none"])
def test_revision_never_goes_back(own, loop):
    """Under a writer at full speed, with kills, stops and revocations between reads and within."""
    chance = random.Random(SEED)
    print(f"REGENT_TEST_SEED={SEED}")
    own.space.set("n", V("u", 0))
    writer = Writer(own)
    try:
        with LibViewer(own.bus, loop) as viewer:
            viewer.open(NAME)
            viewer.write(("follow", "n", 0xFFFFFFFF, 60_000_000, 1000))
            for number in range(N_ROUNDS):
                at = writer.number + chance.randrange(100)
                retry_until(lambda at=at: writer.number >= at, 30, "writes")
                disturb(own, writer, chance.choice(["kill", "stop", "revoke"]) if number > 2 else "kill")
            writer.end()
            last = own.space.set("n", V("u", 0xFFFFFFFF))
            n_reads, n_values, _ = viewer.take_reply("follow", 60).value()
            assert viewer.do("refresh").result == 0
            assert viewer.revision() == last
            print(f"{n_reads} reads of {n_values} values, {writer.number} commits")
            assert n_values > N_ROUNDS
    finally:
        writer.end()


def disturb(own, writer, kind):
    if kind == "revoke":
        own.space.set_access(mode=0o640 if own.space.property("Mode") == 0o600 else 0o600)
        return
    writer.is_up.clear()
    getattr(own.regentd, kind)()
    own.regentd.start()
    writer.is_up.set()
