# SPDX-License-Identifier: LGPL-2.1-or-later
"""Views of libregent: what is read, and how they go on when they end while regentd stays."""

import errno

import pytest
from gi.repository import GLib

from lib_viewer import LibViewer, shown
from regent_testing import view
from regent_testing.waiting import retry_until

V = GLib.Variant
NAME = "org.example.Viewed"
ERROR = "org.regentd.State1.Error."
DBUS_ERROR = "org.freedesktop.DBus.Error."
NUMBERS = {
    "boolean": V("b", True), "byte": V("y", 200), "int16": V("n", -300), "uint16": V("q", 60000),
    "int32": V("i", -70000), "uint32": V("u", 4000000000), "int64": V("x", -(1 << 60)), "uint64": V("t", 1 << 63),
    "double": V("d", 1.5), "string": V("s", "grüezi"),
}  # fmt: skip


@pytest.fixture
def own(stack):
    made = stack()
    made.space = made.root.create(NAME)
    return made


@pytest.fixture
def viewer(own):
    with LibViewer(own.bus) as made:
        assert made.open(NAME).result == 0
        yield made


def failed(reply, number, name=None):
    assert reply.result == -number, reply
    assert name is None or reply.error == name


def test_typed_getters(own, viewer):
    own.space.apply(NUMBERS)
    for kind, value in NUMBERS.items():
        assert viewer.do(f"get_{kind}", kind).value() == value.unpack()
        other = "string" if kind != "string" else "double"
        failed(viewer.do(f"get_{kind}", other), errno.EMEDIUMTYPE)
        failed(viewer.do(f"get_{kind}", "absent"), errno.ENOENT)
        assert viewer.get(kind) == value.unpack()
    failed(viewer.do("get", "-"), errno.EINVAL)


def test_any_value(own, viewer):
    own.space.apply({"a": V("a{sv}", {"x": V("(tay)", (1, [1, 2]))}), "e": V("as", []), "v": V("v", V("i", 3))})
    assert {key: viewer.get(key) for key in "aev"} == {key: own.space.get(key).unpack() for key in "aev"}


def test_peek_tells_what_describe_does(own, viewer):
    own.space.set("mtu", V("u", 1500))
    key, kind, value, revision, usec, writer = viewer.do("peek", "mtu").value()
    info = own.space.describe("mtu")

    assert (key, kind, value) == ("mtu", "u", 1500)
    assert (revision, usec, writer) == tuple(info[name].unpack() for name in ("revision", "time", "writer"))


def test_all_keys(own, viewer):
    own.space.apply({f"key/{number:03}": number for number in range(300)} | {"a": 1, "z": "end"})
    values, revision = viewer.do("snapshot").value()
    assert values == shown(own.space)
    assert list(values) == sorted(values)
    assert revision == viewer.revision() == own.space.property("Revision")
    assert {each[0]: each[2] for each in viewer.do("next").value()} == values
    assert list(viewer.do("snapshot", "-", "key/00").value()[0]) == [f"key/{number:03}" for number in range(10)]
    assert list(viewer.do("snapshot", "z absent a").value()[0]) == ["z", "a"]


def test_own_write_is_read_at_once(own, viewer):
    for number in range(50):
        viewer.do("set", NAME, "n", number)
        assert viewer.get("n") == number
    assert viewer.revision() == own.space.property("Revision")


def test_snapshot_is_of_one_revision(own):
    own.space.apply({"a": V("u", 0), "b": V("u", 0)})
    with LibViewer(own.bus) as viewer:
        viewer.open(NAME)
        calls = [own.space.start_apply({"a": V("u", n), "b": V("u", n)}) for n in range(1, 50)]
        for _ in range(200):
            values = viewer.do("snapshot", "a b").value()[0]
            assert values["a"] == values["b"]
        for call in calls:
            call.result()


