# SPDX-License-Identifier: LGPL-2.1-or-later
"""Readers of a view while a writer writes, views are filled up and revoked, and regentd is stopped and killed.

REGENT_TEST_VIEW_READS is how many reads are made; view-hammer.c says what each is held against.
"""

import ctypes
import os
import threading

import pytest
from gi.repository import GLib
from regent_testing import view
from regent_testing.api import RegentError
from regent_testing.waiting import SLOWNESS, Deadline

V = GLib.Variant
N_READS = int(os.environ.get("REGENT_TEST_VIEW_READS", "1500000"))
N_READERS = 3
READS_AT_ONCE = 100_000
COMMITS_EACH = 20  # between two disturbances, at least
ORPHANED = "orphaned"
PATIENCE = 45 + N_READS / 2_000_000
TRIES = 6
pytestmark = pytest.mark.timeout((PATIENCE + 15) * SLOWNESS)


class Hammer(ctypes.Structure):
    _fields_ = [
        ("reader", ctypes.c_void_p),
        ("acknowledged", ctypes.c_void_p),
        ("last", ctypes.c_uint64),
        ("n_reads_max", ctypes.c_uint64),
        ("n_reads", ctypes.c_uint64),
        ("n_snapshots", ctypes.c_uint64),
    ]


class Scene:
    """What the threads share. Whoever waits for something here is notified of all."""

    def __init__(self, made, library):
        self.made, self.library = made, library
        self.changed = threading.Condition()
        self.is_up, self.is_over, self.wrong = True, False, []
        self.acknowledged = ctypes.c_uint64(0)
        self.reading, self.ends = set(), {}
        self.n_commits = 0

    def wait(self, condition, what):
        deadline = Deadline(PATIENCE)
        with self.changed:
            while not condition() and not self.wrong:
                deadline.check(what)
                self.changed.wait(deadline.left())

    def note(self, change):
        with self.changed:
            change()
            self.changed.notify_all()

    def run(self, function):
        """In a thread; what it raises is in wrong."""

        def guarded():
            try:
                function()
            except BaseException as error:  # pylint: disable=broad-exception-caught
                self.note(lambda: self.wrong.append(f"{function}: {error!r}"))

        thread = threading.Thread(target=guarded)
        thread.start()
        return thread

    def try_while_up(self, call):
        """None when it failed, as may happen around a stop; waits until there is a regentd again, and after a failure
        until anything happens, so that who fails keeps nobody from what he waits for."""
        self.wait(lambda: self.is_up or self.is_over, "regentd to be up")
        try:
            return call()
        except (RegentError, GLib.Error):
            with self.changed:
                self.changed.wait(0.1)
            return None


class Writer:
    def __init__(self, scene, space):
        self.scene, self.space = scene, space

    def run(self):
        number = 0
        while not self.scene.is_over:
            number += 1
            words = V("at", [number] * (1 + number % 24))
            changes = {"a": V("t", number), "b": V("t", number), "words": words}
            if self.scene.try_while_up(lambda given=changes: self.space.apply(given)) is not None:
                self.scene.acknowledged.value = number
                self.scene.note(self._count)

    def _count(self):
        self.scene.n_commits += 1


class Reader:
    def __init__(self, scene, space):
        self.scene, self.space = scene, space
        self.hammer = Hammer(acknowledged=ctypes.addressof(scene.acknowledged), n_reads_max=READS_AT_ONCE)
        self.n_views = 0

    def run(self):
        # The writer comes first, or there is little to see.
        own = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(19, own + 10))
        while not self.scene.is_over:
            opened = self.scene.try_while_up(lambda: view.open_fd(self.space))
            if opened is not None:
                self._read(view.View(self.scene.library, opened[0]))

    def _read(self, seen):
        self.n_views += 1
        self.hammer.reader = ctypes.addressof(seen.reader)
        self.scene.note(lambda: self.scene.reading.add(self))
        r = 0
        while r == 0 and not self.scene.is_over:
            r = self.scene.library.view_hammer(ctypes.byref(self.hammer))
            if r < 0:
                raise AssertionError(f"a read went wrong after {self.hammer.last}: {os.strerror(-r)}")
            self.scene.note(lambda: None)
        why = ORPHANED if seen.is_orphaned() else seen.state()
        self.scene.note(lambda: self._end(why))
        seen.close()

    def _end(self, why):
        self.scene.reading.remove(self)
        self.scene.ends[why] = self.scene.ends.get(why, 0) + 1


def disturb_until_seen(scene, space, readers, kind):
    """Nobody sees it when all still had a view that was full, and took the next one afterwards: then it is done again.
    The number of times it was done."""
    before = scene.ends.get(kind, 0)
    for number in range(1, TRIES + 1):
        views = [each.n_views for each in readers]
        disturb(scene, space, kind)
        scene.wait(
            lambda known=views: scene.ends.get(kind, 0) > before
            or all(each.n_views > known[i] for i, each in enumerate(readers)),
            f"a reader to see {kind}",
        )
        scene.wait(lambda: len(scene.reading) == len(readers), "all to read")
        if scene.wrong or scene.ends.get(kind, 0) > before:
            return number
    raise AssertionError(f"{kind} was done {TRIES} times, and no reader saw it")


def disturb(scene, space, kind):
    if kind == view.REVOKED:
        mode = 0o600 if space.property("Mode") & 0o040 else 0o640
        space.set_access(mode=mode)
        return
    scene.note(lambda: setattr(scene, "is_up", False))
    if kind == ORPHANED:
        scene.made.regentd.kill()
    else:
        scene.made.regentd.stop()
    scene.made.regentd.start()
    scene.note(lambda: setattr(scene, "is_up", True))


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return view.build_library(tmp_path_factory.mktemp("view"))


def test_readers_beside_all_that_ends_views(stack, library):
    made = stack()
    space = made.root.create("org.example.X")
    space.apply({"a": V("t", 0), "b": V("t", 0), "words": V("at", [0])})
    scene = Scene(made, library)
    readers = [Reader(scene, space.seen_by(made.client())) for _ in range(N_READERS)]
    threads = [scene.run(each.run) for each in [*readers, Writer(scene, space.seen_by(made.client()))]]
    kinds = [view.REVOKED, ORPHANED, view.REVOKED, view.STOPPED] * max(2, min(N_READS // 1_000_000, 25))

    n_disturbed = 0

    def n_reads():
        return sum(each.hammer.n_reads for each in readers)

    try:
        for number, kind in enumerate(kinds):
            scene.wait(lambda: len(scene.reading) == N_READERS, "all to read")
            n_commits = scene.n_commits
            n_disturbed += disturb_until_seen(scene, space, readers, kind)
            scene.wait(lambda: n_reads() >= N_READS * (number + 1) / len(kinds), "reads")
            scene.wait(lambda: scene.n_commits >= n_commits + COMMITS_EACH, "commits")
        scene.wait(lambda: scene.ends.get(view.FULL, 0) > 0, "a full view")
    finally:
        scene.note(lambda: setattr(scene, "is_over", True))
        for thread in threads:
            thread.join()

    assert not scene.wrong
    assert space.get("a").unpack() >= max(each.hammer.last for each in readers)
    assert all(each.hammer.n_snapshots > 0 for each in readers)
    print(
        f"{n_reads()} reads, {sum(each.hammer.n_snapshots for each in readers)} snapshots, "
        f"{sum(each.n_views for each in readers)} views, {scene.n_commits} commits, "
        f"{n_disturbed} disturbances, ends: {scene.ends}"
    )
