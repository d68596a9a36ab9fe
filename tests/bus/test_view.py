# SPDX-License-Identifier: LGPL-2.1-or-later
"""Views: a namespace in shared memory, for those whom uid and mode admit, that follows every commit and says when it
ends."""

import errno
import fcntl
import mmap
import os
import struct
import threading

import pytest
from gi.repository import GLib
from regent_testing import view
from regent_testing.api import RegentError
from regent_testing.checks import nothing_changed, refused
from regent_testing.names import Error
from regent_testing.participant import as_user
from regent_testing.waiting import retry_until

import declared

STACK = {"polkit": True}
V = GLib.Variant


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return view.build_library(tmp_path_factory.mktemp("view"))


@pytest.fixture
def open_view(library):
    """open_view(namespace): closed after the test, so that the next one finds no view held."""
    opened = []

    def open_it(space):
        opened.append(view.View(library, view.open_fd(space)[0]))
        return opened[-1]

    yield open_it
    for each in opened:
        each.close()


def assert_shows(seen, space):
    expected = {key: value.print_(True) for key, value in space.everything().items()}

    assert {key: value.print_(True) for key, value in seen.everything().items()} == expected
    for key, text in expected.items():
        assert seen.get(key).print_(True) == text


def test_view_shows_what_get_gives(ns, open_view):
    ns.apply({"mtu": V("u", 1500), "name": "router", "peers": ["fe80::1", ""], "raw": bytes(range(256)), "d": 1.5})
    ns.apply({"up": True}, class_="runtime")
    ns.apply({"mtu": V("u", 9000)}, class_="kernel")
    ns.set("nested", V("a{sv}", {"x": V("(tay)", (1, [1, 2]))}))
    seen = open_view(ns)

    assert_shows(seen, ns)
    assert seen.get("mtu").unpack() == 9000
    assert seen.get("absent") is None
    info, entry = ns.describe("mtu"), seen.entry("mtu")
    assert entry.revision == info["revision"].unpack()
    assert view.origin_of(entry) == (info["writer"].unpack(), info["time"].unpack())


def test_view_has_what_was_acknowledged(ns, open_view):
    seen = open_view(ns)

    for number in range(30):
        revision = ns.set("n", number)
        assert seen.get("n").unpack() == number
        assert seen.revision() == revision
    ns.delete("n")
    assert seen.get("n") is None
    ns.apply({"a": 1, "b": 2}, class_="runtime")
    assert_shows(seen, ns)


def test_view_is_of_the_whole_batch(ns, open_view):
    ns.apply({"a": 0, "b": 0})
    seen = open_view(ns)
    calls = [ns.start_apply({"a": number, "b": number}) for number in range(1, 13)]

    for call in calls:
        call.result()
    assert seen.get("a").unpack() == seen.get("b").unpack() == 12


def test_info_says_what_the_view_is(ns):
    ns.set("a", 1)
    fd, info = view.open_fd(ns)

    assert info["bytes"] == os.fstat(fd).st_size
    assert info["version"] == 1 and info["generation"] >= 1
    assert info["revision"] == ns.property("Revision")
    os.close(fd)


def test_nobody_can_write_to_it(ns):
    fd, _ = view.open_fd(ns)

    for prot in (mmap.PROT_WRITE, mmap.PROT_READ | mmap.PROT_WRITE):
        with pytest.raises(PermissionError):
            mmap.mmap(fd, 0, mmap.MAP_SHARED, prot)
    with pytest.raises(OSError):
        os.ftruncate(fd, 0)
    again = os.open(f"/proc/self/fd/{fd}", os.O_RDWR)  # root may
    with pytest.raises(PermissionError):
        mmap.mmap(again, 0, mmap.MAP_SHARED, mmap.PROT_WRITE)
    with pytest.raises(PermissionError):
        os.write(again, b"x")
    os.close(again)
    os.close(fd)


def test_unknown_option_is_refused(ns):
    with refused(Error.InvalidArgs, "colour"):
        view.open_fd(ns, {"colour": V("s", "red")})


def test_absent_namespace_has_none(root):
    with refused(Error.NoSuchNamespace):
        view.open_fd(root.ns("org.example.Absent"))


def opened_by(space, user):
    """Whether the user gets one; its process drops the descriptor."""
    return space.seen_by(user).call("OpenView", "(a{sv})", ({},))


def test_mode_admits(root, name, alice, bob, carol):
    space = root.create(name, owner=4001, group=4100, mode=0o640)

    opened_by(space, alice)
    opened_by(space, bob)
    with refused(Error.NotSupported):
        opened_by(space, carol)