def test_errors_of_opening(own, viewer):
    failed(viewer.open("org.example.Absent"), errno.ENOENT, ERROR + "NoSuchNamespace")
    failed(viewer.open("nonsense"), errno.EINVAL, ERROR + "InvalidName")
    own.space.set_access(mode=0o600)
    with LibViewer(own.bus, user="alice") as alice:
        failed(alice.open(NAME), errno.EOPNOTSUPP, DBUS_ERROR + "NotSupported")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return view.build_library(tmp_path_factory.mktemp("view"))


def hold(own, library, n):
    """Views that somebody has, each ended before the next."""
    held = []
    for number in range(n):
        held.append(view.View(library, view.open_fd(own.space)[0]))
        own.space.set_access(mode=0o644 if number % 2 else 0o640)
    return held


def test_busy(own, library):
    own.space.set("a", 1)
    with LibViewer(own.bus) as viewer:
        viewer.open(NAME)
        held = hold(own, library, 3)
        assert viewer.get("a") == 1 and viewer.is_stale()
        own.space.set("a", 2)
        failed(viewer.do("refresh"), errno.EBUSY, ERROR + "Busy")
        assert viewer.get("a") == 1 and viewer.is_stale()
        failed(viewer.do("wait", 0xFFFFFFFF, 50000), errno.ETIMEDOUT)

        for each in held:
            each.close()
        retry_until(lambda: viewer.get("a") == 2, 20, "the view to be opened anew")
        assert not viewer.is_stale()


def assert_follows(own, viewer, n=200, read="get"):
    """While views become full."""
    for number in range(n):
        own.space.set("a", f"{number} " + "x" * 2000)
        assert viewer.do(read, "a").value().split()[0] == str(number)
        assert viewer.n_memories() <= 2
    assert not viewer.is_stale()


@pytest.mark.parametrize("loop", ["poll", "none"])
def test_full_view_is_followed_by_reading(own, loop):
    own.space.set("a", "first")
    with LibViewer(own.bus, loop) as viewer:
        viewer.open(NAME)
        before = own.root.statistics()["view-generations"].unpack()
        assert_follows(own, viewer)
        assert own.root.statistics()["view-generations"].unpack() <= before + 2


def test_strings_lent_are_given_back_in_the_loop(own):
    own.space.set("a", "first")
    with LibViewer(own.bus) as viewer:
        viewer.open(NAME)
        assert_follows(own, viewer, read="get_string")


def test_strings_lent_without_a_loop_end_with_refresh(own):
    """Pointers into two views are as many as one has; then it is stale and says so."""
    own.space.set("a", "first")
    with LibViewer(own.bus, "none") as viewer:
        viewer.open(NAME)
        for number in range(300):
            own.space.set("a", f"{number} " + "x" * 2000)
            viewer.do("get_string", "a").value()
            assert viewer.n_memories() <= 2
        assert viewer.is_stale()
        assert viewer.do("get_string", "a").value().split()[0] != "299"
        assert viewer.do("refresh").result == 0
        assert viewer.do("get_string", "a").value().split()[0] == "299" and not viewer.is_stale()
        assert viewer.n_memories() == 1


@pytest.mark.parametrize("loop", ["poll", "none"])
def test_another_access_is_followed(own, loop):
    own.space.set("a", 1)
    with LibViewer(own.bus, loop) as viewer:
        viewer.open(NAME)
        own.space.set_access(mode=0o640)
        assert viewer.is_stale() and viewer.do("peek", "a").value()[2] == 1
        own.space.set("a", 2)
        assert viewer.get("a") == 2 and not viewer.is_stale()


@pytest.mark.parametrize("loop", ["poll", "none"])
def test_access_withdrawn_and_given_back(own, loop):
    own.space.set_access(mode=0o644)
    own.space.set("a", 1)
    with LibViewer(own.bus, loop, user="alice") as viewer:
        viewer.open(NAME)
        own.space.set_access(mode=0o600)
        failed(viewer.do("refresh"), errno.EOPNOTSUPP, DBUS_ERROR + "NotSupported")
        for read in (("get", "a"), ("get_int32", "a"), ("peek", "a"), ("next",), ("snapshot",), ("wait", 0)):
            failed(viewer.do(*read), errno.ESTALE)
        assert viewer.is_stale() and viewer.revision() > 0

        own.space.set("a", 2)
        own.space.set_access(mode=0o644)
        assert viewer.do("refresh").result == 0
        assert viewer.get("a") == 2 and not viewer.is_stale()


@pytest.mark.parametrize("loop", ["poll", "none"])
def test_namespace_removed_and_made_again(own, loop):
    own.space.set("a", 1)
    with LibViewer(own.bus, loop) as viewer:
        viewer.open(NAME)
        before = viewer.revision()
        own.root.remove(NAME, 1)
        failed(viewer.do("peek", "a"), errno.ESTALE)
        failed(viewer.do("get", "a"), errno.ESTALE)
        failed(viewer.do("refresh"), errno.ENOENT, ERROR + "NoSuchNamespace")

        own.root.create(NAME).set("b", 2)
        assert viewer.do("refresh").result == 0
        assert viewer.everything() == {"b": 2} and viewer.revision() > before


def test_loop_alone_finds_what_is_there_again(own, viewer):
    """Nothing is read, or refreshed, meanwhile."""
    own.root.remove(NAME, 1)
    failed(viewer.do("get", "a"), errno.ESTALE)
    own.root.create(NAME)
    retry_until(lambda: not failed_read(viewer), 20, "the view to be there")


def failed_read(viewer):
    return viewer.do("snapshot").result < 0


def test_restoration_is_followed(own, viewer):
    own.space.set("a", 1)
    own.root.mark_good()
    own.space.set("a", 2)
    assert viewer.get("a") == 2
    own.root.restore()
    assert viewer.get("a") == 1


def test_waiting(own, viewer):
    revision = own.space.set("a", 1)
    failed(viewer.do("wait", revision, 20000), errno.ETIMEDOUT)
    viewer.write(("wait", revision, "-"))
    later = own.space.set("a", 2)
    assert viewer.take_reply("wait").value() == later
    assert viewer.do("wait", revision, 0).value() == later


def test_waiting_goes_on_over_full_views(own, viewer):
    revision = own.space.set("a", "first")
    for number in range(100):
        viewer.write(("wait", revision, "-"))
        own.space.set("a", f"{number} " + "x" * 2000)
        revision = viewer.take_reply("wait").value()
        assert viewer.get("a").split()[0] == str(number)


def test_waiting_ends_with_the_namespace(own, viewer):
    viewer.write(("wait", 1 << 60, "-"))
    own.root.remove(NAME, 1)
    failed(viewer.take_reply("wait"), errno.ESTALE)


def test_reading_asks_the_system_for_nothing(own, viewer):
    own.space.set("n", V("u", 5))
    assert viewer.do("read_quietly", "n", 20000).result == 0
    # and would be found out
    failed(viewer.do("read_quietly", "absent", 1), errno.ENOENT)


def test_several_threads_read(own, viewer):
    own.space.set("n", V("u", 0))
    viewer.write(("read_by_threads", "n", 3, 1000000))
    number = 0
    while not viewer.has_output():
        number += 1
        own.space.set("n", V("u", number))
    assert viewer.take_reply("read_by_threads").value() > 1000
    assert viewer.get("n") == number


def test_view_outlives_the_regent(own):
    own.space.set("a", 1)
    viewer = LibViewer(own.bus)
    viewer.line("open 0 -")
    viewer.open(NAME)
    revision = viewer.revision()
    assert f"reply after 0 - ({{'a': <int64 1>}}, uint64 {revision})" in viewer.end()


def test_descriptors_are_given_back(own, viewer):
    before = viewer.n_fds()
    for _ in range(5):
        viewer.open(NAME)
    assert viewer.n_fds() == before and viewer.n_memories() == 1
    viewer.do("free")
    assert viewer.n_memories() == 0