def test_polkit_is_not_asked(root, name, polkitd, carol):
    space = root.create(name, mode=0o600)
    space.set("a", 1)
    polkitd.set_rules('polkit.addRule(function(action, subject) { return polkit.Result.YES; });')

    assert space.seen_by(carol).get("a").unpack() == 1
    n_asked = root.statistics()["polkit-checks"].unpack()
    with refused(Error.NotSupported):
        opened_by(space, carol)
    assert root.statistics()["polkit-checks"].unpack() == n_asked


def test_absent_and_unreadable_are_told_alike(root, carol):
    space = root.create("org.example.Hidden", mode=0o600)
    texts = []

    for each in (space, root.ns("org.example.Absent")):
        with refused(Error.NotSupported) as caught:
            opened_by(each, carol)
        texts.append(caught.text.replace(each.name, "NAME"))
    assert texts[0] == texts[1]


def test_refusal_changes_nothing(root, ns, carol):
    ns.set_access(mode=0o600)
    with nothing_changed(root, ns):
        with refused(Error.NotSupported):
            opened_by(ns, carol)


def test_another_access_ends_it(ns, open_view):
    ns.set("a", 1)
    before = open_view(ns)
    ns.set_access(quota_keys=V("t", 100))
    assert before.state() == view.LIVE

    ns.set_access(mode=0o600)
    ns.set("a", 2)
    assert before.state() == view.REVOKED
    assert before.get("a").unpack() == 1
    assert open_view(ns).get("a").unpack() == 2


def test_removal_ends_it(root, name, open_view):
    space = root.create(name)
    space.set("a", 1)
    before = open_view(space)
    root.remove(name, 1)
    assert before.state() == view.REMOVED
    with refused(Error.NoSuchNamespace):
        view.open_fd(space)

    root.create(name)
    after = open_view(space)
    assert after.everything() == {}
    space.set("b", 1)
    assert_shows(after, space)
    assert before.get("b") is None


def test_restoration_ends_it(stack, open_view):
    made = stack()
    space = made.root.create("org.example.X")
    space.set("a", 1)
    made.root.mark_good()
    space.set("a", 2)
    before = open_view(space)

    made.root.restore()
    assert before.state() != view.LIVE
    assert open_view(space).get("a").unpack() == 1


def test_declared_defaults_follow_reload(stack, open_view):
    made, router = declared.declared(stack)
    seen = open_view(router)
    assert_shows(seen, router)
    assert seen.get("mtu").unpack() == 1500

    router.set("mtu", V("u", 1400))
    router.delete("mtu")
    assert seen.get("mtu").unpack() == 1500
    sequence = seen.sequence()
    made.regentd.declare(declared.NAME, declared.ROUTER.replace("Default=1500", "Default=1280"))
    made.root.reload()
    assert seen.sequence() != sequence
    assert seen.get("mtu").unpack() == 1280
    assert_shows(seen, router)


def test_reader_sleeps_until_a_change(ns, open_view):
    seen = open_view(ns)
    sequence = seen.sequence()
    results = []
    sleeper = threading.Thread(target=lambda: results.append(seen.wait(sequence)))
    sleeper.start()
    ns.set("a", 1)
    sleeper.join()

    assert results == [0] and seen.sequence() != sequence


def test_stop_ends_it(stack, open_view):
    made = stack()
    space = made.root.create("org.example.X")
    seen = open_view(space)
    space.set("a", 1)
    made.regentd.stop()

    assert seen.state() == view.STOPPED
    assert seen.get("a").unpack() == 1


def test_killed_service_leaves_an_orphan(stack, open_view):
    made = stack()
    space = made.root.create("org.example.X")
    space.set("a", 1)
    seen = open_view(space)
    results = []
    sleeper = threading.Thread(target=lambda: results.append(seen.wait(seen.sequence())))
    sleeper.start()
    assert not seen.is_orphaned()
    made.regentd.kill()
    sleeper.join()

    assert results == [-errno.EOWNERDEAD]
    assert seen.state() == view.LIVE and seen.is_orphaned()
    assert seen.get("a").unpack() == 1
    made.regentd.start()
    assert seen.is_orphaned()
    again = open_view(space)
    assert again.state() == view.LIVE and not again.is_orphaned() and again.get("a").unpack() == 1


def test_ended_view_is_no_orphan(stack, open_view):
    made = stack()
    space = made.root.create("org.example.X")
    revoked, stopped = open_view(space), None
    space.set_access(mode=0o640)
    assert revoked.state() == view.REVOKED and not revoked.is_orphaned()
    stopped = open_view(space)
    made.regentd.stop()

    assert stopped.state() == view.STOPPED
    assert not stopped.is_orphaned() and not revoked.is_orphaned()


def test_reader_cannot_hide_a_death(ns):
    """A lock of regentd's kind takes a descriptor that can be written to."""
    fd, _ = view.open_fd(ns)
    lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    with pytest.raises(OSError):
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, lock)
    os.close(fd)


def test_full_view_is_followed(ns, open_view):
    ns.set("a", 0)
    seen, n_views = open_view(ns), 1

    for number in range(200):
        ns.set("a", bytes([number % 256]) * 1000)
        if seen.state() != view.LIVE:
            assert seen.state() == view.FULL
            seen.close()
            seen, n_views = open_view(ns), n_views + 1
        assert seen.get("a").get_child_value(0).get_byte() == number % 256
    assert 2 <= n_views <= 10


def test_large_namespace_is_waited_for(stack, open_view):
    made = stack()
    space = made.root.create("org.example.X")
    space.apply({f"key/{number:05}": number for number in range(4000)})
    space.set("small", 1)
    gone = made.client()
    waiting = [space.seen_by(each).start("OpenView", "(a{sv})", ({},)) for each in (gone, made.root, made.client())]
    gone.close()
    space.apply({"key/00000": "changed", "key/03999": "changed", "zzz": 1})

    for call in waiting[1:]:
        call.result()
    seen = open_view(space)
    assert_shows(seen, space)
    space.set("small", 2)
    assert seen.get("small").unpack() == 2


def held(space, open_view):
    """Three views, each ended before the next."""
    views = []
    for number in range(3):
        views.append(open_view(space))
        space.set_access(mode=0o600 if number % 2 else 0o644)
        space.set_access(mode=0o640)
    return views


def test_held_views_are_bounded(root, ns, open_view):
    views = held(ns, open_view)
    with refused(Error.Busy, ns.name):
        view.open_fd(ns)
    ns.set("a", 1)

    views[1].close()
    assert open_view(ns).get("a").unpack() == 1
    assert root.statistics()["view-generations"].unpack() >= 3


def test_memory_is_bounded(stack, open_view):
    made = stack(config="[Limits]\nViewMemoryMax=64K\nUidViewMemoryMax=8K\n")
    big, small = made.root.create("org.example.Big"), made.root.create("org.example.Small")
    big.set("a", bytes(100000))
    small.set("a", 1)

    with refused(Error.Busy, "ViewMemoryMax"):
        view.open_fd(big)
    assert_shows(open_view(small), small)
    assert made.root.statistics()["view-bytes"].unpack() == 4096


def test_uid_is_bounded(stack, sandbox):
    made = stack(config="[Limits]\nUidViewMemoryMax=4K\n")
    spaces = [made.root.create(f"org.example.{letter}") for letter in "AB"]
    with as_user("alice"):
        alice = made.client()
    first, second = (each.seen_by(alice) for each in spaces)
    fds = [view.open_fd(first)[0] for _ in range(2)]

    with refused(Error.LimitsExceeded, "UidViewMemoryMax"):
        view.open_fd(second)
    opened_by(spaces[1], made.root)
    for fd in fds:
        os.close(fd)
    os.close(retry_until(lambda: try_open(second), 10, "what was closed to count no more"))


def try_open(space):
    try:
        return view.open_fd(space)[0]
    except RegentError:
        return None


def test_views_are_opened_one_after_the_other(ns, open_view):
    """Whoever reads each reply before the next call is not held up by the bound on what is unread."""
    for _ in range(20):
        open_view(ns)


def test_unread_descriptors_are_bounded(stack):
    made = stack(config="[Limits]\nConnectionUnreadDescriptorsMax=1\n")
    space = made.root.create("org.example.X")
    waiting = [space.start("OpenView", "(a{sv})", ({},)) for _ in range(8)]
    outcomes = []

    for call in waiting:
        try:
            call.result()
            outcomes.append(None)
        except Exception as error:  # pylint: disable=broad-exception-caught
            outcomes.append(error.name)
    assert outcomes[0] is None
    assert set(outcomes) <= {None, Error.LimitsExceeded}
    assert Error.LimitsExceeded in outcomes


def n_memories(regentd):
    """Descriptors of views that regentd has open."""
    directory = f"/proc/{regentd.process.pid}/fd"
    links = []
    for name in os.listdir(directory):
        try:
            links.append(os.readlink(os.path.join(directory, name)))
        except FileNotFoundError:
            pass
    return sum("regent-view" in link for link in links)


def test_view_that_nobody_has_is_gone(stack, library):
    made = stack()
    space = made.root.create("org.example.X")
    seen = view.View(library, view.open_fd(space)[0])
    assert made.root.statistics()["views"].unpack() == 1
    # It has closed what it sent when it answers something else.
    assert n_memories(made.regentd) == 1

    seen.close()
    retry_until(lambda: made.root.statistics()["views"].unpack() == 0, 30, "the view's end")
    assert made.root.statistics()["view-bytes"].unpack() == 0
    assert n_memories(made.regentd) == 0
